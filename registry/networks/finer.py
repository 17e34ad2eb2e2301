"""A second, finer feature map to explain on, for networks whose last map is too coarse to localise."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import keras
from keras import layers

CELLS = 16  # a map of fewer cells a side cannot say where a lesion is
SHIFTED = (layers.ZeroPadding2D, layers.Cropping2D)  # their cells do not divide the image evenly


def join(images: Any, prepared: Any, network: keras.Model, name: str) -> keras.Model:
    """The backbone images -> prepared -> network, with a finer second output where the last map needs one.

    The finer map is the deepest one of at least 16 cells a side through which all later features pass; there is none
    where the last map has as many itself, where no such map exists, or where the size is open.

    Args:
        images: the backbone's input tensor.
        prepared: what the network reads, made from it.
        network: from one image tensor to one feature map.
    """
    start, last = network.inputs[0], network.outputs[0]
    fine = finer_map(network, tuple(prepared.shape[1:]))
    if fine is None:
        return keras.Model(images, keras.Model(start, last, name=f"{name}_body")(prepared), name=name)
    middle = keras.Model(start, fine, name=f"{name}_lower")(prepared)
    return keras.Model(images, [keras.Model(fine, last, name=f"{name}_upper")(middle), middle], name=name)


def finer_map(network: keras.Model, image_shape: tuple[int | None, int | None, int]) -> Any | None:
    """The tensor of a network to explain on at that image size; None where it is the last one, or there is none."""
    if None in image_shape:
        return None
    maps = [tensor for tensor in passages(network) if len(tensor.shape) == 4]
    tensors = [*maps, network.outputs[0]]
    shapes = keras.Model(network.inputs[0], tensors).compute_output_shape((1, *image_shape))
    *sides, last = [min(shape[1:3]) for shape in shapes]
    fine_enough = [tensor for tensor, side in zip(maps, sides, strict=True) if side >= CELLS]
    return fine_enough[-1] if fine_enough and last < CELLS else None


def passages(network: keras.Model) -> Iterator[Any]:
    """The tensors that every way from images to features leads through, from the first kernel on, in order.

    Walking the calls in order, such a tensor is the only one that later calls still read.
    """
    graph = keras.Model(network.inputs[0], network.outputs[0])
    calls = [call for depth in sorted(graph._nodes_by_depth, reverse=True) for call in graph._nodes_by_depth[depth]]
    readers = Counter(id(tensor) for call in calls for tensor in call.input_tensors)
    waiting: dict[int, Any] = {}
    learnt = False
    for call in calls:
        readers.subtract(map(id, call.input_tensors))
        waiting |= {id(tensor): tensor for tensor in call.output_tensors}
        waiting = {key: tensor for key, tensor in waiting.items() if readers[key]}
        learnt |= any(len(weight.shape) > 1 for weight in getattr(call.operation, "weights", ()))
        if len(waiting) == 1 and learnt and not isinstance(call.operation, SHIFTED):
            yield from waiting.values()
