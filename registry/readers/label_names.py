"""Names that a user gives to the labels of a dataset."""

from registry.errors import OptionError


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
