"""What an ONNX file gives for arrays, in a process without Keras."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmark.execution.inferring import Infer, serve
from benchmark.execution.protocol import encoded, request_of
from registry.errors import ContractError

pytest.importorskip("onnxruntime")
helper = pytest.importorskip("onnx.helper")

ROOT = Path(__file__).parents[2]
UNWANTED = ("keras", "tensorflow", "jax", "torch", "sklearn", "scipy", "matplotlib", "pandas")


@pytest.fixture
def request_for(tmp_path):
    """A file that doubles its input, and what is asked of it; gives the request."""
    graph = helper.make_graph(
        [helper.make_node("Add", ["grey", "grey"], ["twice"])],
        "doubling",
        [helper.make_tensor_value_info("grey", 1, ["n", 2])],
        [helper.make_tensor_value_info("twice", 1, ["n", 2])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())

    def request(**arrays):
        np.savez(tmp_path / "in.npz", **arrays)
        return Infer(*(str(tmp_path / name) for name in ("model.onnx", "in.npz", "out.npz")), batch=2)

    return request


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_every_row_is_answered_whatever_the_size_of_the_last_batch(request_for, count):
    grey = np.arange(2 * count, dtype=np.float32).reshape(count, 2)
    request = request_for(grey=grey)
    serve(request_of(encoded(request)), None)
    with np.load(request.outputs) as given:
        assert given.files == ["twice"]
        assert np.array_equal(given["twice"], 2 * grey)


def test_what_the_file_does_not_take_is_a_line(request_for):
    with pytest.raises(ContractError, match="cannot be run on colour float32"):
        serve(request_for(colour=np.zeros((1, 2), np.float32)), None)


def test_the_process_that_answers_imports_no_library_of_networks(request_for):
    request = request_for(grey=np.ones((3, 2), np.float32))
    code = (
        "import sys, benchmark.execution.worker as worker\n"
        "from benchmark.execution.protocol import request_of\n"
        "request = request_of(sys.argv[1].encode())\n"
        "worker._operation(request).serve(request, None)\n"
        f"print(*sorted(set({UNWANTED!r}) & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, encoded(request).decode()]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert printed.stdout.split() == []
    assert Path(request.outputs).is_file()
