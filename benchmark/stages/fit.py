"""A classifier trained on what its segmenter lets through: augmentation -> backbone -> head, saved as two models."""

import json
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import msgspec
import numpy as np

from benchmark.data.prepared import load
from benchmark.models.augmentation import augmentation
from benchmark.models.batches import Batches, class_weights, realised_shares
from benchmark.models.memory import within_memory
from benchmark.models.pace import pace_of
from benchmark.models.runtime import begin, full_precision
from benchmark.models.training import History, decide, train, waiting
from registry.backend import device_name
from registry.declarations import is_network
from registry.errors import ContractError, DataError
from registry.lookup import find
from registry.lookup import load as load_component
from registry.networks.explanation import features

if TYPE_CHECKING:
    from benchmark.stages.context import Context
    from benchmark.tasks.spec import Component, RunSpec


class Fitted(NamedTuple):
    """A network with the weights of its best epoch so far.

    Attributes:
        steps: per epoch.
        batch_shares: (K,) class shares of the batches.
        overhead_s: wall time beside the epochs.
        how: what was found out on the device: `batch_size`, `jit`, `steps_per_execution`.
    """

    backbone: keras.Model
    head: keras.Model
    history: History
    steps: int
    batch_shares: list[float]
    overhead_s: float
    how: dict[str, Any]


def build(context: "Context", folder: Path) -> None:
    """Write ``backbone.keras``, ``head.keras``, ``history.json`` and ``meta.json``."""
    save(fit(context), context.spec, folder)


def fit(context: "Context", until: int | None = None) -> Fitted:
    """Train to the end, or up to so many epochs, from where a call before this one came to."""
    size = context.spec.training.batch_size
    return within_memory(partial(_fit, context, until), size, context.partial, context.progress)


def _fit(context: "Context", until: int | None, batch_size: int, checkpoints: Path) -> Fitted:
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
        batch_size=batch_size,
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
        msgspec.structs.replace(spec.training, batch_size=batch_size),
        loss=cross_entropy(),
        seed=spec.seed,
        folder=checkpoints,
        progress=context.progress,
        until=until,
        deterministic=spec.runtime.deterministic,
    )
    elapsed = time.perf_counter() - started
    shares = realised_shares(batches, learnt, len(spec.classes), len(batches))
    overhead_s = max(0.0, elapsed - sum(epoch["duration_s"] for epoch in history))
    how = {"batch_size": batch_size, **pace_of(network)}
    return Fitted(backbone, head, history, len(batches), shares, overhead_s, how)


def save(fitted: Fitted, spec: "RunSpec", folder: Path) -> None:
    """Write what a finished training leaves; see `build`."""
    backbone, head, history = fitted.backbone, fitted.head, fitted.history
    backbone.save(folder / "backbone.keras")
    head.save(folder / "head.keras")
    (folder / "history.json").write_text(json.dumps(history))
    seconds = sum(epoch["duration_s"] for epoch in history)
    steps = len(history) * fitted.steps
    best = decide(history, spec.training, fitted.steps).best
    meta = {
        "parameters": backbone.count_params() + head.count_params(),
        "trainable_parameters": trainable(backbone) + trainable(head),
        "training_s": seconds,
        "overhead_s": fitted.overhead_s,
        "training_images_per_s": steps * fitted.how["batch_size"] / max(seconds, 1e-9),
        "steps": steps,
        "best_epoch": best + 1,
        "val_loss": history[best]["val_loss"],
        "batch_shares": fitted.batch_shares,
        "waiting": waiting(history),
        **fitted.how,
        "device": device_name(),
    }
    (folder / "meta.json").write_text(json.dumps(meta))


def assemble(context: "Context", size: int) -> tuple[keras.Model, keras.Model, keras.Model]:
    """The trainer's graph on uint8 images, and the two models in it that are kept.

    The precision is the backbone's: images are changed in float32 as they will be predicted from, and the head, which
    costs little, gives logits that are not rounded to the eight bits of a bfloat16.
    """
    spec = context.spec
    inputs = keras.Input((size, size, 1), dtype="uint8")
    backbone = make_backbone(spec.backbone, size)
    with full_precision():
        change = augmentation(
            flips=spec.augmentation.flips,
            rotation=spec.augmentation.rotation,
            rotated=spec.augmentation.rotated,
            seed=spec.seed,
        )
        head = make_head(spec.trained_head, tuple(backbone.outputs[0].shape[1:]), len(spec.classes))
        unit = keras.layers.Rescaling(1 / 255)
    return keras.Model(inputs, head(features(backbone(change(unit(inputs)))))), backbone, head


def make_head(component: "Component", feature_shape: tuple[int | None, ...], num_classes: int) -> keras.Model:
    """A head as its factory gives it.

    Raises:
        ContractError: it does not give (B, num_classes) logits.
    """
    head = load_component(find("head", component.name))(feature_shape, num_classes, **component.options)
    if not is_network(head) or tuple(head.outputs[0].shape[1:]) != (num_classes,):
        raise ContractError(f"head {component.name!r} does not give (B, {num_classes}) logits; see registry.contracts")
    return head


def make_backbone(component: "Component", size: int) -> keras.Model:
    """A backbone as its factory gives it, for images of so many pixels a side.

    Raises:
        ContractError: it does not end in a feature map.
    """
    backbone = load_component(find("backbone", component.name))((size, size, 1), **component.options)
    if not is_network(backbone) or len(backbone.outputs[0].shape) != 4:
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
