"""ONNX files that somebody has changed to do harm: by their bytes, and by what they say.  Seeded."""

import random
from typing import Any

from tests.hostile_documents import PLANTED, TEXTS
from tests.hostile_models import damaged
from tests.onnx_networks import TensorProto, helper, onnx

OPERATORS = (
    "Loop",
    "Scan",
    "NoSuch",
    "Expand",
    "Gather",
    "Reshape",
    "Transpose",
    "Concat",
    "Softmax",
    "Identity",
    "If",
)
NUMBERS = (-1, 0, 1, 3, 7, 2**31 - 1, 2**31, 2**62, -(2**63))


def spoilt(content: bytes, seed: int, outside: str = "/etc/passwd") -> bytes:
    """The file with one harmful change; `outside` is a file that nobody may open."""
    chance, how = random.Random(seed), seed % 10
    if how < 2:
        return damaged(content, chance)
    model = onnx.load_model_from_string(content)
    for _ in range(chance.choice((1, 1, 3))):
        CHANGES[how - 2](model, chance, outside)
    return bytes(model.SerializeToString())


def _outside(model: Any, chance: random.Random, outside: str) -> None:
    """Numbers in another file."""
    tensor = chance.choice(model.graph.initializer)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", chance.choice((outside, f"../{PLANTED}", "x"))), ("offset", "0")):
        tensor.external_data.add(key=key, value=value)


def _operator(model: Any, chance: random.Random, outside: str) -> None:
    """Another operator, or one of another author."""
    node = chance.choice(model.graph.node)
    if chance.random() < 0.4:
        node.domain = chance.choice(("evil", "ai.onnx.contrib", "", "com.microsoft", TEXTS[1]))
        model.opset_import.add(domain=node.domain, version=1)
    else:
        node.op_type = chance.choice((*OPERATORS, TEXTS[0], TEXTS[1]))


def _shape(model: Any, chance: random.Random, outside: str) -> None:
    """Numbers of another shape or type than are there."""
    tensor = chance.choice(model.graph.initializer)
    if chance.random() < 0.3:
        tensor.data_type = chance.choice((0, 1, 2, 6, 7, 8, 9, 10, 11, 16, 99))
    elif chance.random() < 0.3:
        tensor.raw_data = tensor.raw_data[: chance.randrange(len(tensor.raw_data) or 1)]
    else:
        tensor.dims[chance.randrange(len(tensor.dims))] = chance.choice(NUMBERS)


def _attribute(model: Any, chance: random.Random, outside: str) -> None:
    """A setting of an operator that no network has."""
    node = chance.choice(model.graph.node)
    name = chance.choice(("pads", "kernel_shape", "strides", "dilations", "group", "axis", "perm", "auto_pad", "value"))
    kept = [one for one in node.attribute if one.name != name]
    del node.attribute[:]
    several = name in ("pads", "kernel_shape", "strides", "dilations", "perm")
    value: Any = (
        [chance.choice(NUMBERS) for _ in range(chance.choice((0, 2, 4)))] if several else chance.choice(NUMBERS)
    )
    made = helper.make_attribute(name, value or TEXTS[1])
    node.attribute.extend([*kept, made])


def _promise(model: Any, chance: random.Random, outside: str) -> None:
    """Inputs and outputs that are others than said, twice the same, or none."""
    values = chance.choice((model.graph.input, model.graph.output))
    if not len(values):
        return
    value, how = chance.choice(values), chance.randrange(5)
    if how == 0:
        value.name = chance.choice((*TEXTS[:8], "map", "cell", "kernel"))
    elif how == 1:
        value.type.tensor_type.elem_type = chance.choice((0, 2, 7, 8, 10, 11, 99))
    elif how == 2 and len(value.type.tensor_type.shape.dim):
        chance.choice(value.type.tensor_type.shape.dim).dim_value = chance.choice(NUMBERS)
    elif how == 3:
        values.add().CopyFrom(value)
    else:
        del values[:]


def _wiring(model: Any, chance: random.Random, outside: str) -> None:
    """Nodes that are gone, double, in a circle, or fed by others."""
    nodes, how = model.graph.node, chance.randrange(4)
    if how == 0 and len(nodes):
        del nodes[chance.randrange(len(nodes))]
    elif len(nodes):
        node = chance.choice(nodes)
        name = chance.choice([one for other in nodes for one in (*other.input, *other.output)] + ["", TEXTS[3]])
        if how == 1:
            node.input[chance.randrange(len(node.input) or 1) :] = [name]
        elif how == 2:
            node.output[:] = [name]
        else:
            nodes.add().CopyFrom(node)


def _words(model: Any, chance: random.Random, outside: str) -> None:
    """What people and settings read."""
    text = chance.choice(TEXTS).encode("utf-8", "replace").decode()
    model.producer_name = model.doc_string = model.graph.doc_string = text
    model.metadata_props.add(key="ort_config", value='{"session_options": {"enable_profiling": true}}')
    model.metadata_props.add(key=text[:200], value=text)
    if len(model.graph.node):
        chance.choice(model.graph.node).name = text


def _versions(model: Any, chance: random.Random, outside: str) -> None:
    """Versions that there are not, and functions that call themselves."""
    if chance.random() < 0.5:
        model.ir_version = chance.choice((0, 1, 99, 2**40))
        model.opset_import[0].version = chance.choice((0, 1, 9, 99, 2**40))
        return
    body = [helper.make_node("planted", ["x"], ["y"], domain="own") for _ in range(chance.choice((1, 2)))]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    model.functions.append(helper.make_function("own", "planted", ["x"], ["y"], body, opsets))
    node = chance.choice(model.graph.node)
    node.domain, node.op_type = "own", "planted"


CHANGES = (_outside, _operator, _shape, _attribute, _promise, _wiring, _words, _versions)
