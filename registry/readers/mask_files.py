"""Which files of masks belong to which images: by folder and name, with the words that people add to either."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from registry.contracts import PassedOver
from registry.errors import DataError
from registry.readers import folder_names
from registry.readers import tree as trees
from registry.readers.film import Film
from registry.readers.layout import name_key, natural
from registry.readers.spellings import folded

_SIDE = re.compile(r"(?:(?P<before>.+?)[ _.-]+)?(?P<side>left|right|l|r)(?:[ _.-]+(?P<after>.+))?$")
_WORDS = "masks?|seg|segm|segmentation|lungs?|gt|manual|pred|predicted|annotation|label"
_AFTER = re.compile(rf"(.+?)(?:[ _.-]+(?:{_WORDS})|masks?)$")  # 3_mask, 3-seg, 3mask
_BEFORE = re.compile(rf"(?:(?:{_WORDS})[ _.-]+|masks?)(.+)$")
_OF_IMAGE = re.compile(r"(?:(?:image|img|cxr|xray|film)[ _.-]+)?(.+?)(?:[ _.-]+(?:image|img|cxr|xray|film))?$")


_Place = tuple[str | None, tuple[str, ...], str]  # part, folders and name


@dataclass(frozen=True, slots=True)
class _Mask:
    """A file of a mask, and which side of it that is; empty for all of it."""

    film: Film
    side: str


def pair(images: Sequence[Film], masks: Sequence[Film]) -> tuple[dict[str, tuple[str, ...]], list[PassedOver]]:
    """Path of an image -> the paths of its mask, or of its left and right one; and annotations that are no masks.

    Raises:
        DataError: a mask without an image, several for one, or a left one without a right one.
    """
    pairs, orphans = matched(images, masks)
    aside = [one for one in orphans if one.kind == "annotation"]
    _check_orphans([one for one in orphans if one.kind != "annotation"], images, bool(pairs))
    return pairs, trees.passed_over([one.file for one in aside], "annotations, called like no image")


def matched(images: Sequence[Film], masks: Sequence[Film]) -> tuple[dict[str, tuple[str, ...]], list[Film]]:
    """Path of an image -> the paths of its mask, or of its left and right one; and masks that are called like no image.

    Raises:
        DataError: a mask that may belong to several images, several for one, or a left one without a right one.
    """
    index = _Index(images)
    found: dict[str, list[_Mask]] = defaultdict(list)
    orphans: list[Film] = []
    unclear: list[tuple[Film, list[Film]]] = []
    for mask in masks:
        hits, side = index.find(mask)
        if len(hits) > 1:
            unclear.append((mask, hits))
        elif hits:
            found[hits[0].file.path].append(_Mask(mask, side))
        else:
            orphans.append(mask)
    _check_unclear(unclear)
    return {path: _joined(path, parts) for path, parts in found.items()}, orphans


def among_images(images: Sequence[Film]) -> tuple[list[Film], list[Film]]:
    """Images, and the masks that lie among them in the same folder, called like one of them with ``mask`` added."""
    there = {(film.file.folders, name_key(film.file.name)) for film in images}
    masks = [film for film in images if any((film.file.folders, key) in there for key in _unmasked(film))]
    paths = {film.file.path for film in masks}
    return [film for film in images if film.file.path not in paths], masks


def _unmasked(film: Film) -> Iterator[str]:
    """Names of the image that a file is the mask of, if it says that it is one."""
    key = name_key(film.file.name)
    if "mask" not in key:  # spares the words of many thousand names
        return
    if "mask" in folder_names.words(key) or key.endswith("mask") or key.startswith("mask"):
        yield from (other for other, _ in _spellings(key) if other != key)


class _Index:
    """Images by part, folders and name."""

    def __init__(self, images: Sequence[Film]) -> None:
        self.placed: dict[_Place, list[Film]] = defaultdict(list)
        self.other: dict[_Place, list[Film]] = defaultdict(list)  # by name without ``image``
        self.by_name: dict[str, list[Film]] = defaultdict(list)
        for film in images:
            key = name_key(film.file.name)
            place = film.part, _folded(film.named)
            self.placed[*place, key].append(film)
            self.by_name[key].append(film)
            plain = _OF_IMAGE.match(key)
            if plain and plain[1] != key:
                self.other[*place, plain[1]].append(film)

    def find(self, mask: Film) -> tuple[list[Film], str]:
        """The images that a mask may belong to, and the side of them that it is."""
        place = mask.part, _folded(mask.named)
        spellings = list(_spellings(name_key(mask.file.name)))
        for index in (self.placed, self.other):
            for name, side in spellings:
                if hits := index.get((*place, name)):
                    return hits, mask.side or side
        for name, side in spellings:
            if hits := [film for film in self.by_name.get(name, ()) if _may_be(mask, film)]:
                return hits, mask.side or side
        return [], ""


def _may_be(mask: Film, image: Film) -> bool:
    """Whether the folders of a mask, which may be fewer, do not speak against an image."""
    return set(_folded(mask.named)) <= set(_folded(image.named)) and mask.part in (None, image.part)


def _check_unclear(unclear: Sequence[tuple[Film, list[Film]]]) -> None:
    """See that each mask belongs to one image.

    Raises:
        DataError: some may belong to several; all of these are named.
    """
    if not unclear:
        return
    groups = dict.fromkeys(" and ".join(_shown(film) for film in hits) for _, hits in unclear)
    raise DataError(
        f"mask {_shown(unclear[0][0])} may belong to several images; two files of one name: {'; '.join(groups)}; "
        "rename them, each like its mask"
    )


def _spellings(key: str) -> Iterator[tuple[str, str]]:
    """Names that the image of a mask may have, and the side that the mask's name says; its own name first."""
    bare = _without_words(key)
    yield from ((name, "") for name in bare)
    for name in bare:
        match = _SIDE.match(name)
        if match and bool(match["before"]) != bool(match["after"]):
            side = folder_names.SIDES[match["side"]]
            yield from ((one, side) for one in _without_words(match["before"] or match["after"]))


def _without_words(name: str) -> list[str]:
    """A name as it is, and without the words that masks are called by, one after the other."""
    bare = [name]
    for one in bare:
        cut = [match[1] for match in (_AFTER.match(one), _BEFORE.match(one)) if match]
        bare += [other for other in cut if other not in bare]
    return bare


def _joined(image: str, masks: Sequence[_Mask]) -> tuple[str, ...]:
    """The files of one image's mask.

    Raises:
        DataError: there are several, or one half alone.
    """
    sides = sorted(mask.side for mask in masks)
    paths = tuple(sorted(mask.film.file.path for mask in masks))
    if sides in ([""], ["left", "right"]):
        return paths
    names = " and ".join(_shown(mask.film) for mask in masks[:2])
    if len(masks) == 1:
        other = "right" if sides == ["left"] else "left"
        raise DataError(f"mask {names} is the {sides[0]} lung alone; add the {other} one, or remove it")
    raise DataError(f"image {'/'.join(Path(image).parts[-3:])} has several masks, {names}; keep one, or left and right")


def _check_orphans(orphans: Sequence[Film], images: Sequence[Film], paired: bool) -> None:
    if not orphans:
        return
    first, *rest = sorted(orphans, key=lambda film: natural(film.file.path))
    more = f" and {len(rest)} more" if rest else ""
    remedy = "remove the mask or restore the image"
    if not paired:
        remedy = f"images are called like {images[0].file.name}; expected masks called so too, with or without _mask"
    raise DataError(f"mask {first.file.path}{more} has no image; {remedy}")


def _folded(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(folded, names))


def _shown(film: Film) -> str:
    return "/".join((*film.file.folders[-2:], film.file.name))
