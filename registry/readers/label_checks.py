"""Whether the folders that were taken for labels can be some, and what they may be instead."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from registry.errors import DataError, DataNotFoundError
from registry.readers import folder_names as names
from registry.readers import label_tables
from registry.readers.film import Film, film, some
from registry.readers.spellings import label_key
from registry.readers.tree import Tree

MANY = 5  # labels, of which no folder may hold an image or two


def check_labels(
    tree: Tree, images: Sequence[Film], found: Mapping[str, Sequence[Film]], above: int, *, chosen: bool
) -> None:
    """See that the folders that were taken for labels can be some.

    Raises:
        DataNotFoundError: there is none.
        DataError: there is one, or they are numbers, or labels may lie deeper.
    """
    labels, root = sorted(found), tree.root
    if not labels:
        where = some(sorted({"/".join(one.file.folders) or "." for one in images}))
        raise DataNotFoundError(
            f"data folder {root} holds images without labels (in {where}); expected one sub-folder per label"
            f"{_table_beside(tree, images)}"
        )
    numbered = [] if chosen else [label for label in labels if names.names_one(label)]
    if len(labels) == 1 or (numbered == labels and above):
        only = labels[0] if len(labels) == 1 else found[labels[0]][0].named[above - 1]
        raise DataError(
            f"data folder {root} holds one label, {only}; a task needs two or more{_table_beside(tree, images)}"
        )
    if numbered:
        raise DataError(
            f"data folder {root}: {some(numbered)} are called like patients, studies or numbers, not like labels; "
            f"expected one sub-folder per label{_table_beside(tree, images)}"
        )
    if not chosen:
        _check_few(root, found)
        _check_depth(root, found, above)


def _check_few(root: Path, found: Mapping[str, Sequence[Film]]) -> None:
    """See that the folders are not nearly as many as the images.

    Raises:
        DataError: they are.
    """
    images = sum(map(len, found.values()))
    if len(found) > MANY and 2 * len(found) > images:
        raise DataError(
            f"data folder {root}: {len(found):,} folders of {images:,} images ({some(sorted(found))}) are patients or "
            "studies rather than labels; expected one sub-folder per label, or say --dataset 'folder[level=1]'"
        )


def _table_beside(tree: Tree, images: Sequence[Film]) -> str:
    """What to add where the folders tell no labels."""
    tables = label_tables.naming(tree.others, {one.file.name for one in images})
    return f"; a table of labels lies here, {some(tables)}, which another dataset may read" if tables else ""


def check_tables(tree: Tree, found: Mapping[str, Sequence[Film]], above: int) -> None:
    """See that no table beside the labels' folders gives the images other labels.

    Raises:
        DataError: one does.
    """
    beside = [file for file in tree.others if len(film(file).named) <= above]
    images = {one.file.name for films in found.values() for one in films}
    tables = label_tables.contradicting(beside, images, found)
    if tables:
        raise DataError(
            f"data folder {tree.root}: a table of labels lies here, {some(tables)}, and the folders {some(found)} are "
            "none of its labels; read it with a dataset that takes tables (bench list datasets), or move it away"
        )


def _check_depth(root: Path, found: Mapping[str, Sequence[Film]], above: int) -> None:
    """See that not the folders in them are the labels: hospitals that hold the same two diagnoses each.

    Raises:
        DataError: they may be.
    """
    inner = {label: {name for one in films for name in one.named[above + 1 :]} for label, films in found.items()}
    spelled = {label_key(label) for label in found}
    for label, below in sorted(inner.items()):
        again = sorted(name for name in below if label_key(name) in spelled - {label_key(label)})
        if again:
            raise DataError(
                f"data folder {root}: folder {label} holds {some(again)}, which lies beside it too; "
                "remove one, or give --data the folder with the labels"
            )
    holders = Counter(label_key(name) for below in inner.values() for name in below if names.is_finding(name))
    common = sorted(name for name, count in holders.items() if count > 1)
    if common:
        both = [label for label, below in inner.items() if {label_key(name) for name in below} & set(common)]
        raise DataError(
            f"data folder {root}: {some(both)} each hold {some(common)}, so either may be the labels; "
            "give --data one of them, or say --dataset 'folder[level=1]' or 'folder[level=2]'"
        )
