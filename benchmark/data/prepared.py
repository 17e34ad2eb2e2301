"""A prepared dataset as it is read: 8-bit arrays, memory-mapped.

Its folder, which `benchmark.data.prepare` fills (N samples, in the dataset's order):
    images.npy   uint8 (N, H, W)
    masks.npy    uint8 (N, ceil(H·W / 8)), packed bits of the lung mask; zeros where there is none
    lesions.npy  the same for lesion masks; absent when no sample has one
    marks.npy    the same for lettering and frame burnt into the film
    index.json   ids, labels, sources, groups (images with identical pixels share one), mask_annotators, lesion_known,
                 marks_known, sizes ([height, width] before resizing), frames ([top, left, height, width] of the film
                 in its image; null where none has bars beside it), parts and traits as the dataset gives them, skipped,
                 depth (see `Depth`; null without films of 16 bits a pixel), notices
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmark.data.frames import film_pixels


class Depth(NamedTuple):
    """How films of 16 bits a pixel were brought to 8.

    Attributes:
        bits: that became 0 to 255; brighter pixels were clipped.
        films: of 16 bits.
        deeper: id -> bits of the films that need more, and were scaled by their own.
    """

    bits: int
    films: int
    deeper: dict[str, int]


@dataclass(frozen=True)
class Prepared:
    """A prepared dataset, read from its folder.

    Attributes:
        ids, labels, groups: str (N,).
        sources, mask_annotators: (N,) of str or None.
        lesion_known, marks_known: bool (N,), whether the sample's lesion mask and its lettering and frame (possibly
            empty) are known.
        sizes: int (N, 2), height and width of the original.
        frames: int (N, 4), see `benchmark.data.frames`; None where no image has bars beside its film.
        parts: (N,) of str or None, the part of the dataset as it comes.
        traits: (N,) of dict, what else is known.
        images: uint8 (N, H, W), memory-mapped.
        skipped: samples left out, as ``id: reason``.
        depth: how films of 16 bits were brought to 8; None where there is none.
        notices: what a reader of results must know of how images were prepared, one line each.
    """

    folder: Path
    ids: np.ndarray
    labels: np.ndarray
    sources: np.ndarray
    groups: np.ndarray
    mask_annotators: np.ndarray
    lesion_known: np.ndarray
    marks_known: np.ndarray
    sizes: np.ndarray
    parts: np.ndarray
    traits: np.ndarray
    images: np.ndarray
    skipped: tuple[str, ...]
    frames: np.ndarray | None = None
    depth: Depth | None = None
    notices: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Side of the prepared images in pixels."""
        return int(self.images.shape[1])

    @cached_property
    def has_mask(self) -> np.ndarray:
        """bool (N,)."""
        return np.array([annotator is not None for annotator in self.mask_annotators], bool)

    def masks(self, indices: np.ndarray | None = None) -> np.ndarray:
        """Lung masks bool (n, H, W) of these samples, of all by default; empty where there is none."""
        return self._bits("masks.npy", indices)

    def lesions(self, indices: np.ndarray | None = None) -> np.ndarray:
        """Lesion masks bool (n, H, W) of these samples, of all by default; empty where unknown."""
        return self._bits("lesions.npy", indices)

    def marks(self, indices: np.ndarray | None = None) -> np.ndarray:
        """Lettering and frame burnt into these samples, of all by default, bool (n, H, W); empty where unknown."""
        return self._bits("marks.npy", indices)

    def frames_of(self, indices: np.ndarray) -> np.ndarray | None:
        """Where the films lie in these images, int (n, 4); None where none has bars beside it."""
        return None if self.frames is None else self.frames[indices]

    def films(self, indices: np.ndarray) -> np.ndarray | None:
        """Bool (n, H, W), false on the bars of these images; None where none has any."""
        return None if self.frames is None else film_pixels(self.frames[indices], self.size)

    def _bits(self, name: str, indices: np.ndarray | None) -> np.ndarray:
        chosen = np.arange(len(self.ids)) if indices is None else np.asarray(indices)
        path = self.folder / name
        if not path.exists():
            return np.zeros((np.arange(len(self.ids))[chosen].size, *self.images.shape[1:]), bool)
        return unpack(np.load(path, mmap_mode="r")[chosen], self.images.shape[1:])


def load(folder: Path) -> Prepared:
    """The prepared dataset in a folder."""
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    return Prepared(
        folder=folder,
        ids=np.array(index["ids"], str),
        labels=np.array(index["labels"], str),
        sources=np.array(index["sources"], object),
        groups=np.array(index["groups"], str),
        mask_annotators=np.array(index["mask_annotators"], object),
        lesion_known=np.array(index["lesion_known"], bool),
        marks_known=np.array(index["marks_known"], bool),
        sizes=np.array(index["sizes"], int).reshape(-1, 2),
        parts=np.array(index["parts"], object),
        traits=np.array(index["traits"], object),
        images=np.load(folder / "images.npy", mmap_mode="r"),
        skipped=tuple(index["skipped"]),
        frames=None if (frames := index.get("frames")) is None else np.array(frames, int).reshape(-1, 4),
        depth=Depth(*depth) if (depth := index.get("depth")) else None,
        notices=tuple(index.get("notices", ())),
    )


def pack(masks: np.ndarray) -> np.ndarray:
    """Packed bits uint8 (n, ceil(H·W / 8)) of bool masks (n, H, W)."""
    return np.packbits(masks.reshape(len(masks), -1), axis=1)


def unpack(packed: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Bool masks (n, H, W) of packed bits; `shape` is (H, W)."""
    return np.unpackbits(packed, axis=-1, count=shape[0] * shape[1]).view(bool).reshape(-1, *shape)
