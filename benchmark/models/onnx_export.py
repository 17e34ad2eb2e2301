"""A trained pipeline as one ONNX graph: prepared image and frame in; mask, probabilities, logits, decision out.

Keras converts it (by tf2onnx, on TensorFlow).  Decoding, resizing and equalising stay outside.
"""

import importlib
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from benchmark.evaluation.calibration import Calibration, log_prior
from benchmark.models.segmentation import THRESHOLD, Segmentation
from benchmark.records.export import DECIDED, FRAME, IMAGE, LOGITS, MASK, OUTPUTS, PROBABILITIES
from registry.errors import ConfigError
from registry.networks.explanation import features

OPSET = 18


def graph_of(
    segmentation: Segmentation | None,
    backbone: keras.Model,
    head: keras.Model,
    size: int,
    calibrate: tuple[Calibration, list[float], list[float]],
) -> keras.Model:
    """The pipeline as one network: what `Pipeline.answers` does, in float32.

    Args:
        segmentation: its product is a network; None where the classifier sees the whole frame.
        calibrate: what was fitted, class prior of the data, and of what was learnt from.
    """
    image, frame = (
        keras.Input((size, size), dtype="uint8", name=IMAGE),
        keras.Input((size, size), dtype="bool", name=FRAME),
    )
    grey = ops.cast(image, "float32")
    mask = frame
    if segmentation is not None:
        probability = segmentation.product((grey / 255.0)[..., None])[..., 0]
        mask = ops.logical_and(probability > THRESHOLD, frame)
        grey = ops.where(mask, grey, 0.0)
    unit = keras.layers.Rescaling(1 / 255, dtype="float32")(grey[..., None])
    logits = head(features(backbone(unit)))
    probabilities, evidence = _calibrated(logits, *calibrate)
    _, likeliest = ops.top_k(evidence, 1)  # Keras's argmax goes through bits, which ONNX does not
    outputs = {MASK: mask, PROBABILITIES: probabilities, LOGITS: logits, DECIDED: likeliest[:, 0]}
    return keras.Model({IMAGE: image, FRAME: frame}, outputs)


def _calibrated(logits: Any, fitted: Calibration, data_prior: list[float], batch_prior: list[float]) -> tuple[Any, Any]:
    """Probabilities at the data's class prior, and logits at equal ones: `evaluation.calibration.calibrated`."""
    data, batch = (log_prior(prior) for prior in (data_prior, batch_prior))
    corrected, neutral = logits + np.float32(data - batch), logits - np.float32(batch)
    if fitted.method == "platt":
        odds = (corrected[:, 1:2] - corrected[:, 0:1]) * fitted.slope + fitted.intercept
        corrected = ops.concatenate([ops.zeros_like(odds), odds], axis=1)
        neutral = corrected - np.float32(data)
    return ops.softmax(corrected / fitted.temperature, axis=1), neutral


def convert(network: keras.Model, path: Path) -> None:
    """Write a network as an ONNX file of any number of images.

    Raises:
        ConfigError: a layer of it has no counterpart; the message has the converter's own words.
    """
    shape = (1, *network.inputs[0].shape[1:])
    network({IMAGE: np.zeros(shape, np.uint8), FRAME: np.ones(shape, bool)})  # only what was called is exported
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tf2onnx, about NumPy
            network.export(str(path), format="onnx", verbose=False, opset_version=OPSET)
        _named(path)
    except MemoryError:
        raise
    except Exception as error:  # whatever a layer of a third party leads to
        said = " ".join(str(error).split())[:200]
        raise ConfigError(f"its networks cannot be converted to ONNX ({type(error).__name__}: {said})") from error


def _named(path: Path) -> None:
    """Call the free axis the same everywhere, put the outputs in order, and leave out how it was made."""
    onnx = importlib.import_module("onnx")
    model = onnx.load(str(path))
    outputs = {output.name: output for output in model.graph.output}
    del model.graph.output[:]
    model.graph.output.extend(outputs[name] for name in OUTPUTS)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "images"
    model.doc_string, model.graph.doc_string = "", ""
    onnx.save(model, str(path))
