"""ONNX files of strangers: looked through before they are run, and run by ONNX Runtime on the processor alone.

A file is one network and its numbers.  Whatever it would have read, loaded, written or repeated without end beside
that is refused (`registry.networks.onnx_content`); no library of operators is ever loaded, and no setting is taken
from the file.  Needs `pip install 'cxr-bench[onnx]'`; nothing here imports Keras.
"""

import importlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from registry.errors import ContractError, WeightsError
from registry.networks.onnx_content import check_content, dtype_of, free_inputs, one_line, produced

if TYPE_CHECKING:
    import numpy as np

INSTALL = "pip install 'cxr-bench[onnx]'"
LARGEST = 2**31 - 1  # bytes; what one message of Protocol Buffers can hold
LARGEST_SIDE = 4096  # pixels of an image that a file may ask for
FATAL = 4  # ONNX Runtime's scale of what is logged
IMAGE_TYPES = ("float32", "float16", "uint8")

Axis = int | str | None


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output of a network.

    Attributes:
        shape: of each axis its length, the name of one that is free, or None of one that nothing is said of; None
            where the number of axes is unknown.
        dtype: as NumPy names it: ``float32``.
    """

    name: str
    shape: tuple[Axis, ...] | None
    dtype: str


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """What an ONNX file that was looked through says of itself.

    Attributes:
        inputs: what has to be given.
        outputs: what it answers.
        opset: version of the operators of ONNX itself.
        tensors: names of everything that is computed on the way, in the file's order.
        numbers: how many the file holds, its parameters.
        last: operator that its first output comes from.
    """

    path: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    opset: int
    tensors: tuple[str, ...]
    numbers: int = 0
    last: str = ""


@dataclass(frozen=True, slots=True)
class ImageInput:
    """The one input of a network of images.

    Attributes:
        name: of the input.
        channels: 1 or 3.
        channels_first: (B, C, H, W), and not (B, H, W, C).
        size: height and width in pixels; None of one that is free.
        dtype: one of `IMAGE_TYPES`.
    """

    name: str
    channels: int
    channels_first: bool
    size: tuple[int | None, int | None]
    dtype: str


def checked(path: str | Path) -> OnnxFile:
    """What a file says of itself, once nothing in it is to be refused.

    Raises:
        WeightsError: there is no such file, ONNX is not installed, or it is no ONNX file.
        ContractError: it holds what is refused; see `registry.networks.onnx_content`.
    """
    return _facts(str(path), _read(str(path)))


def session(path: str | Path, *, threads: int, outputs: Sequence[str] = ()) -> Any:
    """An `onnxruntime.InferenceSession` on a file that was looked through, by the processor, on so many threads.

    The bytes that were looked at are those that are run.

    Args:
        outputs: tensors on the way that it answers with in place of the file's own outputs.

    Raises:
        WeightsError, ContractError: as `checked`; ONNX Runtime cannot run it; no tensor has such a name.
    """
    model = _read(str(path))
    if outputs:
        _answer_with(str(path), model, outputs)
    del model.metadata_props[:]  # which may hold settings, some of which write files
    runtime = _library("onnxruntime")
    runtime.set_default_logger_severity(FATAL)
    try:
        return runtime.InferenceSession(
            model.SerializeToString(),
            _settings(runtime, threads),
            providers=["CPUExecutionProvider"],
            enable_fallback=0,
        )
    except Exception as error:  # whatever a third party's file leads to
        raise ContractError(
            f"{str(path)!r} cannot be run by ONNX Runtime ({one_line(error)}); export it again, or for an older opset"
        ) from error


def run(session: Any, inputs: "Mapping[str, np.ndarray]", outputs: Sequence[str] | None = None) -> "list[np.ndarray]":
    """What a session answers: these outputs, or all of them.

    Raises:
        ContractError: ONNX Runtime does not take the inputs, or fails on them.
    """
    try:
        return list(session.run(outputs, dict(inputs)))
    except Exception as error:  # as above
        given = ", ".join(f"{name} {value.dtype} {value.shape}" for name, value in inputs.items())
        raise ContractError(f"an ONNX file cannot be run on {given}: {one_line(error)}") from error


def image_input(found: OnnxFile, *, channels: int | None = None) -> ImageInput:
    """The one input of a network of images; the axis that has 1 or 3 channels tells which layout it has.

    Args:
        channels: of a file that leaves them free, in the second axis; of any other they must be the same.

    Raises:
        ContractError: it has no input or several, or one that is no batch of grey or colour images.
    """
    expected = "one input of images, float32 (B, C, H, W) or (B, H, W, C) with B free and 1 or 3 channels"
    if len(found.inputs) != 1:
        named = ", ".join(repr(one.name[:40]) for one in found.inputs[:8]) or "none"
        raise ContractError(f"{found.path!r}: expected {expected}, received {len(found.inputs)} inputs: {named}")
    (tensor,) = found.inputs
    shape = tensor.shape or ()
    received = f"{tensor.dtype} {shown(tensor)}"
    if len(shape) != 4 or tensor.dtype not in IMAGE_TYPES:
        raise ContractError(f"{found.path!r}: expected {expected}, received {received}")
    if isinstance(shape[0], int):
        raise ContractError(
            f"{found.path!r} takes batches of {shape[0]} alone: expected {expected}, received {received}; "
            "export it with a dynamic batch axis"
        )
    if channels and not any(isinstance(axis, int) for axis in (shape[1], shape[3])):
        shape = (shape[0], channels, *shape[2:])
    channels_first = shape[1] in (1, 3)
    if channels_first == (shape[3] in (1, 3)):
        raise ContractError(
            f"{found.path!r} does not say which axis holds the channels: expected {expected}, received {received}"
        )
    said, sides = (shape[1], shape[2:]) if channels_first else (shape[3], shape[1:3])
    if channels not in (None, said):
        raise ContractError(f"{found.path!r} has {said} channels, and {channels} were asked for; received {received}")
    size = tuple(side if isinstance(side, int) else None for side in sides)
    if any(side is not None and not 1 <= side <= LARGEST_SIDE for side in size):
        raise ContractError(
            f"{found.path!r}: expected images of 1 to {LARGEST_SIDE} pixels a side, received {received}"
        )
    return ImageInput(tensor.name, said, channels_first, size, tensor.dtype)  # type: ignore[arg-type]


def shown(tensor: Tensor) -> str:
    """A tensor's shape, as messages show it: ``(batch, 3, 224, 224)``."""
    if tensor.shape is None:
        return "of unknown shape"
    return f"({', '.join('?' if axis is None else repr(axis)[:20].strip(chr(39)) for axis in tensor.shape)})"


def _library(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise WeightsError(
            f"an ONNX file needs {name}, which is not installed or does not import: {INSTALL}"
        ) from error


def _read(path: str) -> Any:
    """The `onnx.ModelProto` of a file, looked through."""
    onnx = _library("onnx")
    file = Path(path)
    if not file.is_file():
        raise WeightsError(f"no file {path!r}; expected a network as an ONNX file (NAME.onnx)")
    if (size := file.stat().st_size) > LARGEST:
        raise WeightsError(
            f"{path!r} has {size / 1e9:.1f} GB; expected an ONNX file of less than 2 GB; export a smaller network"
        )
    try:
        model = onnx.load_model_from_string(file.read_bytes())
    except OSError as error:
        raise WeightsError(f"{path!r} cannot be read ({error.strerror}); see its permissions") from error
    except Exception as error:  # what a decoder makes of bytes that are none
        raise WeightsError(
            f"{path!r} is no ONNX file, or is cut off ({one_line(error)}); expected a network that was exported as such"
        ) from error
    check_content(path, model)
    return model


def _facts(path: str, model: Any) -> OnnxFile:
    graph = model.graph
    return OnnxFile(
        path=path,
        inputs=tuple(_tensor(one) for one in free_inputs(graph)),
        outputs=tuple(_tensor(one) for one in graph.output),
        opset=max((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), default=0),
        tensors=tuple(produced(graph)),
        numbers=sum(math.prod(one.dims) for one in graph.initializer),
        last=next((node.op_type for node in graph.node for one in graph.output[:1] if one.name in node.output), ""),
    )


def _tensor(value: Any) -> Tensor:
    kind = value.type.tensor_type
    if not value.type.HasField("tensor_type"):
        return Tensor(value.name, None, "no tensor")
    shape = tuple(_axis(one) for one in kind.shape.dim) if kind.HasField("shape") else None
    return Tensor(value.name, shape, dtype_of(kind.elem_type))


def _axis(dimension: Any) -> Axis:
    if dimension.HasField("dim_value"):
        return int(dimension.dim_value) if dimension.dim_value > 0 else None  # some exporters write -1 or 0 for free
    return str(dimension.dim_param) or None


def _answer_with(path: str, model: Any, outputs: Sequence[str]) -> None:
    """Make tensors on the way the outputs; what only the others need is not computed then."""
    graph, helper = model.graph, importlib.import_module("onnx.helper")
    known = {one.name: one for one in graph.value_info} | {one.name: one for one in graph.output}
    computed = produced(graph)
    for name in outputs:
        if name not in computed:
            raise ContractError(_no_tensor(path, name, computed))
    del graph.output[:]
    graph.output.extend(known.get(name) or helper.make_empty_tensor_value_info(name) for name in outputs)


def _no_tensor(path: str, name: str, computed: Sequence[str]) -> str:
    last = ", ".join(repr(one[:60]) for one in list(computed)[-6:])
    return f"{path!r} computes no tensor {name!r}; expected the name of one, such as the last ones: {last}"


def _settings(runtime: ModuleType, threads: int) -> Any:
    settings = runtime.SessionOptions()
    settings.intra_op_num_threads = threads
    settings.inter_op_num_threads = 1
    settings.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
    settings.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_ALL
    settings.use_deterministic_compute = True
    settings.enable_profiling = False
    settings.log_severity_level = FATAL
    settings.add_session_config_entry("session.load_model_format", "ONNX")
    return settings
