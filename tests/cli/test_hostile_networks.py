"""ONNX files that somebody has made to do harm, as a classifier, a backbone and a run's graph: nothing is read beside
them, run or written, and each is refused in a line or answers numbers.  `pytest --mutations 200` tries more.
"""

import hashlib
from pathlib import Path

import msgspec
import numpy as np
import pytest

pytest.importorskip("onnx", reason="onnx is not installed: pip install 'cxr-bench[onnx]'")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install 'cxr-bench[onnx]'")

from benchmark.models.onnx_classifier import OnnxClassifier
from benchmark.models.onnx_session import Graph
from benchmark.records.export import GRAPH, MODEL, Proof, graph_beside, intact
from benchmark.records.export import Graph as Found
from benchmark.tasks.spec import Classifier
from registry.backbones.onnx import onnx
from tests import hostile_onnx
from tests.cli.test_hostile_files import fault
from tests.hostile_documents import mutated
from tests.onnx_networks import CLASSES, small

pytestmark = pytest.mark.slow

ASKED = Classifier("0..1", 3, "logits", [f"class {k}" for k in range(CLASSES)])


@pytest.fixture
def count(pytestconfig):
    """How many mutations of each kind."""
    return pytestconfig.getoption("--mutations")


def as_classifier(path):
    OnnxClassifier(path, ASKED, 16, 1).try_out()


def as_backbone(path):
    features = onnx((16, 16, 1), path=str(path)).predict(np.ones((3, 16, 16, 1), np.float32))
    assert features.ndim == 2 and len(features) == 3


@pytest.mark.parametrize("use", [as_classifier, as_backbone], ids=lambda use: use.__name__)
def test_a_network_of_strangers_answers_or_is_refused_in_a_line(tmp_path, monkeypatch, capfd, count, use):
    monkeypatch.chdir(tmp_path)
    path, wrong, whole = Path("network.onnx"), {}, small().SerializeToString()
    path.write_bytes(whole)
    use(path)
    for seed in range(4 * count):
        path.write_bytes(hostile_onnx.spoilt(whole, seed))
        if told := fault(tmp_path, use, path):
            wrong[seed] = told
    assert not wrong
    assert [one.name for one in tmp_path.iterdir()] == ["network.onnx"]
    assert capfd.readouterr() == ("", "")


def test_what_is_said_of_a_runs_graph_is_read_or_refused_in_a_line(tmp_path, count):
    model, wrong = tmp_path / MODEL, {}
    model.write_bytes(small().SerializeToString())
    proof = Proof("synthetic films", 8, 1e-7, 1e-6, 0, 0, 64)
    said = Found(sha256=hashlib.sha256(model.read_bytes()).hexdigest(), proof=proof, versions={"onnx": "1"})

    def use():
        found = graph_beside(model)
        assert str(found.proof)
        assert Graph(model).outputs == ["logits"] if found.refusal else intact(model, found)

    for seed in range(2 * count):
        (tmp_path / GRAPH).write_bytes(mutated(msgspec.to_builtins(said), seed))
        if told := fault(tmp_path, use):
            wrong[seed] = told
    assert not wrong
