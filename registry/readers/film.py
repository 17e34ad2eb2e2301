"""An image file, and what the folders above it say: a label, a part, a mask, or nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from registry.readers import folder_names as names
from registry.readers.walk import File

SHOWN = 6  # names in a message


@dataclass(frozen=True, slots=True)
class Film:
    """An image file, or one of masks, and what the folders above it say.

    Attributes:
        part: ``train``, ``validation`` or ``test``; None where no folder says it.
        part_folder: the name of the folder that does, as it is written; empty where none does.
        named: the folders that are neither parts nor without meaning: a label first, then what is in it.
        kind: ``image``, ``mask``, ``annotation`` (may be a mask) or ``other mask`` (of something that is no lung).
        side: of a mask that is one of two: ``left`` or ``right``.
        of: what the folder of other masks is called besides: ``Normal`` of ``Normal_masks``.
    """

    file: File
    part: str | None
    part_folder: str
    named: tuple[str, ...]
    kind: str = "image"
    side: str = ""
    of: str = ""


def film(file: File) -> Film:
    """What the folders above an image file say of it."""
    said = _said(file.folders)
    if said.kind in ("mask", "annotation") and names.is_organ(Path(file.name).stem):
        said = replace(said, kind="other mask")
    return replace(said, file=file)


@lru_cache(maxsize=1 << 16)
def _said(folders: tuple[str, ...]) -> Film:
    """What these folders say of every file in the last of them."""
    part, part_folder, kind, side, of = None, "", "image", "", ""
    named: list[str] = []
    aside: list[tuple[int, str]] = []  # folders called like masks above one called images hold whole collections
    for name in folders:
        if (found := names.part(name)) and not names.holds_masks(name):
            part, part_folder = found, name
        elif names.holds_masks(name):
            part = names.part(name) or part
            kind = "annotation" if names.is_annotation(name) else "mask"
            side, of = names.side(name) or side, ""
            aside.append((len(named) + len(aside), name))
        elif names.holds_other_masks(name):
            kind, of = "other mask", names.masks_of(name)
            aside.append((len(named) + len(aside), name))
        elif kind != "image" and names.side(name):
            side = names.side(name)
        elif kind != "image" and names.is_other_organ(name):
            kind = "other mask"
        elif kind != "image" and names.says_images(name):
            for place, collection in aside:
                named.insert(place, collection)
            kind, side, of, aside = "image", "", "", []
        elif not names.is_plain(name):
            named.append(name)
    return Film(File("", folders, ""), part, part_folder, tuple(named), kind, side, of)


def some(found: Iterable[str]) -> str:
    """The first of some names, and how many more."""
    listed = list(found)
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return ", ".join(listed[:SHOWN]) + more
