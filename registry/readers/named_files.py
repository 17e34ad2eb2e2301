"""The files below a folder, found by what a table calls them: a path, a name, a name without suffix.

Nothing outside the folder is ever looked at, whatever a table says.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from registry.errors import DataError
from registry.readers.spellings import folded


class NamedFiles:
    """Files below a folder.

    Attributes:
        files: their paths below it, in order, ``/`` between the parts.
    """

    def __init__(self, files: Sequence[str]) -> None:
        self.files = tuple(files)

    @cached_property
    def _by_path(self) -> dict[str, list[str]]:
        return _index(self.files, folded)

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        return _index(self.files, lambda file: folded(file.rpartition("/")[2]))

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        return _index(self.files, lambda file: stem_of(folded(file.rpartition("/")[2])))

    def called(self, text: str) -> list[str]:
        """The files that a text may mean, those that fit its folders best; none where nothing has its name.

        A text may have folders that lie above `root`, may lack some, and may lack the suffix or have another one.
        """
        wanted = _parts(text)
        if not wanted:
            return []
        name = wanted[-1]
        exact = self._by_path.get("/".join(wanted))
        found = exact or self._by_name.get(name) or self._by_stem.get(name) or self._by_stem.get(stem_of(name)) or []
        if len(found) > 1:
            found = _closest(found, wanted)
        if len(found) > 1:  # of those that differ in case alone, the one that is spelled so
            found = [file for file in found if file.endswith(text.strip())] or found
        return list(found)

    def has(self, text: str) -> bool:
        """Whether a file has that very name, with its suffix."""
        wanted = _parts(text)
        return bool(wanted) and wanted[-1] in self._by_name and "." in wanted[-1]

    def agrees(self, text: str, file: str) -> bool:
        """Whether the folders in a text are those of a file as far as both have them."""
        return _shared(file, _parts(text)) >= min(len(_parts(text)), file.count("/") + 1)


def _index(files: Iterable[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for file in files:
        found[key(file)].append(file)
    return dict(found)


def stem_of(name: str) -> str:
    """A file name without its suffix, two of them for ``.nii.gz``; what looks like a number is no suffix."""
    name = name.removesuffix(".gz")
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and stem and suffix.isalnum() and not suffix.isdecimal() and len(suffix) <= 5 else name


def leaves(text: str) -> bool:
    """Whether a relative path leads out of the folder that it stands in."""
    depth = 0
    for part in text.replace("\\", "/").split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        if depth < 0:
            return True
    return False


def _parts(text: str) -> Sequence[str]:
    parts = folded(text.strip().replace("\\", "/")).split("/")
    return [part for part in parts if part not in ("", "..", ".")]


def _shared(file: str, wanted: Sequence[str]) -> int:
    """How many parts of a path agree with those wanted, from the end; the name counts without its suffix."""
    parts = folded(file).split("/")
    same = int(stem_of(parts[-1]) == stem_of(wanted[-1]) or parts[-1] == wanted[-1])
    for one, other in zip(reversed(parts[:-1]), reversed(wanted[:-1]), strict=False):
        if one != other:
            break
        same += 1
    return same


def _closest(files: Iterable[str], wanted: Sequence[str]) -> list[str]:
    shared = {file: _shared(file, wanted) for file in files}
    best = max(shared.values())
    return [file for file, count in shared.items() if count == best]


def only(files: Sequence[str], text: str, where: str) -> str | None:
    """The one file of those that a text may mean; None of none.

    Raises:
        DataError: there are several.
    """
    if len(files) > 1:
        raise DataError(
            f"{where} says {text!r}, and {len(files)} files are called so: {files[0]}, {files[1]}"
            f"{', …' if len(files) > 2 else ''}; give their folders in that column, or --data one folder"
        )
    return files[0] if files else None
