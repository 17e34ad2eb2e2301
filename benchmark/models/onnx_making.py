"""A finished run's graph, made and held against what its networks answer by Keras, and what it has stored."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import keras
import msgspec
import numpy as np

from benchmark.data.frames import film_pixels
from benchmark.data.prepared import Prepared, load
from benchmark.evaluation.calibration import calibrated
from benchmark.evaluation.stored import read_stored
from benchmark.models.onnx_export import convert, graph_of
from benchmark.models.onnx_session import Graph
from benchmark.models.pipeline import Pipeline, load_segmenter, of_networks
from benchmark.models.predictor import load_backbone, load_head
from benchmark.models.run_facts import bits_of, fitted, sealed_record
from benchmark.models.run_folder import checked_files
from benchmark.models.runtime import reset_keras
from benchmark.models.segmentation import Segmentation
from benchmark.records.export import DECIDED, FRAME, GRAPH, IMAGE, LOGITS, MASK, MODEL, PROBABILITIES, Proof
from benchmark.records.export import Graph as Found
from benchmark.records.files import PREDICTIONS
from benchmark.records.record import Record
from benchmark.storage.digests import library_versions
from benchmark.tasks.spec import run_spec
from registry.datasets.phantom.catalogue import phantom
from registry.declarations import is_network
from registry.errors import ConfigError, ContractError, DataError

VERSIONS = ("keras", "tensorflow", "tf2onnx", "onnx", "onnxruntime")
DRAWN, SEED = 48, 7  # synthetic films
SIDES = (32, 1024)  # pixels that they may have
CHUNK, BATCH = 256, 32


class Loaded(NamedTuple):
    """A run by Keras, and the same as one network."""

    pipeline: Pipeline
    network: keras.Model


@dataclass(frozen=True)
class Known:
    """What is known of n images: prepared (n,S,S), films at frames (n,4), probabilities, logits (n,K), classes (n,)."""

    images: np.ndarray
    frames: np.ndarray
    probabilities: np.ndarray
    logits: np.ndarray
    decided: np.ndarray


def make(folder: Path, seal: str, target: Path) -> None:
    """Write a run's graph, and what was found of it, into a folder; of one that may not be used the reason alone.

    Raises:
        BenchError: the run cannot be loaded.
    """
    record = sealed_record(folder, seal)
    try:
        loaded = _loaded(record, folder)
        convert(loaded.network, target / MODEL)
        found = _found(loaded.pipeline, target / MODEL)
    except ConfigError as error:
        found = Found(refusal=str(error), versions=library_versions(*VERSIONS))
    if found.refusal:
        (target / MODEL).unlink(missing_ok=True)
    (target / GRAPH).write_bytes(msgspec.json.encode(found))


def on_stored(folder: Path, seal: str, model: Path, prepared: Path) -> Proof:
    """How a graph answers for all images whose predictions a run has stored; masks are drawn anew by Keras.

    Args:
        prepared: folder of the images as the run has prepared them.

    Raises:
        DataError: images are missing.
        BenchError: the run cannot be loaded.
    """
    record = sealed_record(folder, seal)
    images, stored = load(prepared), read_stored(folder / PREDICTIONS)
    places = {name: place for place, name in enumerate(images.ids.tolist())}
    if missing := [name for name in stored.ids.tolist() if name not in places]:
        raise DataError(f"{len(missing)} images of the run are not in its dataset any more, such as {missing[0]}")
    rows = np.array([places[name] for name in stored.ids.tolist()], int)
    decided = stored.corrected_logits.argmax(axis=1)
    segmentation = _segmentation(record, folder)
    graph = Graph(model)

    def known(chunk: slice) -> Known:
        given = images.images[rows[chunk]], _frames(images, rows[chunk])
        return Known(*given, stored.probabilities[chunk], stored.logits[chunk], decided[chunk])

    chunks = [slice(start, start + CHUNK) for start in range(0, len(rows), CHUNK)]
    return _joined("stored predictions", [_proof(graph, segmentation, known(chunk)) for chunk in chunks])


def _loaded(record: Record, folder: Path) -> Loaded:
    spec, files = run_spec(record.spec), checked_files(record, folder)
    reset_keras(spec.seed, spec.runtime)
    segmentation = load_segmenter(files, spec)
    if segmentation is not None and not is_network(segmentation.product):
        draws = (
            "are those of its dataset" if segmentation.reads_dataset_masks else "are drawn by code, not by a network"
        )
        raise ConfigError(f"its lung masks {draws}, which no graph can hold")
    backbone, head = load_backbone(files["backbone.keras"], spec), load_head(files["head.keras"], spec)
    facts, size = fitted(record), spec.images.size
    calibration = partial(calibrated, facts[0], data_prior=facts[1], batch_prior=facts[2])
    classifier = of_networks(backbone, head, size)
    pipeline = Pipeline(spec.images, segmentation, classifier, calibration, bits_of(record))
    return Loaded(pipeline, graph_of(segmentation, backbone, head, size, facts))


def _segmentation(record: Record, folder: Path) -> Segmentation | None:
    spec = run_spec(record.spec)
    reset_keras(spec.seed, spec.runtime)
    return load_segmenter(checked_files(record, folder), spec)


def _found(pipeline: Pipeline, model: Path) -> Found:
    """What drawn films say of a graph.

    Raises:
        ConfigError: it cannot be run.
    """
    try:
        graph = Graph(model)
    except ContractError as error:  # the converter goes on where an operation has no counterpart
        raise ConfigError(f"what was converted of its networks cannot be run ({error})") from error
    proof = _joined("synthetic films", [_proof(graph, pipeline.segmentation, _synthetic(pipeline))])
    digest, masked = hashlib.sha256(model.read_bytes()).hexdigest(), pipeline.segmentation is not None
    refusal = "" if proof.equal else f"its graph does not answer as Keras does: {proof}"
    return Found(refusal, digest, masked, proof, library_versions(*VERSIONS))


def _synthetic(pipeline: Pipeline) -> Known:
    """Films drawn by code, of which every third is a quarter narrower, so that bars lie beside it."""
    size = pipeline.images.size
    side = int(np.clip(size, *SIDES))
    films = [sample.read_image() for sample in phantom(count=DRAWN, size=side, seed=SEED).samples()]
    films = [film[:, : 3 * side // 4] if place % 3 == 0 else film for place, film in enumerate(films)]
    images, frames = pipeline.prepare(films), pipeline.frames(films)
    answers = pipeline.answers(images, frames=frames)
    return Known(images, frames, answers.probabilities, answers.logits, answers.decided)


def _frames(images: Prepared, rows: np.ndarray) -> np.ndarray:
    found = images.frames_of(rows)
    return np.tile([0, 0, images.size, images.size], (len(rows), 1)) if found is None else found


def _proof(graph: Graph, segmentation: Segmentation | None, known: Known) -> Proof:
    films = film_pixels(known.frames, known.images.shape[1])
    found = graph({IMAGE: known.images, FRAME: films}, BATCH)
    flipped = pixels = 0
    if segmentation is not None:
        masks = segmentation.masks(known.images) & films
        flipped, pixels = int((masks != found[MASK]).sum()), masks.size
    return Proof(
        "",
        len(known.images),
        _largest(found[PROBABILITIES], known.probabilities),
        _largest(found[LOGITS], known.logits),
        int((found[DECIDED] != known.decided).sum()),
        flipped,
        pixels,
    )


def _largest(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference; infinite where a number is none."""
    difference = np.abs(found.astype(float) - expected)
    return float(np.nan_to_num(difference, nan=np.inf).max(initial=0.0))


def _joined(images: str, proofs: list[Proof]) -> Proof:
    def over(of: Callable[[list[float]], float], name: str) -> float:
        return of([getattr(one, name) for one in proofs])

    largest = {name: over(max, name) for name in ("probabilities", "logits")}
    counts = {name: int(over(sum, name)) for name in ("n", "decisions", "flipped", "pixels")}
    return Proof(images, **largest, **counts)
