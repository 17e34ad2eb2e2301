"""A classifier trained on what its segmenter lets through: augmentation -> backbone -> head, saved as two models."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from benchmark.augmentation import augmentation
from benchmark.batches import Batches, class_weights, realised_shares
from benchmark.images import load
from benchmark.session import begin
from benchmark.training import train
from registry.backend import device_name
from registry.errors import ContractError, DataError
from registry.lookup import find
from registry.lookup import load as load_component

if TYPE_CHECKING:
    from benchmark.config import Component
    from benchmark.context import Context


def build(context: "Context", folder: Path) -> None:
    """Write ``backbone.keras``, ``head.keras``, ``history.json`` and ``meta.json``."""
    spec = context.spec
    begin(spec.seed, spec.runtime)
    images = load_inputs(context.artefacts)
    parts = np.load(context.artefacts["split"] / "parts.npy")
    targets = class_targets(context)
    rows = {part: np.flatnonzero(parts == part) for part in ("train", "select")}
    learnt = shuffled(targets[rows["train"]], spec.training.labels, spec.seed)
    check_classes(targets, parts, spec.classes)
    network, backbone, head = assemble(context, images.shape[1])
    batches = Batches(
        learnt,
        lambda generator, chosen: (images[rows["train"][chosen]][..., None], learnt[chosen]),
        batch_size=spec.training.batch_size,
        balance=spec.training.balance,
        num_classes=len(spec.classes),
        seed=spec.seed,
    )
    select = targets[rows["select"]]
    started = time.perf_counter()
    history = train(
        network,
        batches,
        (images[rows["select"]][..., None], select, class_weights(select, len(spec.classes))[select]),
        spec.training,
        loss=cross_entropy(),
        seed=spec.seed,
        folder=context.partial,
        progress=context.progress,
    )
    elapsed = time.perf_counter() - started
    backbone.save(folder / "backbone.keras")
    head.save(folder / "head.keras")
    (folder / "history.json").write_text(json.dumps(history))
    seconds = sum(epoch["duration_s"] for epoch in history)
    meta = {
        "parameters": backbone.count_params() + head.count_params(),
        "trainable_parameters": trainable(backbone) + trainable(head),
        "training_s": seconds,
        "overhead_s": max(0.0, elapsed - seconds),
        "training_images_per_s": len(history) * len(batches) * spec.training.batch_size / max(seconds, 1e-9),
        "steps": len(history) * len(batches),
        "batch_shares": realised_shares(batches, learnt, len(spec.classes), len(batches)),
        "device": device_name(),
    }
    (folder / "meta.json").write_text(json.dumps(meta))


def assemble(context: "Context", size: int) -> tuple[keras.Model, keras.Model, keras.Model]:
    """The trainer's graph on uint8 images, and the two models in it that are kept."""
    spec = context.spec
    shape = (size, size, 1)
    backbone = make_backbone(spec.backbone, size)
    chosen = spec.trained_head
    make_head = load_component(find("head", chosen.name))
    head = make_head(tuple(backbone.outputs[0].shape[1:]), len(spec.classes), **chosen.options)
    if not isinstance(head, keras.Model) or tuple(head.outputs[0].shape[1:]) != (len(spec.classes),):
        raise ContractError(
            f"head {chosen.name!r} does not give (B, {len(spec.classes)}) logits; see registry.contracts"
        )
    inputs = keras.Input(shape, dtype="uint8")
    change = augmentation(
        flips=spec.augmentation.flips,
        rotation=spec.augmentation.rotation,
        rotated=spec.augmentation.rotated,
        seed=spec.seed,
    )
    features = backbone(change(keras.layers.Rescaling(1 / 255)(inputs)))
    logits = head(features[0] if isinstance(features, (list, tuple)) else features)
    return keras.Model(inputs, logits), backbone, head


def make_backbone(component: "Component", size: int) -> keras.Model:
    """A backbone as its factory gives it, for images of so many pixels a side.

    Raises:
        ContractError: it does not end in a feature map.
    """
    backbone = load_component(find("backbone", component.name))((size, size, 1), **component.options)
    if not isinstance(backbone, keras.Model) or len(backbone.outputs[0].shape) != 4:
        raise ContractError(
            f"backbone {component.name!r} does not end in a feature map (B, h, w, C); see registry.contracts"
        )
    return backbone


def cross_entropy() -> keras.losses.Loss:
    """What a classifier minimises."""
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def data_prior(context: "Context") -> list[float]:
    """(K,) class shares of the training part."""
    parts = np.load(context.artefacts["split"] / "parts.npy")
    counts = np.bincount(class_targets(context)[parts == "train"], minlength=len(context.spec.classes))
    return [float(share) for share in counts / counts.sum()]


def batch_prior(context: "Context") -> list[float]:
    """(K,) class shares that a run's logits refer to: those learnt from, weights included."""
    spec = context.spec
    equal = [1 / len(spec.classes)] * len(spec.classes)
    if context.members or (spec.training.balance == "weights" and not spec.classical):
        return equal  # votes are cast at equal class shares
    learnt = "predict" if spec.classical else "fit"
    shares: list[float] = json.loads((context.artefacts[learnt] / "meta.json").read_text())["batch_shares"]
    return shares


def load_inputs(artefacts: Any) -> np.ndarray:
    """The images (N,H,W) uint8 a classifier sees, on disk."""
    if "inputs" in artefacts:
        return np.load(artefacts["inputs"] / "images.npy", mmap_mode="r")
    return load(artefacts["prepare"]).images


def class_targets(context: "Context") -> np.ndarray:
    """(N,) index of each sample's class."""
    index = {label: k for k, taken in enumerate(context.spec.classes.values()) for label in taken}
    return np.array([index[str(label)] for label in load(context.artefacts["prepare"]).labels], dtype=np.int64)


def shuffled(targets: np.ndarray, labels: str, seed: int) -> np.ndarray:
    """The targets to learn: true ones, or the control's permutation of them."""
    return np.random.default_rng((seed, 11)).permutation(targets) if labels == "shuffled" else targets


def check_classes(targets: np.ndarray, parts: np.ndarray, classes: Any) -> None:
    """Every class has an image in every part.

    Raises:
        DataError: one has none.
    """
    for part in ("train", "select", "fit", "test"):
        absent = [name for k, name in enumerate(classes) if not np.any(targets[parts == part] == k)]
        if absent:
            raise DataError(
                f"class {', '.join(absent)} has no image in the {part} part of {int((parts == part).sum())}; "
                "add images, raise --limit or change [split]"
            )


def trainable(model: keras.Model) -> int:
    """Number of trainable parameters."""
    return int(sum(np.prod(weight.shape) for weight in model.trainable_weights))
