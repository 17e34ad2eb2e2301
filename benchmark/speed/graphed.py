"""The same pipeline as one graph by ONNX Runtime on the processor: images at once, and one alone.  A worker's task."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmark.evaluation.calibration import Calibration
from benchmark.execution.graphs import CONVERTER, lacking, spec_refusal
from benchmark.models.exported import BATCH
from benchmark.models.onnx_export import convert, graph_of
from benchmark.models.onnx_session import Graph
from benchmark.records.export import FRAME, IMAGE, LOGITS
from benchmark.records.speed import Graphed
from benchmark.speed.networks import Built
from benchmark.speed.timing import AIM_S, durations, fitting, latency, rate
from benchmark.storage.digests import library_versions
from registry.declarations import is_network
from registry.errors import ConfigError, ContractError

if TYPE_CHECKING:
    from benchmark.tasks.spec import RunSpec

MOST_BATCHES = 16


class Found(NamedTuple):
    """What was measured, or a note on why nothing was; neither where ONNX Runtime is not installed."""

    graphed: Graphed | None = None
    note: str = ""


def measured(spec: "RunSpec", built: Built, repeats: int) -> Found:
    """Rate and latency from images in memory to logits in memory, as `benchmark.models.exported` predicts."""
    if lacking():
        return Found()
    try:
        return Found(_timed(_graph(spec, built), spec.images.size, repeats))
    except (ConfigError, ContractError) as error:
        return Found(note=f"ONNX Runtime: not measured, {error}")


def _graph(spec: "RunSpec", built: Built) -> Graph:
    """The pipeline's graph.

    Raises:
        ConfigError: there is none.
        ContractError: it cannot be run.
    """
    segmentation, size = built.pipeline.segmentation, spec.images.size
    if reason := spec_refusal(spec, masked=segmentation is not None):
        raise ConfigError(reason)
    if spec.runtime.backend != CONVERTER:
        raise ConfigError(f"as Keras converts on {CONVERTER}, not on {spec.runtime.backend}")
    if built.head is None or (segmentation is not None and not is_network(segmentation.product)):
        raise ConfigError("a part of it is no network")
    equal = [1 / len(spec.classes)] * len(spec.classes)
    network = graph_of(segmentation, built.backbone, built.head, size, (Calibration("identity"), equal, equal))
    with tempfile.TemporaryDirectory() as folder:
        convert(network, Path(folder) / "model.onnx")
        return Graph(Path(folder) / "model.onnx")


def _timed(graph: Graph, size: int, repeats: int) -> Graphed:
    images = np.random.default_rng(0).integers(0, 256, (BATCH, size, size), np.uint8)
    once_s = min(durations(lambda: _logits(graph, images), 3))
    several = np.tile(images, (fitting(once_s, AIM_S, 1, MOST_BATCHES), 1, 1))
    seconds = durations(lambda: _logits(graph, several), repeats)
    version = library_versions("onnxruntime")["onnxruntime"]
    return Graphed(version, rate(seconds, len(several)), BATCH, latency(lambda: _logits(graph, images[:1])))


def _logits(graph: Graph, images: np.ndarray) -> np.ndarray:
    return graph({IMAGE: images, FRAME: np.ones(images.shape, bool)}, BATCH, (LOGITS,))[LOGITS]
