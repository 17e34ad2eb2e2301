"""Any saved Keras model without top, with its normalisation declared."""

import zipfile
from pathlib import Path
from typing import Any

import keras
from keras import layers

from registry.errors import ContractError, OptionError, WeightsError
from registry.networks.archives import check_archive
from registry.networks.finer import join
from registry.networks.flattened import flattened
from registry.networks.pretrained import freeze, reason, unfreeze

EXAMPLE = "keras-file[path=model.keras,mean=127.5,deviation=127.5]"


def keras_file(
    image_shape: tuple[int | None, int | None, int],
    *,
    path: str = "",
    mean: float = 0.0,
    deviation: float = 255.0,
    frozen: bool = False,
) -> keras.Model:
    """A saved Keras model (.keras) without top, for images normalised as (x - mean) / deviation, x from 0 to 255.

    The model reads one channel or three and gives one feature map; a second output is ignored, so that the
    ``backbone.keras`` of a run can be used as it is.  A model saved for another image size is built anew for this one,
    around the same weights, where its layers allow.

    Args:
        path: the file, loaded in safe mode: no lambdas, no classes that are not Keras's own.
        mean, deviation: what the model's images were normalised with; the default gives [0, 1].
        frozen: keep the weights and batch statistics as they are.

    Raises:
        OptionError: no path is given, or the deviation is 0.
        WeightsError: no such file, or it cannot be loaded.
        ContractError: the model does not read images or give a feature map, at this size.
    """
    if deviation == 0:
        raise OptionError("option 'deviation' of backbone 'keras-file' divides, so it is not 0; its default is 255")
    network = _at_size(path, _load(path), image_shape)
    images = keras.Input(image_shape, name="images")
    channels = layers.Concatenate()([images] * 3) if network.inputs[0].shape[-1] == 3 else images
    prepared = layers.Rescaling(255 / deviation, offset=-mean / deviation)(channels)
    backbone = join(images, prepared, network, "keras_file")
    return freeze(backbone) if frozen else unfreeze(backbone)


def _load(path: str) -> keras.Model:
    if not path:
        raise OptionError(f"backbone 'keras-file' needs the path of a saved model: {EXAMPLE}")
    if not Path(path).is_file():
        raise WeightsError(f"no file {path!r} for backbone 'keras-file'; expected a saved Keras model: {EXAMPLE}")
    if not path.endswith(".keras") or not zipfile.is_zipfile(path):
        raise WeightsError(f"{path!r} is no Keras 3 model; save one with model.save('NAME.keras')")
    try:
        check_archive(Path(path))
        network = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # whatever a third party's configuration leads to
        raise WeightsError(
            f"{path!r} cannot be loaded in safe mode ({reason(error)}); "
            "expected a model of Keras's own layers, without Lambda"
        ) from error
    _check(path, network)
    return network


def _check(path: str, network: Any) -> None:
    shapes = [tuple(tensor.shape) for tensor in getattr(network, "inputs", None) or ()]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][-1] not in (1, 3):
        raise ContractError(
            f"{path!r} is no model of images: expected one input (B, H, W, 1) or (B, H, W, 3), "
            f"received {_listed(shapes)}"
        )
    shapes = [tuple(tensor.shape) for tensor in network.outputs]
    if len(shapes) > 2 or len(shapes[0]) != 4:
        raise ContractError(
            f"{path!r} does not end in a feature map: expected one output (B, h, w, C), received {_listed(shapes)}; "
            "save it without top"
        )


def _listed(shapes: list[tuple]) -> str:
    return " and ".join(map(str, shapes)) or "a model without fixed inputs"


def _at_size(path: str, network: keras.Model, image_shape: tuple[int | None, int | None, int]) -> keras.Model:
    sides, shape = image_shape[:2], tuple(network.inputs[0].shape)
    try:
        return flattened(network, (*sides, shape[-1]))
    except Exception as error:  # shapes that do not fit surface as whatever the layer raises
        raise ContractError(
            f"{path!r}, saved with input {shape}, cannot read images of {sides} pixels "
            f"({reason(error)}); set images.size to a size that it takes"
        ) from error
