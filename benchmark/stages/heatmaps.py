"""Heat maps of the log-odds that a run gives: of its classifier, or of the members of a vote joined."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmark.evaluation.localisation import upsample
from benchmark.models.pipeline import GRADIENTS, load_classifier
from benchmark.stages.model_files import model_files
from benchmark.stages.reading import Reader

COSTLY = 64  # images that are worth some fifty passes each


class Mapper(NamedTuple):
    """How the class log-odds of a run are mapped.

    Attributes:
        method: ``Grad-CAM``, or ``occlusion`` where there is no gradient.
        heat: rows (n,) of the prepared images and classes (n,) -> heat maps (n, h, w), >= 0.
        images: rows -> what the classifier sees, uint8 (n, H, W).
        at_most: how many images are worth a map for the statistics; None: all.
    """

    method: str
    heat: Callable[[np.ndarray, np.ndarray], np.ndarray]
    images: Callable[[np.ndarray], np.ndarray]
    at_most: int | None = None


def mapper(run: Reader) -> Mapper:
    """The heat maps of a run; of a vote, those of its members joined."""
    if run.members:
        return _joined(run)
    classifier = load_classifier(model_files(run), run.spec)
    at_most = None if classifier.method == GRADIENTS else COSTLY
    return Mapper(
        classifier.method,
        lambda rows, classes: classifier.heat(run.views[rows], classes),
        lambda rows: run.views[rows],
        at_most,
    )


def _joined(run: Reader) -> Mapper:
    """A vote's heat maps: of the member that knows the class alone, else the mean of all, each with a sum of 1."""
    members = {name: mapper(member) for name, member in run.members.items()}
    columns = {name: run.spec.column(name) for name in members}
    first = next(iter(members.values()))
    methods = " and ".join(sorted({member.method for member in members.values()}))

    def heat(rows: np.ndarray, classes: np.ndarray) -> np.ndarray:
        shape = first.images(rows[:1]).shape[1:]
        total = np.zeros((len(rows), *shape), np.float32)
        for name, member in members.items():
            column = columns[name]
            asked = np.flatnonzero(classes == column) if column is not None else np.arange(len(rows))
            if not len(asked):
                continue
            explained = classes[asked] if column is None else np.ones(len(asked), int)  # its class comes second
            for place, heat in zip(asked, member.heat(rows[asked], explained), strict=True):
                large = upsample(heat, shape)
                total[place] += large / max(float(large.sum()), 1e-12)
        return total

    return Mapper(methods, heat, first.images, COSTLY)
