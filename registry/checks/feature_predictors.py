"""Backbones that are no networks: features of every image by itself, equal ones wherever they are asked for."""

import numpy as np

from registry.checks.building import BATCH, IMAGE_SHAPE, SEED, build
from registry.checks.promises import Findings, Trial, expect
from registry.declarations import parameters_of

WHERE = "Feature predictors"


def _images(count: int = BATCH) -> np.ndarray:
    return np.random.default_rng(1).random((count, *IMAGE_SHAPE), np.float32)


def _features(found: Findings) -> None:
    given = found.backbone.predict(_images())
    received = f"{getattr(given, 'dtype', type(given).__name__)} {getattr(given, 'shape', '')}"
    fits = isinstance(given, np.ndarray) and given.ndim == 2 and len(given) == BATCH and given.dtype == np.float32
    expect(fits, f"predict gives features float32 (B, C), B = {BATCH} here; received {received}")
    expect(bool(np.isfinite(given).all()), "features of images in [0, 1] are finite numbers")
    found.features = given


def _differ(found: Findings) -> None:
    expect(bool((found.features != found.features[0]).any()), "unlike images have unlike features, received equal ones")


def _by_itself(found: Findings) -> None:
    alone = np.concatenate([found.backbone.predict(one[None]) for one in _images()])
    expect(
        alone.shape == found.features.shape and np.allclose(alone, found.features, rtol=1e-3, atol=1e-4),
        "an image has the same features alone as among others, received others",
    )


def _none(found: Findings) -> None:
    shape = found.features.shape
    given = found.backbone.predict(_images(0))
    expect(given.shape == (0, shape[1]), f"of no images it gives {(0, shape[1])}, received {given.shape}")


def _again(found: Findings) -> None:
    expected = found.features
    other = build(found.factory, (IMAGE_SHAPE,), found.options, SEED + 1).predict(_images())
    expect(
        bool(np.array_equal(other, expected)), "made anew from equal options it gives equal features, received others"
    )


def _untouched(found: Findings) -> None:
    _ = found.features
    images = _images()
    found.backbone.predict(images)
    expect(bool((images == _images()).all()), "predict changed the images that it was given; copy them first")


def _parameters(found: Findings) -> None:
    parameters_of(found.backbone)


PREDICTOR = (
    Trial("it gives finite features float32 (B, C)", WHERE, _features),
    Trial("unlike images have unlike features", WHERE, _differ),
    Trial("each image has its features by itself", WHERE, _by_itself),
    Trial("of no images it gives no features", WHERE, _none),
    Trial("made anew it gives equal features", WHERE, _again),
    Trial("it leaves the images as they are", WHERE, _untouched),
    Trial("parameters, where it has them, are a whole number", WHERE, _parameters),
)
