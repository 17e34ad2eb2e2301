"""Small networks as ONNX files, good and hostile, made with the `onnx` package alone."""

from typing import Any

import numpy as np
import pytest

WHY = "onnx and onnxruntime are not installed: pip install 'cxr-bench[onnx]'"
onnx = pytest.importorskip("onnx", reason=WHY)
pytest.importorskip("onnxruntime", reason=WHY)

TensorProto, helper, numpy_helper = onnx.TensorProto, onnx.helper, onnx.numpy_helper

FILTERS, CLASSES = 8, 4


def small(*, sides=("h", "w"), batch="n", channels=3, element=TensorProto.FLOAT) -> Any:
    """Images (n,C,h,w) -> ``map`` (n,8,h,w) -> ``pooled`` (n,8) -> ``logits`` (n,4), of fixed random weights."""
    random = np.random.default_rng(0)
    kernel = numpy_helper.from_array(random.normal(size=(FILTERS, channels, 3, 3)).astype(np.float32), "kernel")
    dense = numpy_helper.from_array(random.normal(size=(FILTERS, CLASSES)).astype(np.float32), "dense")
    nodes = [
        helper.make_node("Conv", ["images", "kernel"], ["convolved"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["convolved"], ["map"]),
        helper.make_node("GlobalAveragePool", ["map"], ["cell"]),
        helper.make_node("Flatten", ["cell"], ["pooled"]),
        helper.make_node("MatMul", ["pooled", "dense"], ["logits"]),
    ]
    return model(
        nodes,
        [value("images", [batch, channels, *sides], element)],
        [value("logits", [batch, CLASSES])],
        [kernel, dense],
    )


def model(nodes, inputs, outputs, numbers=(), domains=(), functions=()) -> Any:
    """A file of these nodes, for an opset that every supported version knows."""
    graph = helper.make_graph(nodes, "small", inputs, outputs, list(numbers))
    opsets = [helper.make_opsetid("", 17), *(helper.make_opsetid(domain, 1) for domain in domains)]
    made = helper.make_model(graph, opset_imports=opsets, functions=list(functions))
    made.ir_version = 9
    return made


def value(name: str, shape, element=TensorProto.FLOAT) -> Any:
    """An input or output."""
    return helper.make_tensor_value_info(name, element, shape)


def saved(made: Any, folder, name="network.onnx") -> str:
    """The path of the file."""
    path = folder / name
    path.write_bytes(made.SerializeToString())
    return str(path)


def identity(operator="Identity", domain="", **attributes) -> Any:
    """A file of one operator."""
    node = helper.make_node(operator, ["x"], ["y"], domain=domain, **attributes)
    shape = ["n", 3, 8, 8]
    return model([node], [value("x", shape)], [value("y", shape)], domains=[domain] if domain else [])


def external(location: str) -> Any:
    """A file whose numbers lie in another one."""
    made = small()
    numbers = made.graph.initializer[0]
    numbers.ClearField("raw_data")
    numbers.data_location = onnx.TensorProto.EXTERNAL
    numbers.external_data.add(key="location", value=location)
    return made
