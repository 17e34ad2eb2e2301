"""Networks of keras.applications, with published weights, weights from a file, or a fresh start."""

import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import keras
from keras import layers

from registry.errors import ContractError, WeightsError

PATIENCE_S = 30  # without a byte
SMALLEST = 32  # pixels a side; keras.applications refuse less, unless the size is open


def application(
    backbone: str,
    architecture: str,
    published: str,
    weights: str | None,
    image_shape: tuple[int | None, int | None, int] = (None, None, 3),
) -> keras.Model:
    """A network of keras.applications without top, of three channels.

    Args:
        backbone: the component's name, for messages.
        architecture: the network's name in keras.applications.
        published: name of the file that Keras downloads, for messages.
        weights: ``imagenet`` (downloaded once), a local weights file without top, or None.
        image_shape: the size to build for.

    Raises:
        ContractError: a side is under 32 pixels.
        WeightsError: the weights are not here and cannot be downloaded, or the file holds others.
    """
    _check_size(backbone, image_shape)
    build = partial(getattr(keras.applications, architecture), include_top=False, input_shape=(*image_shape[:2], 3))
    if weights is None:
        return _settled_soon(build(weights=None))
    if weights != "imagenet" and not Path(weights).is_file():
        raise WeightsError(
            f"no weights file {weights!r} for backbone {backbone!r}; give an existing file, weights=imagenet or none"
        )
    try:
        with patience(), warnings.catch_warnings():
            # That weights learnt at 224 pixels are used at another size is known.
            warnings.filterwarnings("ignore", "`input_shape` is undefined")
            return build(weights=weights)
    except Exception as error:  # Keras raises bare Exception when a download fails
        raise WeightsError(
            f"{architecture}'s weights {weights!r} cannot be had ({reason(error)}); "
            f"use weights=none, or weights=FILE with a copy of {published}"
        ) from error


@contextmanager
def patience() -> Iterator[None]:
    """Downloads that stand still end: Keras waits for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def freeze(backbone: keras.Model) -> keras.Model:
    """The backbone as one fixed function: its weights and batch statistics stay, and training drops nothing."""
    for layer in backbone._flatten_layers():  # one by one: what a network is already, it does not pass on
        layer.trainable = False
        if isinstance(layer, layers.Dropout):
            layer.rate = 0.0
    return backbone


def unfreeze(backbone: keras.Model) -> keras.Model:
    """The backbone with every weight trainable, also those that were saved frozen."""
    for layer in backbone._flatten_layers():
        layer.trainable = True
    return backbone


def reason(error: Exception) -> str:
    """What an exception of Keras says, in one line of at most 160 characters."""
    line = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return line if len(line) <= 160 else f"{line[:159]}…"


def _check_size(backbone: str, image_shape: tuple[int | None, int | None, int]) -> None:
    sides = image_shape[:2]
    if min(side or SMALLEST for side in sides) < SMALLEST:
        raise ContractError(
            f"backbone {backbone!r} halves images five times: expected {SMALLEST} pixels a side or more, "
            f"received {sides}"
        )


def _settled_soon(network: keras.Model) -> keras.Model:
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.9  # Keras's .99 leaves validation behind for hundreds of steps
    return network
