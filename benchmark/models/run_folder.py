"""A run's folder as a pipeline: the models that it keeps, used as its record says.

What stands in for `benchmark.models.pipeline`, with the same names, until the stages go through that too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import keras
import msgspec
import numpy as np

from benchmark.data.image import EQUALISERS, film
from benchmark.data.masking import apply_masks
from benchmark.data.prepared import equalise_inside
from benchmark.evaluation.calibration import Calibration, correct_prior, evidence, log_prior
from benchmark.models.classical import load as load_classical
from benchmark.models.classical import logits as classical_logits
from benchmark.models.gradcam import grad_cam
from benchmark.models.occlusion import occlusion
from benchmark.records.files import FILE, verify
from benchmark.stages.features import pooled
from benchmark.stages.predict import joined
from benchmark.storage.code import packages_of
from benchmark.tasks.spec import Images, RunSpec
from registry.contracts import Sample
from registry.errors import DataError
from registry.lookup import find
from registry.lookup import load as load_component

MODELS = "model"
BATCH = 64


class Classifier(NamedTuple):
    """Views uint8 (n,H,W) -> logits (n,K); views and classes (n,) -> heat maps; how those are made."""

    logits: Callable[[np.ndarray], np.ndarray]
    heat: Callable[[np.ndarray, np.ndarray], np.ndarray]
    method: str


class Answers(NamedTuple):
    """Of n images; K classes; `masks` is None where the classifier sees the whole frame."""

    masks: np.ndarray | None
    views: np.ndarray
    logits: np.ndarray
    evidence: np.ndarray
    probabilities: np.ndarray
    decided: np.ndarray


@dataclass(frozen=True)
class Pipeline:
    """All that a run has learnt, as functions of images."""

    images: Images
    segmentation: Callable[[np.ndarray], np.ndarray] | None
    classifier: Classifier
    calibration: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]

    def prepare(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Images uint8 (H,W) as the run prepared its own, uint8 (n,S,S)."""
        equalise = EQUALISERS[self.images.equalise]
        samples = [Sample(str(k), "", None, "", lambda image=image: image) for k, image in enumerate(images)]
        return np.stack([film(sample, self.images.size, equalise).image for sample in samples])

    def answers(self, images: np.ndarray) -> Answers:
        """What the pipeline makes of prepared images uint8 (n,S,S)."""
        masks, views = None, images
        if self.segmentation:
            masks = self.segmentation(images)
        if masks is not None or self.images.equalise == "lungs":
            lungs = np.ones(images.shape, bool) if masks is None else masks
            views = equalise_inside(images, lungs) if self.images.equalise == "lungs" else images
            views = apply_masks(views, lungs, self.images.mask)
        logits = self.classifier.logits(views)
        neutral, probabilities = self.calibration(logits)
        return Answers(masks, views, logits, neutral, probabilities, neutral.argmax(axis=1))

    def heat(self, views: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Heat maps (n,h,w) of the evidence for classes (n,), >= 0, not normalised."""
        return self.classifier.heat(views, classes)


def load_run(folder: Path) -> Pipeline:
    """The trained pipeline in the folder of a finished run."""
    record = verify(folder / FILE)
    spec, told = msgspec.convert(record.spec, RunSpec), record.calibration
    fitted = Calibration(**{name: told[name] for name in Calibration.__struct_fields__ if name in told})
    priors = [[told[name][k] for k in record.classes] for name in ("data_prior", "batch_prior")]

    def calibrated(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        corrected, neutral = correct_prior(logits, *priors), evidence(logits, priors[1])
        if fitted.method == "platt":
            odds = fitted.slope * (corrected[:, 1] - corrected[:, 0]) + fitted.intercept
            neutral = np.stack([np.zeros_like(odds), odds], axis=1) - log_prior(priors[0])
        return neutral, fitted.apply(corrected)

    models = folder / MODELS
    return Pipeline(spec.images, _segmentation(models, spec), _classifier(models, spec), calibrated)


def _classifier(models: Path, spec: RunSpec) -> Classifier:
    backbone, size = _network(models / "backbone.keras"), spec.images.size
    if not spec.classical:
        head = _network(models / "head.keras")
        network = joined(backbone, head, size)
        return Classifier(
            lambda views: network.predict(views[..., None], batch_size=BATCH, verbose=0),
            lambda views, classes: grad_cam(backbone, head, _unit(views), classes),
            "Grad-CAM",
        )
    features = pooled(backbone, size)
    learnt = load_classical(models, packages_of(find("head", spec.head.name).distribution))

    def logits(views: np.ndarray) -> np.ndarray:
        found = features.predict(views[..., None], batch_size=BATCH, verbose=0)
        return classical_logits(learnt, found, len(spec.classes))

    return Classifier(logits, lambda views, classes: occlusion(logits, views, classes), "occlusion")


def _segmentation(models: Path, spec: RunSpec) -> Callable[[np.ndarray], np.ndarray] | None:
    if (models / "segmenter.keras").is_file():
        network = _network(models / "segmenter.keras")
        return lambda images: network.predict(_unit(images), batch_size=32, verbose=0)[..., 0] > 0.5
    size = spec.images.size
    product: Any = load_component(find("segmenter", spec.segmenter.name))((size, size, 1), **spec.segmenter.options)
    if getattr(product, "reads_dataset_masks", False):
        raise DataError(f"segmenter {spec.segmenter.name!r} takes the masks of the run's dataset, and draws none")
    if getattr(product, "whole_frame", False):
        return None
    return lambda images: np.asarray(product.predict(_unit(images)), bool)


def _network(path: Path) -> keras.Model:
    return keras.saving.load_model(path, compile=False)


def _unit(images: np.ndarray) -> np.ndarray:
    return images[..., None].astype(np.float32) / 255
