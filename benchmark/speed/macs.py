"""Multiply-accumulates of a network on one image, from the shapes that its layers see.

Convolutions, dense layers and dot products are counted as they are written: bias, activation, normalisation, pooling
and whatever else works element by element cost nothing, as in the literature; so does padding, whose zeros are
multiplied like any other number.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import keras
from keras import layers

CONTRACTIONS = ("Dot", "Einsum", "Inner", "Matmul", "Outer", "Tensordot", "Vdot")  # of keras.ops, without weights


class Work(NamedTuple):
    """What a network, or one call of a layer, multiplies.

    Attributes:
        macs: multiply-accumulates of one image.
        plain: the same if each separable convolution were a plain one of the same kernel, stride and channels.
        uncounted: layers that multiply in a way that is not known here, whose work is missing above.
    """

    macs: int
    plain: int
    uncounted: tuple[str, ...] = ()


Count = Callable[[Any, Any, Any], Work]  # layer, its first input, its first output; tensors of one image


def work(network: keras.Model, shape: tuple[int, ...]) -> Work:
    """Multiply-accumulates of one image; a layer that is called twice counts twice, a network inside by its layers.

    Args:
        shape: of one image or feature map, without the batch; also of a network of open size.
    """
    image = keras.KerasTensor((1, *shape), dtype=network.inputs[0].dtype)
    calls: list[Work] = []
    _walk(network, [image], calls)
    uncounted = dict.fromkeys(name for call in calls for name in call.uncounted)
    return Work(sum(call.macs for call in calls), sum(call.plain for call in calls), tuple(uncounted))


def _walk(network: keras.Model, tensors: list[Any], calls: list[Work]) -> Any:
    """Shapes through a network, as Keras infers them itself; every call on the way is reported."""

    def entered(operation: Any) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            given = list(_tensors((arguments, keywords)))
            if isinstance(operation, keras.Model) and getattr(operation, "inputs", None):
                return _walk(operation, given, calls)
            outputs = operation.compute_output_spec(*arguments, **keywords)
            calls.append(_called(operation, given, next(_tensors(outputs), None)))
            return outputs

        return call

    graph = keras.Model(network.inputs, network.outputs)  # a Sequential shows no graph of its own
    return graph._run_through_graph(tensors, operation_fn=entered)


def _tensors(structure: Any) -> Iterator[Any]:
    return (item for item in keras.tree.flatten(structure) if hasattr(item, "shape"))


def _called(operation: Any, given: list[Any], output: Any) -> Work:
    for kind, count in COUNTS.items():
        if isinstance(operation, kind):
            return count(operation, given[0], output)
    matrices = any(len(weight.shape) > 1 for weight in getattr(operation, "weights", ()))
    contracts = not isinstance(operation, layers.Layer) and type(operation).__name__ in CONTRACTIONS
    if matrices or contracts:
        return Work(0, 0, (f"{operation.name} ({type(operation).__name__})",))
    return Work(0, 0)


def _size(tensor: Any) -> int:
    return math.prod(tensor.shape)


def _convolution(layer: Any, given: Any, output: Any) -> Work:
    macs = _size(output) * math.prod(layer.kernel.shape[:-1])  # the kernel's last axis is the output's channels
    return Work(macs, macs)


def _depthwise(layer: Any, given: Any, output: Any) -> Work:
    macs = _size(output) * math.prod(layer.kernel.shape[:-2])  # (h, w, C, multiplier)
    return Work(macs, macs)


def _separable(layer: Any, given: Any, output: Any) -> Work:
    depth, point = layer.depthwise_kernel.shape, layer.pointwise_kernel.shape  # (h, w, C, m), (1, 1, C * m, filters)
    positions = _size(output) // layer.filters
    return Work(positions * (math.prod(depth) + math.prod(point)), _size(output) * math.prod(depth[:-1]))


def _transposed(layer: Any, given: Any, output: Any) -> Work:
    macs = _size(given) * math.prod(layer.kernel.shape[:-1])  # every input cell is spread; (h, w, filters, C)
    return Work(macs, macs)


def _dense(layer: Any, given: Any, output: Any) -> Work:
    macs = _size(output) * layer.kernel.shape[0]
    return Work(macs, macs)


def _dot(layer: Any, given: Any, output: Any) -> Work:
    axis = layer.axes if isinstance(layer.axes, int) else layer.axes[0]
    macs = _size(output) * given.shape[axis]
    return Work(macs, macs)


COUNTS: dict[type[layers.Layer], Count] = {
    layers.Conv2DTranspose: _transposed,
    layers.SeparableConv2D: _separable,
    layers.DepthwiseConv2D: _depthwise,
    layers.Conv2D: _convolution,
    layers.Dense: _dense,
    layers.Dot: _dot,
    layers.PReLU: lambda layer, given, output: Work(0, 0),  # slopes of several axes, no matrix
}
