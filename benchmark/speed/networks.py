"""A pipeline as it is built, before anything is trained: the very functions that runs mask and predict with."""

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np

from benchmark.evaluation.calibration import Calibration, calibrated
from benchmark.models.classical import fit, save
from benchmark.models.classifier import assemble, checked_map, made
from benchmark.models.extractor import of_network, of_predictor
from benchmark.models.pipeline import Pipeline, of_networks, on_features
from benchmark.models.segmentation import Segmentation, make_segmentation
from registry.declarations import is_feature_predictor
from registry.lookup import find, load, packages_of

if TYPE_CHECKING:
    from benchmark.tasks.spec import RunSpec

LEARNT = 512  # random feature vectors that a classical head learns from
UNTRAINED = "training: not measured, no network is trained"
STORED_MASKS = "masks: read from the dataset, so there is nothing to measure"
RANDOM_FEATURES = (
    f"head: no network, so without MACs; fitted on {LEARNT} random feature vectors, which is not measured; "
    "it grows with what it learns from images"
)


class Built(NamedTuple):
    """A pipeline with initial weights.

    Attributes:
        pipeline: its `segmentation` is None where there is no mask to predict.
        backbone: a network, or a `registry.contracts.FeaturePredictor`.
        head: None where it is no network; its size on disk is `head_bytes`.
        untrained: why there is no training to measure; empty where there is.
        notes: what is not measured, and why.
    """

    pipeline: Pipeline
    backbone: Any
    head: keras.Model | None = None
    head_bytes: int = 0
    untrained: str = ""
    notes: tuple[str, ...] = ()

    @property
    def segmenter(self) -> keras.Model | None:
        """The network that draws masks; None where they come otherwise."""
        product = self.pipeline.segmentation and self.pipeline.segmentation.product
        return product if isinstance(product, keras.Model) else None

    def view(self, images: np.ndarray, batch: int) -> np.ndarray:
        """What the classifier sees of images uint8 (n,S,S), of which the segmenter takes so many at once."""
        segmentation = self.pipeline.segmentation
        return self.pipeline.view(images, segmentation.masks(images, batch)) if segmentation else images


def build(spec: "RunSpec") -> Built:
    """The networks of a pipeline, joined as they are to predict."""
    drawing, stored = _segmentation(spec)
    made = _on_features(spec, drawing) if spec.classical else _of_networks(spec, drawing)
    return made._replace(notes=tuple(note for note in (stored, *made.notes, made.untrained) if note))


def _segmentation(spec: "RunSpec") -> tuple[Segmentation | None, str]:
    """What draws masks, or why there is nothing to measure of that."""
    found = make_segmentation(spec.segmenter, spec.images.size)
    if found.reads_dataset_masks:
        return None, STORED_MASKS
    return None if found.whole_frame else found, ""


def _of_networks(spec: "RunSpec", segmentation: Segmentation | None) -> Built:
    _, backbone, head = assemble(spec)
    classifier = of_networks(backbone, head, spec.images.size)
    return Built(Pipeline(spec.images, segmentation, classifier, _uncalibrated(spec)), backbone, head)


def _on_features(spec: "RunSpec", segmentation: Segmentation | None) -> Built:
    """With a head that is no network, fitted on random features."""
    size, classes = spec.images.size, len(spec.classes)
    backbone = made(spec.backbone, size)
    if is_feature_predictor(backbone):
        extractor = of_predictor(spec.backbone.name, backbone, size)
    else:
        extractor = of_network(checked_map(spec.backbone, backbone), size)
    learnt, head_bytes = _fitted(spec, extractor.channels)
    pipeline = Pipeline(spec.images, segmentation, on_features(extractor, learnt, classes), _uncalibrated(spec))
    return Built(pipeline, backbone, None, head_bytes, "" if spec.features_head else UNTRAINED, (RANDOM_FEATURES,))


def _uncalibrated(spec: "RunSpec") -> Any:
    equal = [1 / len(spec.classes)] * len(spec.classes)
    return partial(calibrated, Calibration("identity"), data_prior=equal, batch_prior=equal)


def _fitted(spec: "RunSpec", channels: int) -> tuple[Any, int]:
    """The classifier, having learnt noisy linear rules on random features, and its bytes as saved."""
    entry, classes = find("head", spec.head.name), len(spec.classes)
    generator = np.random.default_rng(0)
    features = generator.normal(size=(2 * LEARNT, channels)).astype(np.float32)
    scores = features @ generator.normal(size=(channels, classes)) + generator.normal(size=(len(features), classes))
    targets = scores.argmax(axis=1)
    targets[:classes] = targets[LEARNT : LEARNT + classes] = np.arange(classes)  # every class is there
    learnt = fit(
        load(entry)((None, None, channels), classes, **spec.head.options),
        features[:LEARNT],
        targets[:LEARNT],
        classes,
        balance=spec.training.balance,
        validation=(features[LEARNT:], targets[LEARNT:]),
        seed=spec.seed,
    ).classifier
    with tempfile.TemporaryDirectory() as folder:
        return learnt, save(learnt, Path(folder), packages_of(entry.distribution)).stat().st_size
