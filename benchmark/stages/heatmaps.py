"""Heat maps of a run's evidence, by the method that its head allows."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmark.models.classical import load as load_classifier
from benchmark.models.classical import logits
from benchmark.models.gradcam import grad_cam, upsample
from benchmark.models.occlusion import occlusion
from benchmark.stages.features import load_backbone, pooled
from benchmark.stages.fit import load_inputs
from benchmark.storage.code import packages_of
from registry.lookup import find
from registry.networks.saved import load_network

if TYPE_CHECKING:
    from benchmark.stages.context import Context

GRADIENTS, PATCHES = "Grad-CAM", "occlusion"
COSTLY = 64  # images that are worth some fifty passes each


class Mapper(NamedTuple):
    """How a run's evidence is mapped.

    Attributes:
        method: ``Grad-CAM``, or ``occlusion`` where there is no gradient.
        heat: rows (n,) of the prepared images and classes (n,) -> maps (n, h, w), >= 0.
        images: rows -> what the classifier sees, uint8 (n, H, W).
        at_most: how many images are worth a map for the statistics; None: all.
    """

    method: str
    heat: Callable[[np.ndarray, np.ndarray], np.ndarray]
    images: Callable[[np.ndarray], np.ndarray]
    at_most: int | None = None


def mapper(context: "Context") -> Mapper:
    """The maps of a run; of a vote, those of its members joined."""
    if context.members:
        return _joined(context)
    inputs = load_inputs(context.artefacts)

    def images(rows: np.ndarray) -> np.ndarray:
        return inputs[rows]

    backbone = load_backbone(context)
    if not context.spec.classical:
        head = load_network(context.artefacts["fit"] / "head.keras", "head", context.spec.head.name)
        return Mapper(GRADIENTS, lambda rows, classes: grad_cam(backbone, head, unit(images(rows)), classes), images)
    network = pooled(backbone, inputs.shape[1])
    own = packages_of(find("head", context.spec.head.name).distribution)
    classifier, count = load_classifier(context.artefacts["predict"], own), len(context.spec.classes)

    def logits_of(films: np.ndarray) -> np.ndarray:
        return logits(classifier, network.predict_on_batch(films[..., None]), count)

    return Mapper(PATCHES, lambda rows, classes: occlusion(logits_of, images(rows), classes), images, COSTLY)


def unit(films: np.ndarray) -> np.ndarray:
    """Images float32 (n,H,W,1) in [0, 1]."""
    return films[..., None].astype(np.float32) / 255


def _joined(context: "Context") -> Mapper:
    """A vote's maps: of the member that knows the class alone, else the mean of all, each with a sum of 1."""
    members = {name: mapper(member) for name, member in context.members.items()}
    columns = {name: context.spec.column(name) for name in members}
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
            for place, found in zip(asked, member.heat(rows[asked], explained), strict=True):
                large = upsample(found, shape)
                total[place] += large / max(float(large.sum()), 1e-12)
        return total

    return Mapper(methods, heat, first.images, COSTLY)
