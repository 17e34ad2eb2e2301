"""A finished run's graph, held against all predictions that the run has stored."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

from benchmark.execution.graphs import INSTALL, converting, graph, lacking, refusal
from benchmark.execution.learnt_images import LearntImages
from benchmark.execution.predicting import Pipeline
from benchmark.execution.process import Worker, WorkerFailedError
from benchmark.execution.protocol import Build, Built, Watch
from benchmark.execution.proving import Prove
from benchmark.records.export import NEAR, Graph, Proof, graph_beside, intact
from benchmark.storage.cache import Store
from benchmark.storage.code import CodeIndex
from benchmark.tasks.spec import run_spec
from registry.errors import BenchError, ConfigError, RefusedError


class Display(Protocol):
    """Where it is shown what happens."""

    def summarising(self) -> AbstractContextManager[Watch]:
        """Show how far the summary of a dataset is."""

    def working(self, label: str) -> AbstractContextManager[Watch]:
        """Show that a worker is at work."""


class Checked(NamedTuple):
    """A graph that may be given away.

    Attributes:
        model: what is in its file.
        proof: on the run's stored predictions; None where it was not checked, for the reason in `unchecked`.
    """

    model: bytes
    graph: Graph
    proof: Proof | None
    unchecked: str = ""


def exported(pipeline: Pipeline, display: Display) -> Checked:
    """A run's graph, and how it answers for the images whose predictions the run has stored.

    Raises:
        ConfigError: no graph can hold the run, or ONNX is not installed.
        RefusedError: its graph answers otherwise than the run.
        BenchError: the run cannot be loaded.
    """
    record, folder, cache = pipeline.record, pipeline.folder, pipeline.cache
    if missing := lacking():
        raise ConfigError(f"a run is exported by ONNX, and {missing}: {INSTALL}")
    if reason := refusal(record, folder):
        raise ConfigError(_cannot(record.run, reason))
    with Store(cache).in_use(), converting(cache) as worker:
        with display.working(f"converting {record.pipeline}") as watch:
            model = graph(record, folder, cache, worker, watch)
        found = graph_beside(model)
        if found.refusal:
            unequal = found.proof is not None and not found.proof.equal
            raise (RefusedError if unequal else ConfigError)(_cannot(record.run, found.refusal))
        content = intact(model, found)
        proof = _proved(pipeline, model, worker, display)
    if isinstance(proof, str):
        return Checked(content, found, None, proof)
    if not proof.probabilities <= NEAR:
        raise RefusedError(_cannot(record.run, f"its graph does not give what it has stored: {proof}"))
    return Checked(content, found, proof)


def _cannot(run: str, reason: str) -> str:
    return f"{run} is not exported: {reason}"


def _proved(pipeline: Pipeline, model: Path, worker: Worker, display: Display) -> Proof | str:
    """How the graph answers for the run's own images, or why they are not at hand."""
    record, folder, cache = pipeline.record, pipeline.folder, pipeline.cache
    index = CodeIndex(cache)
    learnt = LearntImages(cache, display).steps(record, run_spec(record.spec), worker, index)
    index.keep()
    if learnt.prepare is None:
        return learnt.unchecked
    try:
        with display.working("preparing its images") as watch:
            worker.ask(Build(learnt.prepare, str(cache)), Built, watch)
        prepared = Store(cache).find(learnt.prepare.name, learnt.prepare.key)
        if prepared is None:
            return "its images are being prepared by another command"
        with display.working("holding the graph against stored predictions") as watch:
            return worker.ask(Prove(str(folder), record.seal, str(model), str(prepared)), Proof, watch)
    except WorkerFailedError as error:
        if error.outcome.exit_code != BenchError.exit_code:  # ours, or the run's: it was changed
            raise
        return error.outcome.message
