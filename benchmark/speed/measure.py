"""What a pipeline costs on this machine: parameters, multiply-accumulates, bytes, rates, memory.  A worker's task.

The networks are those that a run trains and predicts with, on random images; weights are as they are built.
"""

import platform
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np

from benchmark.execution.protocol import Emit, Measure, Progress
from benchmark.models.classifier import trainable
from benchmark.models.extractor import named_files
from benchmark.models.pipeline import BATCH
from benchmark.models.runtime import reset_keras
from benchmark.planning.chain import BACKEND_LIBRARIES
from benchmark.records.record import Part
from benchmark.records.speed import SCHEMA, Conditions, Rate, Speed, Work, architecture, identity
from benchmark.speed import macs
from benchmark.speed.graphed import measured as by_onnx_runtime
from benchmark.speed.networks import Built, build
from benchmark.speed.timing import AIM_S, durations, fitting, latency, rate
from benchmark.speed.training import training_rate
from benchmark.stages.record import LIBRARIES
from benchmark.storage.code import CodeIndex, component_code
from benchmark.storage.digests import library_versions
from benchmark.tasks.components import components_of
from benchmark.tasks.schema import Component
from benchmark.tasks.spec import RunSpec
from registry.backend import device_name, peak_memory_bytes
from registry.cores import usable_cores
from registry.declarations import is_feature_predictor, parameters_of
from registry.lookup import find

MOST_PIXELS = 2**26  # of the images of one repeat: more would be measured as the network's memory
MOST_BATCHES = 16

Tell = Callable[[str], None]


def serve(request: Measure, emit: Emit) -> Speed:
    """The `Speed`, not yet sealed, of a pipeline."""

    def tell(what: str) -> None:
        emit(Progress(stage="speed", what=what))

    return measure(request.spec, request.pipeline, request.batch or BATCH, request.repeats, tell)


def measure(spec: RunSpec, pipeline: str, batch: int, repeats: int, tell: Tell) -> Speed:
    """Everything about one pipeline; inference first, so that its memory is not that of training.

    Args:
        batch: images at once in inference.
        repeats: of each rate.
    """
    reset_keras(spec.seed, spec.runtime)
    tell("building the networks")
    built = build(spec)
    conditions = _conditions(spec, batch)
    timed = _inference(spec, built, batch, repeats, tell)
    memory = {"inference": peak_memory_bytes()}
    training = None if built.untrained else training_rate(spec, repeats, tell)
    if training:
        memory["training"] = peak_memory_bytes()
    tell("ONNX Runtime")  # last, so that no memory is its own
    graphed = by_onnx_runtime(spec, built, repeats)
    own = architecture(msgspec.to_builtins(spec))
    return Speed(
        schema=SCHEMA,
        pipeline=pipeline,
        architecture=own,
        digest=identity(own, conditions),
        components=_components(spec),
        image_size=spec.images.size,
        num_classes=len(spec.classes),
        conditions=conditions,
        work=_work(spec, built),
        memory=memory,
        training=training,
        graphed=graphed.graphed,
        notes=[*built.notes, *filter(None, [graphed.note])],
        environment=_environment(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        **timed,
    )


def _inference(spec: RunSpec, built: Built, batch: int, repeats: int, tell: Tell) -> dict[str, Any]:
    """Rates of batches, as the stages predict; latency of single images."""
    size, logits = spec.images.size, built.pipeline.classifier.logits
    images = np.random.default_rng(0).integers(0, 256, (batch, size, size), np.uint8)

    def timed(call: Callable[[np.ndarray], Any]) -> Rate:
        call(images)  # compiles
        most = max(1, min(MOST_BATCHES, MOST_PIXELS // images.size))
        batches = fitting(min(durations(lambda: call(images), 2)), AIM_S, 1, most)
        several = np.tile(images, (batches, 1, 1))
        return rate(durations(lambda: call(several), repeats), len(several))

    tell("classifying")
    results: dict[str, Any] = {"classification": timed(lambda several: logits(several, batch))}
    results["inference"] = results["classification"]
    masked = built.pipeline.segmentation is not None
    if masked:
        tell("predicting masks")
        results["segmentation"] = timed(lambda several: built.view(several, batch))
        tell("masks and classes together")
        results["inference"] = timed(lambda several: logits(built.view(several, batch), batch))
    tell("single images")
    one = images[:1]
    results["classification_latency"] = results["latency"] = latency(lambda: logits(one, 1))
    if masked:
        results["latency"] = latency(lambda: logits(built.view(one, 1), 1))
    return results


def _work(spec: RunSpec, built: Built) -> dict[str, Work]:
    image = (spec.images.size, spec.images.size, 1)
    work = {"segmenter": _of_network(built.segmenter, image)} if built.segmenter else {}
    if is_feature_predictor(built.backbone):
        work["backbone"] = _of_predictor(spec.backbone, built.backbone)
    else:
        work["backbone"] = _of_network(built.backbone, image)
    if built.head:
        work["head"] = _of_network(built.head, tuple(built.backbone.outputs[0].shape[1:]))
    else:
        work["head"] = Work(model_bytes=built.head_bytes)
    return work


def _of_predictor(component: Component, predictor: Any) -> Work:
    size_bytes = sum(path.stat().st_size for path in named_files(component).values())
    return Work(parameters_of(predictor) or 0, model_bytes=size_bytes, uncounted=[component.name])


def _of_network(network: keras.Model, shape: tuple[int, ...]) -> Work:
    done = macs.work(network, shape)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        network.save(path)
        size_bytes = path.stat().st_size
    return Work(network.count_params(), trainable(network), done.macs, done.plain, size_bytes, list(done.uncounted))


def _conditions(spec: RunSpec, batch: int) -> Conditions:
    library = BACKEND_LIBRARIES[spec.runtime.backend]
    return Conditions(
        device=device_name(),
        backend=spec.runtime.backend,
        version=library_versions(library)[library],
        precision=spec.runtime.precision,
        threads=spec.runtime.threads or usable_cores(),
        training_batch=spec.training.batch_size,
        batch=batch,
    )


def _components(spec: RunSpec) -> dict[str, Part]:
    index = CodeIndex()

    def part(kind: str, component: Component) -> Part:
        entry = find(kind, component.name)
        code = component_code(kind, component.name, index)
        return Part(entry.name, component.options, entry.distribution, entry.version, code)

    return {name: part(kind, component) for name, kind, component in components_of(spec) if kind != "dataset"}


def _environment() -> dict[str, str]:
    versions = {name: found for name, found in library_versions(*LIBRARIES).items() if found != "absent"}
    return {"python": platform.python_version(), "platform": platform.platform(), **versions}
