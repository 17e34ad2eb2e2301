"""What stages read of the artefacts before them: arrays, each file once."""

import json
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.data.prepared import Prepared, load, unpack

if TYPE_CHECKING:
    from benchmark.stages.context import Context


class Reader:
    """The artefacts of one run as arrays; what was read is kept, so one of these lives as long as one stage.

    Attributes:
        spec: of the run.
        artefacts: stage -> folder.
    """

    def __init__(self, context: "Context") -> None:
        self.spec = context.spec
        self.artefacts = context.artefacts
        self._context = context

    @cached_property
    def members(self) -> "dict[str, Reader]":
        """Of a vote: each member, to be read."""
        return {name: Reader(member) for name, member in self._context.members.items()}

    @cached_property
    def reference(self) -> "Reader | None":
        """Of a vote: the model that answers directly, where there is one."""
        return Reader(self._context.reference) if self._context.reference else None

    @cached_property
    def prepared(self) -> Prepared:
        """The prepared dataset of N images, its groups enlarged as the split keeps images together."""
        own = load(self.artefacts["prepare"])
        enlarged = self.artefacts.get("split", self.artefacts["prepare"]) / "groups.npy"
        return replace(own, groups=np.load(enlarged)) if enlarged.exists() else own

    @cached_property
    def copies(self) -> list[tuple[str, str]] | None:
        """Pairs of ids of films that are copies of one another; None where nobody searched."""
        if "copies" not in self.artefacts:
            return None
        found = json.loads((self.artefacts["copies"] / "copies.json").read_text(encoding="utf-8"))
        return [(one, other) for one, other, _ in found["pairs"]]

    @cached_property
    def subsets(self) -> np.ndarray:
        """(N,) "train", "validation", "calibration" or "test"."""
        return np.load(self.artefacts["split"] / "subsets.npy")

    @cached_property
    def views(self) -> np.ndarray:
        """What the classifier sees of every image, uint8 (N,S,S), on disk."""
        if "inputs" in self.artefacts:
            return np.load(self.artefacts["inputs"] / "images.npy", mmap_mode="r")
        return self.prepared.images

    @cached_property
    def features(self) -> np.ndarray:
        """Pooled features of every image, float32 (N,C), on disk."""
        return np.load(self.artefacts["features"] / "features.npy", mmap_mode="r")

    def rows(self, *subsets: str) -> np.ndarray:
        """Indices, ascending, of the images in some of the subsets."""
        return np.flatnonzero(np.isin(self.subsets, subsets))

    def masks(self, rows: np.ndarray) -> np.ndarray | None:
        """Predicted lung masks bool (n,S,S) of these images; None where the frame is kept whole."""
        if "masks" not in self.artefacts:
            return None
        size = self.prepared.size
        return unpack(self._packed[rows], (size, size))

    def meta(self, stage: str) -> dict[str, Any]:
        """What a stage recorded of itself."""
        meta: dict[str, Any] = json.loads((self.artefacts[stage] / "meta.json").read_text())
        return meta

    @cached_property
    def _packed(self) -> np.ndarray:
        return np.load(self.artefacts["masks"] / "masks.npy", mmap_mode="r")
