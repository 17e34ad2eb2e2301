"""A network as one graph of layers, called anew on images of any size."""

from typing import Any

import keras


def flattened(network: keras.Model, image_shape: tuple[int | None, int | None, int]) -> keras.Model:
    """The same layers, with their weights, on float images of that shape and up to the first output.

    The layers of networks inside it are called directly; those that share a name are renamed.  A layer that does
    not take the size raises whatever Keras makes it raise.
    """
    _name_apart(network, set(), set())
    images = keras.Input(image_shape)
    return keras.Model(images, _call(network, [images])[0], name=network.name)


def _name_apart(network: keras.Model, seen: set[int], names: set[str]) -> None:
    for operation in _graph(network).operations:
        if _is_network(operation):
            _name_apart(operation, seen, names)
        elif id(operation) not in seen:
            while operation.name in names:
                operation.name += "_again"
            seen.add(id(operation))
            names.add(operation.name)


def _call(network: keras.Model, tensors: list[Any]) -> list[Any]:
    return _graph(network)._run_through_graph(tensors, operation_fn=_entered)


def _graph(network: keras.Model) -> keras.Model:
    return keras.Model(network.inputs, network.outputs)  # a Sequential shows no graph of its own


def _entered(operation: Any) -> Any:
    if not _is_network(operation):
        return operation
    return lambda *tensors, **_: _call(operation, keras.tree.flatten(tensors))


def _is_network(operation: Any) -> bool:
    return isinstance(operation, keras.Model) and bool(getattr(operation, "inputs", None))
