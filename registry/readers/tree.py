"""What lies in a folder, at any depth: images by their suffix or their first bytes, other files, and what is skipped.

Hidden and system files and the program's own results and caches are skipped.  No image is decoded.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from registry.contracts import PassedOver
from registry.errors import DataNotFoundError
from registry.readers.folder_names import is_hidden, is_system
from registry.readers.kinds import SUFFIXES, is_image

DEEPEST = 12  # folders below the first
EXAMPLES = 3
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")

_CACHE = {  # names in one of `bench`
    "objects", "partial", "building", "locks", "logs", "descriptions", "verdicts", "kept",
    "file-digests.json", "file-headers.json", "imports.json",
}  # fmt: skip
_PIECE = 4096  # bytes at the beginning and in the middle that tell two files of one size and name apart


@dataclass(frozen=True, slots=True)
class File:
    """A file; `folders` are the names of those between it and the folder that was looked at."""

    path: str
    folders: tuple[str, ...]
    name: str


@dataclass(slots=True)
class Tree:
    """Everything in a folder.

    Attributes:
        folders: names of those above each folder and its own.
        images, others: files, in the order of their names, folder by folder.
        skipped: what was not looked at; see `PassedOver`.
    """

    root: Path
    folders: list[tuple[str, ...]] = field(default_factory=list)
    images: list[File] = field(default_factory=list)
    others: list[File] = field(default_factory=list)
    skipped: list[PassedOver] = field(default_factory=list)


def look(root: Path) -> Tree:
    """Everything in a folder.

    Raises:
        DataNotFoundError: it is absent, is a file, or cannot be listed.
    """
    check_folder(root)
    tree = Tree(root)
    system: list[str] = []
    _walk(tree, root, (), frozenset(), system)
    tree.skipped += _grouped(system, "hidden files and a system's own", "no part of the data")
    return tree


def check_folder(root: Path) -> None:
    """See that there is a folder.

    Raises:
        DataNotFoundError: there is none, or a file, or an archive, in its place.
    """
    if root.is_dir():
        return
    if root.is_file() and root.suffix.lower() in ARCHIVES:
        raise DataNotFoundError(f"{root} is an archive; unpack it and give the folder that comes out of it")
    state = "is a file" if root.exists() else "does not exist"
    raise DataNotFoundError(f"data folder {root} {state}; expected a folder with one sub-folder per label")


def listed(folder: Path) -> list[Path]:
    """What is directly in a folder, by name.

    Raises:
        DataNotFoundError: it cannot be listed.
    """
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise DataNotFoundError(f"folder {folder} cannot be listed ({error.strerror})") from error


def sub_folders(folder: Path) -> list[Path]:
    """The folders directly in a folder that may hold data, by name."""
    return [
        path
        for path in listed(folder)
        if path.is_dir() and not is_hidden(path.name) and not is_system(path.name) and not is_own(path)
    ]


def first_image(folder: Path) -> Path | None:
    """Some image in a folder, at any depth; None where it has none."""
    return next(_images(folder, 0), None)


def without_copies(tree: Tree) -> Tree:
    """The same without files that an archive holds twice: in a folder, and in a folder in it with all its folders."""
    known = {(*file.folders, file.name): file.path for file in tree.images}
    copies = [file for file in tree.images if _original(file, known)]
    if not copies:
        return tree
    twice = {file.path for file in copies}
    kept = [file for file in tree.images if file.path not in twice]
    shown = ["/".join((*file.folders, file.name)) for file in copies]
    skipped = [*tree.skipped, *_grouped(shown, "files in a second copy", "the same files lie in the folder above")]
    return Tree(tree.root, tree.folders, kept, tree.others, skipped)


def passed_over(files: Iterable[File], why: str) -> list[PassedOver]:
    """Files that are left aside, by suffix."""
    by_suffix: dict[str, list[str]] = defaultdict(list)
    for file in files:
        suffix = Path(file.name).suffix.lower()
        by_suffix[f"{suffix} files" if suffix else "files without suffix"].append("/".join((*file.folders, file.name)))
    return [one for what, names in sorted(by_suffix.items()) for one in _grouped(names, what, why)]


def passed_over_folders(files: Iterable[File], why: str) -> list[PassedOver]:
    """Files that are left aside, by folder."""
    by_folder: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for file in files:
        by_folder[file.folders].append(file.name)
    what = {folders: f"folder {'/'.join(folders)}" if folders else "files beside the folders" for folders in by_folder}
    return [one for folders, names in sorted(by_folder.items()) for one in _grouped(names, what[folders], why)]


def _grouped(names: Sequence[str], what: str, why: str) -> list[PassedOver]:
    return [PassedOver(what, why, len(names), tuple(names[:EXAMPLES]))] if names else []


def _walk(
    tree: Tree, folder: Path, names: tuple[str, ...], above: frozenset[tuple[int, int]], system: list[str]
) -> None:
    """Adds what is in a folder to the tree."""
    status = folder.stat()
    at = (status.st_dev, status.st_ino)
    if at in above or len(names) > DEEPEST:  # a link to a folder above it
        tree.folders.pop()
        tree.skipped.append(PassedOver(f"folder {'/'.join(names)}", "a link to itself, or too deep", 0))
        return
    below = []
    for entry in _entries(folder):
        if is_hidden(entry.name) or is_system(entry.name):
            if _is_folder(entry):
                what = f"folder {'/'.join((*names, entry.name))}"
                tree.skipped.append(PassedOver(what, "hidden, or a system's own", 0))
            else:
                system.append("/".join((*names, entry.name)))
        elif _is_folder(entry):
            below.append(entry.name)
        else:
            file = File(entry.path, names, entry.name)
            (tree.images if is_image(entry.path) else tree.others).append(file)
    for name in below:
        if is_own(folder / name):
            what = f"folder {'/'.join((*names, name))}"
            tree.skipped.append(PassedOver(what, "results or a cache that bench has written", 0))
            continue
        tree.folders.append((*names, name))
        _walk(tree, folder / name, (*names, name), above | {at}, system)


def _images(folder: Path, depth: int) -> Iterator[Path]:
    """The images in a folder, those directly in it first."""
    below = []
    for entry in _entries(folder):
        if is_hidden(entry.name) or is_system(entry.name):
            continue
        if _is_folder(entry):
            below.append(folder / entry.name)
        elif is_image(entry.path):
            yield folder / entry.name
    for path in below if depth < DEEPEST else ():
        if not is_own(path):
            yield from _images(path, depth + 1)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder, by name; of many thousand files a `Path` for each would take longer than listing them."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise DataNotFoundError(f"folder {folder} cannot be listed ({error.strerror})") from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder, or a link to one; a link that leads nowhere or to itself is none.

    One called like an image counts as that, so that it is told by name when it is read.
    """
    try:
        return entry.is_dir() and Path(entry.name).suffix.lower() not in SUFFIXES
    except OSError:
        return False


def is_own(folder: Path) -> bool:
    """Whether `bench` has written a folder: a cache, results, or the results of one task."""
    try:
        with os.scandir(folder) as entries:
            names = {entry.name: _is_folder(entry) for entry in entries}
    except OSError:
        return False
    if len(_CACHE & names.keys()) > 1 or "result.json" in names:
        return True
    if "ledger" in names and any((folder / "ledger").glob("*.jsonl")):
        return True
    return any((folder / name / "result.json").is_file() for name, is_folder in names.items() if is_folder)


def _original(file: File, known: dict[tuple[str, ...], str]) -> str | None:
    """The file of the same name, folders and content, but for one folder above; None where there is none."""
    for place in range(len(file.folders)):
        other = known.get((*file.folders[:place], *file.folders[place + 1 :], file.name))
        if other and _alike(file.path, other):
            return other
    return None


def _alike(one: str, other: str) -> bool:
    """Whether two files have the same size, beginning and middle."""
    try:
        size = os.stat(one).st_size  # noqa: PTH116 (tens of thousands of files)
        return size == os.stat(other).st_size and _pieces(one, size) == _pieces(other, size)  # noqa: PTH116
    except OSError:
        return False


def _pieces(path: str, size: int) -> tuple[bytes, bytes]:
    with open(path, "rb") as file:  # noqa: PTH123
        beginning = file.read(_PIECE)
        file.seek(size // 2)
        return beginning, file.read(_PIECE)
