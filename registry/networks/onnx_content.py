"""What an ONNX file of a stranger may hold: one network of known operators, and all of its numbers.

Refused, each in one line: numbers in other files, wherever those lie (inside the folder too: one file is one network,
and its bytes are what a result stands on); operators that only a library of their author knows; loops, whose end
nobody can tell before they run; functions that call themselves or unfold without measure; sparse numbers; tensors
that promise more than the file holds, or more than 2 GB.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any

from registry.errors import ContractError

DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")  # whose operators ONNX Runtime has itself
LOOPS = ("Loop", "Scan", "SequenceMap")
MOST_NODES = 200_000  # with functions unfolded; a ViT-g has some 5,000
LARGEST_TENSOR = 2**31 - 1  # bytes
EXTERNAL = 1  # onnx.TensorProto.EXTERNAL
TYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool",
    10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
}  # fmt: skip
BYTES = {"float64": 8, "int64": 8, "uint64": 8, "complex64": 8, "complex128": 16, "uint8": 1, "int8": 1, "bool": 1}
SPARSEST = 8  # elements that one byte of a file can hold


def check_content(path: str, model: Any) -> None:
    """See that nothing in a file is to be refused.

    Args:
        path: for messages.
        model: an `onnx.ModelProto`.

    Raises:
        ContractError: something is.
    """
    if not model.graph.node:
        raise ContractError(f"{path!r} holds no network: expected an ONNX file with operators in its graph")
    if len(model.training_info):
        raise ContractError(f"{path!r} holds a training beside its network; export the network alone")
    functions = {(one.domain, one.name): list(one.node) for one in model.functions}
    for node in _nodes([*model.graph.node, *(node for nodes in functions.values() for node in nodes)]):
        _check_operator(path, node, functions)
    for tensor in _tensors(path, model, functions.values()):
        _check_tensor(path, tensor)
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        _check_promise(path, value)
    _check_unfolded(path, list(model.graph.node), functions)


def free_inputs(graph: Any) -> list[Any]:
    """Inputs that have to be given: old files list their numbers among them."""
    numbers = {one.name for one in graph.initializer}
    return [one for one in graph.input if one.name not in numbers]


def produced(graph: Any) -> dict[str, None]:
    """Names of what the nodes of a graph compute, in their order."""
    return dict.fromkeys(name for node in graph.node for name in node.output if name)


def dtype_of(number: int) -> str:
    """A type as NumPy names it, of its number in ONNX."""
    return TYPES.get(number, f"type {number}")


def one_line(error: Exception) -> str:
    """What a library says, in one printable line of at most 200 characters."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    line = "".join(one if one.isprintable() else repr(one)[1:-1] for one in line)
    return line if len(line) <= 200 else f"{line[:199]}…"


def _check_operator(path: str, node: Any, functions: dict[tuple[str, str], list[Any]]) -> None:
    name = f"{node.domain}:{node.op_type}" if node.domain else node.op_type
    if node.op_type in LOOPS and node.domain in DOMAINS[:2]:
        raise ContractError(
            f"{path!r} holds a loop ({name}), of which nobody can tell that it ends; "
            "expected a network without loops; export it with a fixed size"
        )
    if node.domain not in DOMAINS and (node.domain, node.op_type) not in functions:
        raise ContractError(
            f"{path!r} needs an operator of its author's ({name[:80]!r}), and no library of operators is ever loaded; "
            f"expected operators of {', '.join(DOMAINS[1:])}; export it without"
        )


def _check_tensor(path: str, tensor: Any) -> None:
    what = f"{path!r}: numbers {tensor.name[:60]!r}"
    if tensor.data_location == EXTERNAL or len(tensor.external_data):
        place = next((one.value for one in tensor.external_data if one.key == "location"), "")
        raise ContractError(
            f"{what} lie in another file, {place[:80]!r}; expected all of them in this one; "
            "join them where you trust them: onnx.save(onnx.load(FILE), ONE_FILE)"
        )
    held = tensor.ByteSize()
    if any(side < 0 for side in tensor.dims) or math.prod(tensor.dims) > SPARSEST * held:
        raise ContractError(
            f"{what} are said to have the shape {_short(tensor.dims)}, and {held:,} bytes are there; "
            "the file is damaged or made up; export it again"
        )


def _check_promise(path: str, value: Any) -> None:
    kind = value.type.tensor_type
    sides = [one.dim_value for one in kind.shape.dim if one.dim_value > 0]
    if math.prod(sides) * BYTES.get(dtype_of(kind.elem_type), 4) > LARGEST_TENSOR:
        raise ContractError(
            f"{path!r}: tensor {value.name[:60]!r} of shape {_short(sides)} takes more than 2 GB; "
            "expected a network of images that fits; export it for a smaller size"
        )


def _check_unfolded(path: str, nodes: Iterable[Any], functions: dict[tuple[str, str], list[Any]]) -> None:
    """See that functions end, and that written out they are no more than a network's nodes."""
    sizes: dict[tuple[str, str], float] = {}

    def size(calls: Iterable[Any]) -> float:
        return sum(of((node.domain, node.op_type)) for node in _nodes(calls))

    def of(name: tuple[str, str]) -> float:
        if name in functions and name not in sizes:
            sizes[name] = math.inf  # for whoever comes back to it before it is known
            sizes[name] = 1 + size(functions[name])
        return sizes.get(name, 1)

    try:
        total = size(nodes)
    except RecursionError:
        total = math.inf
    if total > MOST_NODES:
        raise ContractError(
            f"{path!r} unfolds to {'no end of' if math.isinf(total) else f'{total:,.0f}'} operators; "
            f"expected at most {MOST_NODES:,}"
        )


def _nodes(nodes: Iterable[Any]) -> Iterator[Any]:
    """Nodes, and those of the graphs inside them."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [inner for graph in _graphs([node]) for inner in graph.node]


def _graphs(nodes: Iterable[Any]) -> Iterator[Any]:
    """Graphs that nodes hold in their attributes."""
    for node in nodes:
        for attribute in node.attribute:
            yield from _given(attribute, "g")
            yield from attribute.graphs


def _tensors(path: str, model: Any, functions: Iterable[list[Any]]) -> Iterator[Any]:
    """All numbers in a file, which are dense ones: of its graph, of graphs inside that, of attributes."""
    nodes = list(_nodes([*model.graph.node, *(node for body in functions for node in body)]))
    for graph in (model.graph, *_graphs(nodes)):
        _check_dense(path, graph.sparse_initializer)
        yield from graph.initializer
    for attribute in (one for node in nodes for one in node.attribute):
        _check_dense(path, (*attribute.sparse_tensors, *_given(attribute, "sparse_tensor")))
        yield from _given(attribute, "t")
        yield from attribute.tensors


def _check_dense(path: str, sparse: Iterable[Any]) -> None:
    for one in sparse:
        raise ContractError(
            f"{path!r}: numbers {one.values.name[:60]!r} are sparse, and a few of those fill any memory; "
            "expected dense ones; export them so"
        )


def _given(message: Any, field: str) -> list[Any]:
    return [getattr(message, field)] if message.HasField(field) else []


def _short(sides: Iterable[int]) -> str:
    listed = [str(side) for side in sides]
    return f"({', '.join(listed[:6])}{', …' if len(listed) > 6 else ''})"
