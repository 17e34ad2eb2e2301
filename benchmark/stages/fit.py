"""A classifier trained on what its segmenter lets through: augmentation -> backbone -> head, saved as two models."""

import json
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import msgspec

from benchmark.data.targets import check_classes, class_targets, shuffled
from benchmark.models.batches import Batches, class_weights, realised_shares
from benchmark.models.classifier import assemble, cross_entropy, trainable
from benchmark.models.executions import execution_settings
from benchmark.models.memory import retry_on_oom
from benchmark.models.runtime import reset_keras
from benchmark.models.schedule import length
from benchmark.models.training import History, times, train
from benchmark.stages.reading import Reader
from registry.backend import device_name

if TYPE_CHECKING:
    from benchmark.stages.context import Context


class Fitted(NamedTuple):
    """A network with the weights of its last epoch so far.

    Attributes:
        epochs: of the whole training.
        steps: per epoch.
        batch_prior: (K,) class prior of the batches.
        overhead_s: wall time beside the epochs and the compilation before them.
        how: what was measured on the device: `batch_size`, `jit`, `steps_per_execution`.
    """

    backbone: keras.Model
    head: keras.Model
    history: History
    epochs: int
    steps: int
    batch_prior: list[float]
    overhead_s: float
    how: dict[str, Any]


def build(context: "Context", folder: Path) -> None:
    """Write ``backbone.keras``, ``head.keras``, ``history.json`` and ``meta.json``."""
    save(fit(context), folder)


def fit(context: "Context", until: int | None = None) -> Fitted:
    """Train to the end, or `until` so many epochs (see `train`), from where a call before this one came to."""
    size = context.spec.training.batch_size
    return retry_on_oom(partial(_fit, context, until), size, context.partial, context.progress)


def _fit(context: "Context", until: int | None, batch_size: int, checkpoints: Path) -> Fitted:
    spec, run = context.spec, Reader(context)
    reset_keras(spec.seed, spec.runtime)
    targets = class_targets(run.prepared.labels, spec.classes)
    check_classes(targets, run.subsets, spec.classes)
    views, rows, validation = run.views, run.rows("train"), run.rows("validation")
    learnt, asked = shuffled(targets[rows], spec.training.labels, spec.seed), targets[validation]
    network, backbone, head = assemble(spec)
    batches = Batches(
        learnt,
        lambda generator, chosen: (views[rows[chosen]][..., None], learnt[chosen]),
        batch_size=batch_size,
        balance=spec.training.balance,
        num_classes=len(spec.classes),
        seed=spec.seed,
    )
    started = time.perf_counter()
    history = train(
        network,
        batches,
        (views[validation][..., None], asked, class_weights(asked, len(spec.classes))[asked]),
        msgspec.structs.replace(spec.training, batch_size=batch_size),
        loss=cross_entropy(),
        seed=spec.seed,
        folder=checkpoints,
        progress=context.progress,
        until=until,
        deterministic=spec.runtime.deterministic,
    )
    elapsed = time.perf_counter() - started
    epochs = length(spec.training, len(batches))
    shares = realised_shares(batches, learnt, len(spec.classes), len(batches))
    overhead_s = max(0.0, elapsed - times(history)["training_s"])
    how = {"batch_size": batch_size, **execution_settings(network)}
    return Fitted(backbone, head, history, epochs, len(batches), shares, overhead_s, how)


def save(fitted: Fitted, folder: Path) -> None:
    """Write what a finished training leaves; see `build`."""
    backbone, head, history = fitted.backbone, fitted.head, fitted.history
    backbone.save(folder / "backbone.keras")
    head.save(folder / "head.keras")
    (folder / "history.json").write_text(json.dumps(history))
    epochs_s = sum(epoch["duration_s"] for epoch in history)
    steps = len(history) * fitted.steps
    meta = {
        "parameters": backbone.count_params() + head.count_params(),
        "trainable_parameters": trainable(backbone) + trainable(head),
        **times(history),
        "overhead_s": fitted.overhead_s,
        "training_images_per_s": steps * fitted.how["batch_size"] / max(epochs_s, 1e-9),
        "steps": steps,
        "val_loss": history[-1]["val_loss"],
        "batch_prior": fitted.batch_prior,
        **fitted.how,
        "device": device_name(),
    }
    (folder / "meta.json").write_text(json.dumps(meta))
