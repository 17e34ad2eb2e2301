"""Predicting without maps by ONNX Runtime, where it is installed and gives what Keras gives."""

from benchmark.execution.graphs import converting, graph, lacking, refusal, runtime_name
from benchmark.execution.predicting import Engine, Pipeline
from benchmark.execution.protocol import Watch
from benchmark.records.export import graph_beside
from registry.errors import BenchError


def keras_of(pipeline: Pipeline) -> Engine:
    """Keras, by the backend of the run."""
    return Engine(f"Keras ({pipeline.record.spec['runtime']['backend']})")


def quickened(pipeline: Pipeline, watch: Watch = lambda event: None) -> Engine:
    """Have a pipeline answer by its graph where no maps are wanted, if it may; says who answers, from then on.

    A graph is made once, and proved then on films that are drawn for it: the run's own need not be at hand, and to look
    through a large dataset takes longer than what is gained.
    """
    if pipeline.engine is None:
        pipeline.engine = _engine(pipeline, watch)
    return pipeline.engine


def _engine(pipeline: Pipeline, watch: Watch) -> Engine:
    keras, record, folder = keras_of(pipeline), pipeline.record, pipeline.folder
    if lacking():
        return keras
    if reason := refusal(record, folder):
        return keras._replace(refusal=reason)
    try:
        with converting(pipeline.cache) as worker:
            model = graph(record, folder, pipeline.cache, worker, watch)
        found = graph_beside(model)
        if found.refusal:
            return keras._replace(refusal=found.refusal)
        pipeline.take(model)
        pipeline.answered([], maps=False)  # loads it
    except BenchError as error:
        pipeline.take(None)
        return keras._replace(refusal=str(error))
    return Engine(runtime_name(), proof=str(found.proof))
