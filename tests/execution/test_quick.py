"""Who computes where no maps are wanted: the graph where it was proved equal, Keras where not, and that is said."""

import msgspec
import pytest

from benchmark.execution import quick
from benchmark.execution.predicting import Pipeline
from benchmark.records.export import GRAPH, MODEL, Graph, Proof
from registry.errors import VerificationError
from tests import factories
from tests.specs import spec

EQUAL = Proof("synthetic films", 48, 2e-7, 1e-6, 0, 0, 0)
UNEQUAL = Proof("synthetic films", 48, 0.2, 1.5, 3, 0, 0)


@pytest.fixture
def pipeline(tmp_path, monkeypatch):
    """A pipeline whose answers nobody computes; `asked` has the graph of each question."""
    monkeypatch.setattr(quick, "lacking", lambda: "")
    monkeypatch.setattr(quick, "runtime_name", lambda: "ONNX Runtime 9.9")
    made = Pipeline(tmp_path, factories.record(spec=msgspec.to_builtins(spec())), tmp_path, {})
    made.asked = []
    monkeypatch.setattr(made, "answered", lambda images, maps: made.asked.append(made._graph))
    return made


@pytest.fixture
def finds(tmp_path, monkeypatch):
    """Puts a graph into the cache, or what was found instead."""

    def put(found):
        (tmp_path / GRAPH).write_bytes(msgspec.json.encode(found))
        monkeypatch.setattr(quick, "graph", lambda *rest: tmp_path / MODEL)

    return put


def test_a_graph_that_was_proved_equal_computes_and_its_proof_is_said(pipeline, finds, tmp_path):
    finds(Graph(proof=EQUAL))
    engine = quick.quickened(pipeline)
    assert (engine.name, engine.refusal) == ("ONNX Runtime 9.9", "")
    assert engine.proof == "on 48 synthetic films: probabilities differ by at most 2e-07, all decisions equal"
    assert pipeline.asked == [str(tmp_path / MODEL)]
    assert quick.quickened(pipeline) is engine and len(pipeline.asked) == 1  # asked once


def test_where_the_graph_was_refused_keras_computes_and_that_is_said(pipeline, finds):
    finds(Graph(refusal=f"its graph does not answer as Keras does: {UNEQUAL}", proof=UNEQUAL))
    engine = quick.quickened(pipeline)
    assert (engine.name, engine.proof, pipeline._graph) == ("Keras (tensorflow)", "", "")
    assert "differ by at most 0.2, 3 decisions differ" in engine.refusal


def test_a_graph_that_cannot_be_loaded_is_taken_back(pipeline, finds, monkeypatch):
    finds(Graph(proof=EQUAL))

    def changed(images, maps):
        raise VerificationError("it was changed since it was proved equal")

    monkeypatch.setattr(pipeline, "answered", changed)
    assert quick.quickened(pipeline) == ("Keras (tensorflow)", "", "it was changed since it was proved equal")
    assert pipeline._graph == ""


def test_without_onnx_runtime_keras_computes_and_nothing_is_said(pipeline, monkeypatch):
    monkeypatch.setattr(quick, "lacking", lambda: "onnx is not installed")
    assert quick.quickened(pipeline) == ("Keras (tensorflow)", "", "")


def test_maps_are_never_asked_of_a_graph(tmp_path, monkeypatch):
    made = Pipeline(tmp_path, factories.record(spec=msgspec.to_builtins(spec())), tmp_path, {})
    made.take(tmp_path / MODEL)
    asked = []
    for worker in (made._worker, made._light):
        monkeypatch.setattr(worker, "ask", lambda request, kind, own=worker: asked.append((own, request.graph)))
    made.answered([], maps=True)
    made.answered([], maps=False, pictures=["a.png"])
    made.answered([], maps=False)
    assert asked == [(made._worker, ""), (made._worker, ""), (made._light, str(tmp_path / MODEL))]
