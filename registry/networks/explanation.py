"""A backbone seen as two steps, around the feature map on which it is explained."""

from collections.abc import Callable
from typing import Any

import keras

from registry.errors import ContractError

Step = Callable[[Any], Any]


def features(outputs: Any) -> Any:
    """What a head reads of a backbone's outputs: the first of them, or the only one."""
    return outputs[0] if isinstance(outputs, (list, tuple)) else outputs


def halves(backbone: keras.Model, *, fine: bool = True) -> tuple[Step, Step]:
    """The steps image -> map and map -> features; their composition is the backbone.

    The map is the backbone's finer second output where it has one and `fine` is set, else the features themselves.

    Raises:
        ContractError: the features do not pass through the finer map alone.
    """
    outputs = getattr(backbone, "outputs", None) or [None]  # None: subclassed, not built by the functional API
    if not fine or len(outputs) < 2:
        return lambda images: features(backbone(images, training=False)), lambda tensor: tensor
    try:
        before = keras.Model(backbone.input, outputs[1])
        after = keras.Model(outputs[1], outputs[0])
    except (ValueError, TypeError) as error:
        raise ContractError(
            f"backbone {backbone.name!r} has a second output that its features do not pass through alone; "
            "the finer map must be a tensor on the only way from the images to the features"
        ) from error
    return lambda images: before(images, training=False), lambda tensor: after(tensor, training=False)
