"""An ONNX file as a function of arrays, in a process without Keras."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmark.models.onnx_session import Graph
from registry.errors import ContractError

pytest.importorskip("onnxruntime")
helper = pytest.importorskip("onnx.helper")

ROOT = Path(__file__).parents[2]
UNWANTED = ("keras", "tensorflow", "jax", "torch", "sklearn", "scipy", "matplotlib", "pandas", "xgboost")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """It doubles its input, and says how many columns that has."""
    graph = helper.make_graph(
        [helper.make_node("Add", ["grey", "grey"], ["twice"]), helper.make_node("Neg", ["grey"], ["less"])],
        "doubling",
        [helper.make_tensor_value_info("grey", 1, ["n", 2])],
        [helper.make_tensor_value_info(name, 1, ["n", 2]) for name in ("twice", "less")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path = tmp_path_factory.mktemp("file") / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_every_row_is_answered_whatever_the_size_of_the_last_batch(file, count):
    grey = np.arange(2 * count, dtype=np.float32).reshape(count, 2)
    given = Graph(file)({"grey": grey}, 2)
    assert list(given) == ["twice", "less"]
    assert np.array_equal(given["twice"], 2 * grey) and np.array_equal(given["less"], -grey)
    assert list(Graph(file)({"grey": grey}, 2, ("less",))) == ["less"]


def test_what_the_file_does_not_take_is_a_line(file):
    with pytest.raises(ContractError, match="cannot be run on colour float32"):
        Graph(file)({"colour": np.zeros((1, 2), np.float32)}, 2)


def test_a_worker_that_answers_by_a_graph_imports_no_library_of_networks(file):
    code = (
        "import sys, pathlib, numpy, benchmark.execution.worker, benchmark.execution.answer, benchmark.models.answers\n"
        "import benchmark.models.exported as exported\n"
        "exported.Graph(pathlib.Path(sys.argv[1]))({'grey': numpy.ones((3, 2), 'float32')}, 2)\n"
        f"print(*sorted(set({UNWANTED!r}) & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, str(file)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert printed.stdout.split() == []
