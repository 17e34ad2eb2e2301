"""Segmenters, backbones and heads that are networks: shapes, training, saving, gradients."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from registry.backend import gradient
from registry.checks.classifiers import check_classifier
from registry.checks.promises import (
    BATCH,
    CLASSES,
    FEATURE_SHAPE,
    IMAGE_SHAPE,
    build,
    check_same_kind,
    expect,
    named,
)
from registry.declarations import (
    is_classical,
    is_network,
    is_trained,
    keeps_whole_frame,
    kind_of,
    reads_dataset_masks,
)
from registry.errors import ContractError
from registry.networks.explanation import features, halves
from registry.networks.losses import cross_entropy_dice


@named
def check_segmenter(factory: Callable[..., Any], **options: Any) -> None:
    """A segmenter gives lung probabilities and can be trained and saved, or predicts masks untrained."""
    for asks in (is_trained, keeps_whole_frame, reads_dataset_masks):
        check_same_kind(factory, (IMAGE_SHAPE,), options, asks)
    product = build(factory, (IMAGE_SHAPE,), options)
    images = _images()
    _check_declared(product)
    if not is_trained(product):
        _check_predictor(product, images)
        return
    _check_shape(product, images, (BATCH, *IMAGE_SHAPE[:2], 1), "lung probabilities (B, H, W, 1)")
    probability = _call(product, images)
    expect(bool(np.all((probability >= 0) & (probability <= 1))), "lung probabilities lie in [0, 1]; end in a sigmoid")
    _check_seed(product, factory, (IMAGE_SHAPE,), options)
    _check_training(product, images, (images > 0.5).astype(np.float32), cross_entropy_dice)
    _check_saving(product, images)


@named
def check_backbone(factory: Callable[..., Any], **options: Any) -> None:
    """A backbone gives a feature map, trains, survives saving, and can be explained."""
    backbone = build(factory, (IMAGE_SHAPE,), options)
    expect(is_network(backbone), f"a backbone is a keras.Model, received {kind_of(backbone)}")
    images = _images()
    outputs = backbone(images, training=False)
    maps = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    expect(len(maps) <= 2, f"a backbone has one output, or a second, finer map; received {len(maps)}")
    for tensor in maps:
        shape = tuple(tensor.shape)
        expect(len(shape) == 4 and shape[0] == BATCH, f"feature maps are (B, h, w, C), received {shape}")
        expect(bool(np.isfinite(_array(tensor)).all()), "features of images in [0, 1] are finite")
    if len(maps) == 2:
        sides = [tuple(tensor.shape[1:3]) for tensor in maps]
        expect(sides[1][0] > sides[0][0], f"the second output is the finer map, received {sides[1]} after {sides[0]}")
    _check_explanation(backbone, images, _array(maps[0]))
    _check_seed(backbone, factory, (IMAGE_SHAPE,), options)
    pooled = keras.layers.GlobalAveragePooling2D()(features(backbone.outputs))
    classifier = keras.Model(backbone.input, keras.layers.Dense(2)(pooled))
    _check_training(classifier, images, np.arange(BATCH) % 2, _cross_entropy())
    _check_saving(backbone, images)


@named
def check_head(factory: Callable[..., Any], **options: Any) -> None:
    """A head gives logits for any number of classes and passes gradients on, or is a `Classifier`."""
    check_same_kind(factory, (FEATURE_SHAPE, CLASSES[0]), options, is_classical)
    for classes in CLASSES:
        head = build(factory, (FEATURE_SHAPE, classes), options)
        if is_classical(head):
            check_classifier(factory, classes, options)
            continue
        tensor = _features()
        _check_shape(head, tensor, (BATCH, classes), f"logits (B, {classes})")
        logits = _call(head, tensor)
        summed = np.allclose(logits.sum(axis=1), 1, atol=1e-3) and bool((logits >= 0).all())
        expect(not summed, "a head gives logits, received probabilities; leave the softmax out")
        _, slope = gradient(lambda inputs, head=head: head(inputs, training=False)[:, 0], tensor)
        expect(bool(np.any(slope != 0)), "the logits depend on the features, received a gradient of zero")
        _check_seed(head, factory, (FEATURE_SHAPE, classes), options)
        _check_training(head, tensor, np.arange(BATCH) % classes, _cross_entropy())
        _check_saving(head, tensor)


def _array(tensor: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(tensor), np.float32)


def _call(model: keras.Model, inputs: np.ndarray) -> np.ndarray:
    return _array(features(model(inputs, training=False)))


def _images() -> np.ndarray:
    return np.random.default_rng(0).random((BATCH, *IMAGE_SHAPE), np.float32)


def _features() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(BATCH, *FEATURE_SHAPE)).astype(np.float32)


def _cross_entropy() -> keras.losses.Loss:
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def _check_shape(model: keras.Model, inputs: np.ndarray, shape: tuple[int, ...], what: str) -> None:
    output = model(inputs, training=False)
    received = tuple(output.shape) if hasattr(output, "shape") else f"{len(output)} outputs"
    expect(received == shape, f"{model.name!r} gives {what}, {shape} here; received {received}")


def _check_seed(product: keras.Model, factory: Callable[..., Any], arguments: tuple, options: dict[str, Any]) -> None:
    """Of a product of `build` that nothing has trained yet."""
    again = build(factory, arguments, options)
    same = all(np.array_equal(a, b) for a, b in zip(product.get_weights(), again.get_weights(), strict=True))
    expect(same, "equal seeds give equal weights (keras.utils.set_random_seed); initialise by Keras alone")


def _check_training(model: keras.Model, inputs: np.ndarray, targets: np.ndarray, loss: Any) -> None:
    before = [_array(weight) for weight in model.trainable_weights]
    model.compile(keras.optimizers.SGD(0.1), loss, run_eagerly=True)
    value = float(np.asarray(model.train_on_batch(inputs, targets)))
    expect(np.isfinite(value), f"one training step gives a finite loss, received {value}")
    moved = [not np.array_equal(a, _array(b)) for a, b in zip(before, model.trainable_weights, strict=True)]
    expect(not moved or any(moved), "one training step changes weights, received the same")


def _check_saving(model: keras.Model, inputs: np.ndarray) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        try:
            model.save(path)
            loaded = keras.saving.load_model(path, compile=False, safe_mode=True)
        except Exception as error:
            line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ContractError(
                f"{model.name!r} does not survive saving as .keras in safe mode ({line}); no Lambda layers, and "
                "register own layers with keras.saving.register_keras_serializable"
            ) from error
        same = np.allclose(_call(model, inputs), _call(loaded, inputs), rtol=1e-4, atol=1e-5)
    expect(same, f"{model.name!r} predicts the same after saving and loading, received something else")


def _check_explanation(backbone: keras.Model, images: np.ndarray, found: np.ndarray) -> None:
    """Of a backbone whose features of the images are those that were found."""
    to_map, to_features = halves(backbone)
    tensor = to_map(images)
    same = np.allclose(_array(to_features(tensor)), found, rtol=1e-4, atol=1e-4)
    expect(same, "the features pass through the finer map; going on from it gave others")
    _, slope = gradient(lambda inputs: ops.square(to_features(inputs)), tensor)
    expect(bool(np.any(slope != 0)), "gradients reach the map to explain on, received zero")


def _check_declared(product: Any) -> None:
    declared = [asks.__name__ for asks in (is_trained, keeps_whole_frame, reads_dataset_masks) if asks(product)]
    expect(
        len(declared) < 2,
        f"a segmenter is trained, or declares whole_frame, or reads_dataset_masks, received {' and '.join(declared)}",
    )


def _check_predictor(product: Any, images: np.ndarray) -> None:
    if reads_dataset_masks(product):
        return
    masks = product.predict(images)
    shape = getattr(masks, "shape", None)
    expect(shape == images.shape[:3], f"masks are (B, H, W), {images.shape[:3]} here; received {shape}")
    expect(masks.dtype == bool, f"masks are bool, received {masks.dtype}")
    expect(product.predict(images[:0]).shape == (0, *images.shape[1:3]), "no images give no masks")
    expect(bool(np.array_equal(masks, product.predict(images))), "equal images give equal masks")
