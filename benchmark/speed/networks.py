"""A pipeline's two halves as functions of images, called as the stages of a run call them."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np

from benchmark.data.masking import apply_masks
from benchmark.data.prepared import equalise_inside
from benchmark.models.classical import fit, logits, save
from benchmark.stages.features import pooled
from benchmark.stages.fit import assemble, make_backbone
from benchmark.stages.predict import joined
from benchmark.storage.code import packages_of
from registry.declarations import is_network, keeps_whole_frame, reads_dataset_masks
from registry.lookup import find, load

if TYPE_CHECKING:
    from benchmark.stages.context import Context
    from benchmark.tasks.spec import RunSpec

LEARNT = 512  # random feature vectors that a classical head learns from
UNTRAINED = "training: not measured, no network is trained"


class Segmenter(NamedTuple):
    """From films to what the classifier sees.

    Attributes:
        network: None where masks come otherwise.
        many, one: films uint8 (n,H,W) (and images at once) -> the same, masked; None where there is no mask to predict.
    """

    network: keras.Model | None = None
    many: Callable[[np.ndarray, int], np.ndarray] | None = None
    one: Callable[[np.ndarray], np.ndarray] | None = None
    note: str = ""


class Classifier(NamedTuple):
    """From what it sees to logits.

    Attributes:
        head: None where it is no network; its size on disk is `head_bytes`.
        many, one: films uint8 (n,H,W) (and images at once) -> logits (n,K).
        untrained: why there is no training to measure; empty where there is.
    """

    backbone: keras.Model
    head: keras.Model | None
    many: Callable[[np.ndarray, int], np.ndarray]
    one: Callable[[np.ndarray], np.ndarray]
    head_bytes: int = 0
    untrained: str = ""
    note: str = ""


def segmenter(spec: "RunSpec") -> Segmenter:
    """The segmenter of a pipeline with what applies its masks."""
    size = spec.images.size
    product = load(find("segmenter", spec.segmenter.name))((size, size, 1), **spec.segmenter.options)
    if keeps_whole_frame(product):
        return Segmenter()
    if reads_dataset_masks(product):
        return Segmenter(note="masks: read from the dataset, so there is nothing to measure")

    def seen(films: np.ndarray, masks: np.ndarray) -> np.ndarray:
        inside = equalise_inside(films, masks) if spec.images.equalise == "lungs" else films
        return apply_masks(inside, masks, spec.images.mask)

    if not is_network(product):
        return Segmenter(
            many=lambda films, batch: seen(films, np.asarray(product.predict(_unit(films)), bool)),
            one=lambda films: seen(films, np.asarray(product.predict(_unit(films)), bool)),
        )
    return Segmenter(
        product,
        lambda films, batch: seen(films, product.predict(_unit(films), batch_size=batch, verbose=0)[..., 0] > 0.5),
        lambda films: seen(films, product.predict_on_batch(_unit(films))[..., 0] > 0.5),
    )


def classifier(context: "Context") -> Classifier:
    """Backbone and head of a pipeline, joined as they are to predict."""
    spec, size = context.spec, context.spec.images.size
    if spec.classical:
        return _classical(spec, make_backbone(spec.backbone, size))
    _, backbone, head = assemble(context, size)
    network = joined(backbone, head, size)
    return Classifier(backbone, head, _many(network), _one(network))


def _classical(spec: "RunSpec", backbone: keras.Model) -> Classifier:
    """A head that is no network, fitted on random features."""
    network, classes = pooled(backbone, spec.images.size), len(spec.classes)
    learnt, octets = _fitted(spec, network.outputs[0].shape[-1])
    many, one = _many(network), _one(network)
    return Classifier(
        backbone,
        None,
        lambda films, batch: logits(learnt, many(films, batch), classes),
        lambda films: logits(learnt, one(films), classes),
        octets,
        "" if spec.carrier else UNTRAINED,
        f"head: no network, so without MACs; fitted on {LEARNT} random feature vectors, which is not measured; "
        "it grows with what it learns from images",
    )


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
        select=(features[LEARNT:], targets[LEARNT:]),
        seed=spec.seed,
    ).classifier
    with tempfile.TemporaryDirectory() as folder:
        return learnt, save(learnt, Path(folder), packages_of(entry.distribution)).stat().st_size


def _many(network: keras.Model) -> Callable[[np.ndarray, int], np.ndarray]:
    return lambda films, batch: network.predict(films[..., None], batch_size=batch, verbose=0)


def _one(network: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    return lambda films: np.asarray(network.predict_on_batch(films[..., None]))


def _unit(films: np.ndarray) -> np.ndarray:
    return films[..., None].astype(np.float32) / 255
