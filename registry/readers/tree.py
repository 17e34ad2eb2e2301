"""What lies in a folder, at any depth: images by their suffix or their first bytes, other files, and what is skipped.

Hidden and system files and the program's own results and caches are skipped.  No image is decoded.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from registry.contracts import PassedOver
from registry.errors import DataNotFoundError
from registry.readers.folder_names import is_hidden, is_system
from registry.readers.kinds import is_image
from registry.readers.walk import EXAMPLES, Aside, File, entries, is_own, levels

ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")

_PIECE = 4096  # bytes at the beginning and in the middle that tell two files of one size and name apart


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
    tree, aside = Tree(root), Aside()
    for level in levels(root, aside):
        tree.folders += [level.folders] if level.folders else []
        for file in level.files:
            (tree.images if is_image(file.path) else tree.others).append(file)
    tree.skipped += aside.all
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
    raise DataNotFoundError(f"data folder {root} {state}; expected a folder of images")


def listed(folder: Path) -> list[Path]:
    """What is directly in a folder, by name.

    Raises:
        DataNotFoundError: it cannot be listed.
    """
    return [folder / entry.name for entry in entries(folder)]


def sub_folders(folder: Path) -> list[Path]:
    """The folders directly in a folder that may hold data, by name."""
    return [
        path
        for path in listed(folder)
        if path.is_dir() and not is_hidden(path.name) and not is_system(path.name) and not is_own(path)
    ]


def first_image(folder: Path) -> Path | None:
    """Some image in a folder, at any depth; None where it has none."""
    files = (file for level in levels(folder, Aside()) for file in level.files)
    return next((Path(file.path) for file in files if is_image(file.path)), None)


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
