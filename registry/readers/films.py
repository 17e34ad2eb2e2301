"""The films below each label's folder, in a tree whose folders may be parts or say nothing."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from unicodedata import normalize

from registry.contracts import PassedOver
from registry.errors import DataError, DataNotFoundError
from registry.readers import folder_names as names
from registry.readers import label_names
from registry.readers import tree as trees
from registry.readers.film import Film, film, some
from registry.readers.kinds import file_kind
from registry.readers.label_checks import check_labels, check_tables
from registry.readers.spellings import label_key
from registry.readers.tree import Tree
from registry.readers.walk import File

FOREIGN = {"GIF", "NIfTI", "NRRD", "MetaImage", "HEIF", "AVIF", "JPEG XL", "OpenEXR"}  # formats of images, not read


@dataclass(frozen=True, slots=True)
class Labelled:
    """The films of each label, by its name, and what belongs to them.

    Attributes:
        depth: how many of `Film.named` stand above the label's own.
        beside: films in no label's folder.
        masks: files of masks, of all films.
        joined: a line where folders that differ in case or separators alone are one label.
        skipped: what was left aside, so far.
    """

    tree: Tree
    films: dict[str, list[Film]]
    depth: int
    beside: list[Film]
    masks: list[Film]
    skipped: list[PassedOver]
    joined: list[str]


def labelled(root: Path, depth: int = 0) -> Labelled:
    """The films below each label's folder.

    Args:
        depth: how many folders with a meaning lie from `root` to a label, the label's own among them; 0 finds it.

    Raises:
        DataNotFoundError: there is no folder, no image, or no folder that could be a label.
        DataError: folders whose meaning is not clear, or one label alone.
    """
    everything = trees.look(root)
    tree = trees.without_copies(everything)
    every = [film(file) for file in tree.images]
    images = [one for one in every if one.kind == "image"]
    every = _with_masks_of_labels(every, {label_key(name) for one in images for name in one.named})
    if not images:
        raise DataNotFoundError(_without_images(tree))
    above = depth - 1 if depth else _shared(images)
    found: dict[str, list[Film]] = defaultdict(list)
    beside: list[Film] = []
    written = Counter(one.named[above] for one in images if len(one.named) > above)
    usual = {label_key(name): normalize("NFC", name) for name, _ in reversed(written.most_common())}
    for one in images:
        if len(one.named) > above:
            found[usual[label_key(one.named[above])]].append(one)
        else:
            beside.append(one)
    check_labels(tree, images, dict(found), above, chosen=bool(depth))
    check_tables(tree, dict(found), above)
    skipped = [
        *tree.skipped,
        *trees.passed_over_folders([one.file for one in beside], "images in no label's folder"),
        *trees.passed_over([one.file for one in every if one.kind == "other mask"], "masks of something else"),
        *_folders_without_images(everything),
    ]
    masks = [one for one in every if one.kind in ("mask", "annotation")]
    return Labelled(
        tree, dict(sorted(found.items())), above, beside, masks, skipped, label_names.joined(written, "label folders")
    )


def _with_masks_of_labels(films: Sequence[Film], named: Collection[str]) -> list[Film]:
    """Films, where those in folders called like masks of a folder of images, as ``Normal_masks``, are its masks."""
    return [
        replace(one, kind="mask", named=(*one.named, one.of)) if one.of and label_key(one.of) in named else one
        for one in films
    ]


def _shared(films: Sequence[Film]) -> int:
    """How many folders all labelled films have in common, one in the other, with several others in the last."""
    named = [one.named for one in films if one.named]
    place = 0
    while len({one[place] for one in named}) == 1:
        deeper = [one for one in named if len(one) > place + 1]
        if len({one[place + 1] for one in deeper}) < 2 and len(deeper) < len(named):
            break
        if 2 * len(deeper) <= len(named) or not deeper:
            break
        named, place = deeper, place + 1
    return place


def unread(found: Labelled) -> None:
    """See that no label's folder holds images in a format that is not read.

    Raises:
        DataError: one does.
    """
    foreign = [one for one in found.tree.others if len(film(one).named) > found.depth and _is_foreign(one)]
    if foreign:
        raise DataError(
            f"{some('/'.join((*one.folders, one.name)) for one in foreign)}: a format that is not read; convert or "
            "remove them"
        )


def _is_foreign(file: File) -> bool:
    return file_kind(file.path) in FOREIGN or file.name.lower().endswith((".nii", ".nii.gz", ".mhd", ".heic"))


def _without_images(tree: Tree) -> str:
    """Why there is nothing to read."""
    archives = [file.name for file in tree.others if Path(file.name).suffix.lower() in trees.ARCHIVES]
    if archives:
        return f"data folder {tree.root} holds no image but {some(archives)}; unpack that"
    foreign = [file.name for file in tree.others if _is_foreign(file)]
    if foreign and not tree.images:
        kind = file_kind(next(file.path for file in tree.others if file.name == foreign[0])) or "their format"
        return f"data folder {tree.root} holds {some(foreign)}: {kind} is not read; convert them to PNG"
    if tree.images:
        return f"data folder {tree.root} holds masks alone; expected one sub-folder of images per label"
    if not tree.folders:
        content = "holds no folder" if tree.others else "is empty"
        return f"data folder {tree.root} {content}; expected one sub-folder per label"
    return f"data folder {tree.root} holds no image; expected one sub-folder per label, with images"


def _folders_without_images(tree: Tree) -> list[PassedOver]:
    """Folders that hold no image at all, the outermost of each.

    Raises:
        DataNotFoundError: one of them has a folder for images.
    """
    full = {file.folders[:end] for file in tree.images for end in range(len(file.folders) + 1)}
    bare = [folders for folders in tree.folders if folders not in full]
    for folders in bare:
        if names.holds_images(folders[-1]) and len(folders) > 1 and _is_name(folders[-2]):
            raise DataNotFoundError(
                f"label folder {tree.root.joinpath(*folders[:-1])} holds no image; remove it or put images into it"
            )
    counts = Counter(file.folders for file in tree.others)
    return [
        PassedOver(
            f"folder {'/'.join(one)}", "without images", sum(counts[at] for at in counts if at[: len(one)] == one)
        )
        for one in bare
        if one[:-1] in full or len(one) == 1
    ]


def _is_name(folder: str) -> bool:
    """Whether a folder's name could be a label's."""
    return not (names.is_plain(folder) or names.part(folder) or names.holds_masks(folder))
