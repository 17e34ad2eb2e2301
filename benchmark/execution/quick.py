"""Predicting without maps by ONNX Runtime, where it is installed and gives what Keras gives."""

from pathlib import Path
from typing import NamedTuple

from benchmark.execution.graphs import converting, graph, lacking, refusal, runtime_name
from benchmark.execution.predicting import Pipeline
from benchmark.execution.protocol import Watch
from benchmark.records.export import graph_beside
from registry.errors import BenchError


class Engine(NamedTuple):
    """Who computes the networks.

    Attributes:
        name: ``ONNX Runtime 1.32.0``, or Keras and its backend.
        proof: how far its answers were proved equal to Keras's; empty of Keras.
        refusal: why it is Keras though ONNX Runtime is installed; empty where there is nothing to say.
    """

    name: str
    proof: str = ""
    refusal: str = ""


def keras_of(pipeline: Pipeline) -> Engine:
    """Keras, by the backend of the run."""
    return Engine(f"Keras ({pipeline.record.spec['runtime']['backend']})")


def quickened(pipeline: Pipeline, cache: Path, watch: Watch = lambda event: None) -> Engine:
    """Have a pipeline answer by its graph where no maps are wanted, if it may; says who answers now.

    A graph is made once, and proved then on films that are drawn for it: the run's own need not be at hand, and to look
    through a large dataset takes longer than what is gained.
    """
    keras = keras_of(pipeline)
    if lacking():
        return keras
    record, folder = pipeline.record, pipeline.folder
    if reason := refusal(record, folder):
        return keras._replace(refusal=reason)
    try:
        with converting(cache) as worker:
            model = graph(record, folder, cache, worker, watch)
        found = graph_beside(model)
        if found.refusal:
            return keras._replace(refusal=found.refusal)
        pipeline.take(model)
        pipeline.answered([], maps=False)  # loads it
    except BenchError as error:
        pipeline.take(None)
        return keras._replace(refusal=str(error))
    return Engine(runtime_name(), proof=str(found.proof))
