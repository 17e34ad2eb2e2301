"""Names that a user gives to the labels of a dataset."""

from collections import defaultdict
from collections.abc import Mapping

from registry.errors import OptionError
from registry.readers.spellings import label_key


def renamed(names: str) -> dict[str, str]:
    """Label -> its name, of ``0=Normal;1=Pneumonia`` or, numbered from 0, of ``Normal;Pneumonia``.

    Raises:
        OptionError: a name is given twice, or only some of them say of what.
    """
    parts = [part.strip() for part in names.split(";") if part.strip()]
    paired = [part.partition("=") for part in parts]
    told = [bool(equals) for _, equals, _ in paired]
    if any(told) and not all(told):
        raise OptionError(f"names={names!r} cannot be read; expected 0=NAME;1=NAME or NAME;NAME")
    if any(told):
        found = {label.strip(): name.strip() for label, _, name in paired}
    else:
        found = {str(number): name for number, name in enumerate(parts)}
    if len(set(found.values())) < len(parts) or not all(found.values()):
        raise OptionError(f"names={names!r} gives a name twice or none; expected a name for each label")
    return found


def joined(spelled: Mapping[str, int], what: str) -> list[str]:
    """A line where labels differ in case or separators alone and were taken for one; none where all are different.

    Args:
        spelled: label as it is written -> images.
        what: these are, such as ``label folders``.
    """
    alike: dict[str, list[str]] = defaultdict(list)
    for name in sorted(spelled):
        alike[label_key(name)].append(f"{name} {spelled[name]:,}")
    several = [", ".join(names) for names in alike.values() if len(names) > 1]
    return [f"{what} that differ in case or separators alone are one label: {'; '.join(several)}"] if several else []
