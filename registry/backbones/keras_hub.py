"""Vision transformers of others by file: ViT and DINOv2 in a local folder of the Hugging Face layout, by KerasHub."""

import importlib
from typing import Any

import keras
import numpy as np
from keras import layers

from registry.errors import ContractError, WeightsError
from registry.networks.hub_folder import MOST_TOKENS, WEIGHTS, HubFolder, hub_folder
from registry.networks.pretrained import freeze, reason, unfreeze

try:  # its layers are known to Keras, which loads saved networks, once it is imported
    hub: Any = importlib.import_module("keras_hub")
    importlib.import_module("safetensors")
except ImportError:
    hub = None

cxr_bench_libraries = ["keras-hub"]

EXAMPLE = "keras-hub[path=FOLDER]"
INSTALL = "pip install 'cxr-bench[hub]'"


def keras_hub(
    image_shape: tuple[int | None, int | None, int],
    *,
    path: str = "",
    frozen: bool = True,
) -> keras.Model:
    """A vision transformer (ViT, DINOv2 such as RAD-DINO) from a local folder; nothing is ever downloaded.

    The last layer's tokens of the patches, without those of class and registers, are the feature map (B, h, w, C), a
    cell per patch.  Grey images fill three channels, normalised as ``preprocessor_config.json`` says.  They are resized
    to the nearest multiple of the patch; where the network learnt at another size, its position embeddings are
    interpolated.

    Args:
        path: the folder with ``config.json``, ``preprocessor_config.json`` and ``model.safetensors``.
        frozen: keep the weights as they are.

    Raises:
        OptionError: no path is given.
        WeightsError: KerasHub is not installed; no such folder, or what lies in it cannot be loaded.
        ContractError: the images are not square, their size is open, or they make too many tokens.
    """
    folder = hub_folder(path, EXAMPLE)
    if hub is None:
        raise WeightsError(f"backbone 'keras-hub' needs keras-hub and safetensors, which do not import: {INSTALL}")
    side = _side(image_shape, folder)
    network = _loaded(path, folder, side)
    images = keras.Input(image_shape, name="images")
    colour = layers.Concatenate()([images] * 3)
    sized = colour if side == image_shape[0] else layers.Resizing(side, side, interpolation="bilinear")(colour)
    prepared = layers.Rescaling(list(folder.scale), offset=list(folder.offset))(sized)
    tokens = network(prepared if folder.kind == "vit" else {"images": prepared})  # (B, 1 + registers + cells, C)
    cells = side // folder.patch
    patches = layers.Cropping1D((tokens.shape[1] - cells**2, 0))(tokens)
    backbone = keras.Model(images, layers.Reshape((cells, cells, tokens.shape[-1]))(patches), name="keras_hub")
    return freeze(backbone) if frozen else unfreeze(backbone)


def _side(image_shape: tuple[int | None, int | None, int], folder: HubFolder) -> int:
    """Pixels a side of what the network reads."""
    height, width = image_shape[:2]
    if height is None or height != width:
        raise ContractError(f"backbone 'keras-hub' reads square images of one size, received {(height, width)}")
    cells = max(1, round(height / folder.patch))
    if cells**2 > MOST_TOKENS:
        raise ContractError(
            f"images of {height} pixels make {cells**2:,} patches of {folder.patch}, expected at most {MOST_TOKENS:,}; "
            "use a smaller images.size"
        )
    return cells * folder.patch


def _loaded(path: str, folder: HubFolder, side: int) -> keras.Model:
    """The network with its weights, for images of that size."""
    try:
        if folder.kind == "vit":
            epsilon = 1e-12 if folder.epsilon is None else folder.epsilon  # what is meant where nothing is said
            learnt = hub.models.ViTBackbone.from_preset(folder.path, layer_norm_epsilon=epsilon)
            return learnt if side == folder.size else _at_size(learnt, side, folder)
        return hub.models.DINOV2Backbone.from_preset(folder.path, image_shape=(side, side, 3))
    except Exception as error:  # whatever a third party's weights lead to
        raise WeightsError(
            f"{path!r} cannot be loaded by KerasHub ({reason(error)}); "
            f"expected the weights that its configuration describes, in {WEIGHTS}"
        ) from error


def _at_size(learnt: keras.Model, side: int, folder: HubFolder) -> keras.Model:
    """A ViT for another size; what differs in shape are its position embeddings, (1 + cells, C)."""
    network = type(learnt).from_config({**learnt.get_config(), "image_shape": (side, side, 3)})
    for own, other in zip(network.weights, learnt.weights, strict=True):
        values = keras.ops.convert_to_numpy(other)
        own.assign(values if own.shape == other.shape else _interpolated(values, folder, side))
    return network


def _interpolated(positions: np.ndarray, folder: HubFolder, side: int) -> np.ndarray:
    """As the authors of ViT do it (Dosovitskiy et al. 2021, section 3.2, arXiv:2010.11929), by cubic splines."""
    before, after = folder.size // folder.patch, side // folder.patch
    grid = positions[1:].reshape(before, before, -1)
    resized = keras.ops.image.resize(grid, (after, after), interpolation="bicubic", data_format="channels_last")
    cells = keras.ops.convert_to_numpy(resized).reshape(after**2, -1)
    return np.concatenate([positions[:1], cells])
