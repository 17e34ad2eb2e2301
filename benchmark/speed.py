"""What a pipeline costs on this machine: parameters, multiply-accumulates, bytes, rates, memory.  A worker's task.

The networks are those that a run trains and predicts with, on random images; weights are as they are built.
"""

import os
import platform
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np

from benchmark import macs
from benchmark.config import RunSpec
from benchmark.context import Context
from benchmark.digests import library_versions
from benchmark.keys import BACKEND_LIBRARIES, component_code
from benchmark.parts import components_of
from benchmark.provenance import CodeIndex
from benchmark.record import Part
from benchmark.recording.folder import LIBRARIES
from benchmark.session import begin
from benchmark.speed_networks import Classifier, Segmenter, classifier, segmenter
from benchmark.speed_record import SCHEMA, Conditions, Rate, Speed, Work, architecture, identity
from benchmark.speed_training import training_rate
from benchmark.stages.fit import trainable
from benchmark.stages.predict import BATCH
from benchmark.tables import Component
from benchmark.timing import AIM_S, durations, fitting, latency, rate
from registry.backend import device_name, peak_memory_bytes
from registry.lookup import find

MOST_PIXELS = 2**26  # of the images of one repeat: more would be measured as the network's memory
MOST_BATCHES = 16

Tell = Callable[[str], None]


def serve(request: dict[str, Any], emit: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """The `Speed`, not yet sealed, of ``request["spec"]``, told in tables as ``request["pipeline"]``."""

    def tell(what: str) -> None:
        emit({"event": "progress", "stage": "speed", "what": what})

    spec = msgspec.convert(request["spec"], RunSpec)
    found = measure(spec, request["pipeline"], request["batch"] or BATCH, request["repeats"], tell)
    told: dict[str, Any] = msgspec.to_builtins(found)
    return told


def measure(spec: RunSpec, pipeline: str, batch: int, repeats: int, tell: Tell) -> Speed:
    """Everything about one pipeline; inference first, so that its memory is not that of training.

    Args:
        batch: images at once in inference.
        repeats: of each rate.
    """
    begin(spec.seed, spec.runtime)
    tell("building the networks")
    context = Context(spec, {}, Path(), lambda told: None)
    masks = segmenter(spec)
    answers = classifier(context)
    conditions = _conditions(spec, batch)
    timed = _inference(spec, masks, answers, batch, repeats, tell)
    memory = {"inference": peak_memory_bytes()}
    training = None if answers.untrained else training_rate(context, repeats, tell)
    if training:
        memory["training"] = peak_memory_bytes()
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
        work=_work(spec, masks, answers),
        memory=memory,
        training=training,
        notes=[note for note in (masks.note, answers.note, answers.untrained) if note],
        environment=_environment(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        **timed,
    )


def _inference(
    spec: RunSpec, masks: Segmenter, answers: Classifier, batch: int, repeats: int, tell: Tell
) -> dict[str, Any]:
    """Rates through Keras's `predict`, as the stages call it; latency through the compiled function alone."""
    size = spec.images.size
    films = np.random.default_rng(0).integers(0, 256, (batch, size, size), np.uint8)

    def measured(call: Callable[[np.ndarray], Any]) -> Rate:
        call(films)  # compiles
        most = max(1, min(MOST_BATCHES, MOST_PIXELS // films.size))
        batches = fitting(min(durations(lambda: call(films), 2)), AIM_S, 1, most)
        several = np.tile(films, (batches, 1, 1))
        return rate(durations(lambda: call(several), repeats), len(several))

    tell("classifying")
    told: dict[str, Any] = {"classification": measured(lambda several: answers.many(several, batch))}
    told["inference"] = told["classification"]
    if masks.many:
        seen = masks.many
        tell("predicting masks")
        told["segmentation"] = measured(lambda several: seen(several, batch))
        tell("masks and classes together")
        told["inference"] = measured(lambda several: answers.many(seen(several, batch), batch))
    tell("single images")
    one = films[:1]
    told["classification_latency"] = told["latency"] = latency(lambda: answers.one(one))
    if masks.one:
        shown = masks.one
        told["latency"] = latency(lambda: answers.one(shown(one)))
    return told


def _work(spec: RunSpec, masks: Segmenter, answers: Classifier) -> dict[str, Work]:
    image = (spec.images.size, spec.images.size, 1)
    cells = tuple(answers.backbone.outputs[0].shape[1:])
    told = {"segmenter": _of_network(masks.network, image)} if masks.network else {}
    told["backbone"] = _of_network(answers.backbone, image)
    told["head"] = _of_network(answers.head, cells) if answers.head else Work(model_bytes=answers.head_bytes)
    return told


def _of_network(network: keras.Model, shape: tuple[int, ...]) -> Work:
    done = macs.work(network, shape)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        network.save(path)
        octets = path.stat().st_size
    return Work(network.count_params(), trainable(network), done.macs, done.plain, octets, list(done.uncounted))


def _conditions(spec: RunSpec, batch: int) -> Conditions:
    library = BACKEND_LIBRARIES[spec.runtime.backend]
    return Conditions(
        device=device_name(),
        backend=spec.runtime.backend,
        version=library_versions(library)[library],
        precision=spec.runtime.precision,
        threads=spec.runtime.threads or len(os.sched_getaffinity(0)),
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
