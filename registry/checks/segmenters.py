"""Segmenters: lung probabilities that can be learnt, or masks without training."""

from collections.abc import Callable
from typing import Any

import numpy as np

from registry.checks.building import BATCH, DECLARED, IMAGE_SHAPE, MAY_DECLARE, build, check_same_kind
from registry.checks.promises import Findings, Promise, Trial, Watch, check_given, expect, silent, try_all
from registry.checks.training import (
    call,
    check_finite,
    check_saving,
    check_seed,
    check_shape,
    check_training,
    images,
)
from registry.declarations import is_trained, keeps_whole_frame, reads_dataset_masks
from registry.networks.losses import cross_entropy_dice


def try_segmenter(factory: Callable[..., Any], options: dict[str, Any], watch: Watch = silent) -> list[Promise]:
    """What a segmenter keeps of its contract."""
    check_given(factory, options)
    found = Findings(factory=factory, given=options)
    promises = try_all(SEGMENTER, found, watch)
    further = () if "trained" not in vars(found) else MASK_NETWORK if found.trained else MASK_PREDICTOR
    return promises + try_all(further, found, watch)


def _build(found: Findings) -> None:
    product = build(found.factory, (IMAGE_SHAPE,), found.options)
    found.trained = is_trained(product)
    found.segmenter = product


def _same(found: Findings) -> None:
    product = found.segmenter
    for asks in (is_trained, keeps_whole_frame, reads_dataset_masks):
        check_same_kind(found.factory, (IMAGE_SHAPE,), found.options, asks)
    declared = [asks.__name__ for asks in (is_trained, keeps_whole_frame, reads_dataset_masks) if asks(product)]
    expect(
        len(declared) < 2,
        f"a segmenter is trained, or declares whole_frame, or reads_dataset_masks, received {' and '.join(declared)}",
    )


def _mask_shape(found: Findings) -> None:
    films = images()
    check_shape(found.segmenter, films, (BATCH, *IMAGE_SHAPE[:2], 1), "lung probabilities (B, H, W, 1)")
    found.lungs = call(found.segmenter, films)


def _mask_range(found: Findings) -> None:
    check_finite(found.lungs, "lung probabilities")
    inside = bool(np.all((found.lungs >= 0) & (found.lungs <= 1)))
    received = f"{found.lungs.min():.3g} to {found.lungs.max():.3g}"
    expect(inside, f"its lung probabilities reach from {received}, expected 0 to 1; end in a sigmoid")


def _training(found: Findings) -> None:
    model, _ = found.segmenter, found.lungs
    check_training(model, images(), (images() > 0.5).astype(np.float32), cross_entropy_dice)


def _masks(found: Findings) -> None:
    films = images()
    if reads_dataset_masks(found.segmenter):
        return  # `predict` is never called
    masks = found.segmenter.predict(films)
    shape = getattr(masks, "shape", None)
    expect(shape == films.shape[:3], f"masks are (B, H, W), {films.shape[:3]} here; received {shape}")
    expect(masks.dtype == bool, f"masks are bool, received {masks.dtype}; compare with a threshold")
    found.masks = masks


def _no_masks(found: Findings) -> None:
    if not reads_dataset_masks(found.segmenter):
        none = found.segmenter.predict(images()[:0])
        expect(none.shape == (0, *IMAGE_SHAPE[:2]), f"no images give no masks, received {none.shape}")


def _same_masks(found: Findings) -> None:
    if not reads_dataset_masks(found.segmenter):
        expect(bool(np.array_equal(found.masks, found.segmenter.predict(images()))), "equal images give equal masks")


def _seed(found: Findings) -> None:
    check_seed(found.segmenter, found.factory, (IMAGE_SHAPE,), found.options)


def _saving(found: Findings) -> None:
    check_saving(found.segmenter, images())


SEGMENTER = (
    *DECLARED,
    Trial("it is built, as a network or with predict()", "Networks", _build),
    Trial("it declares one thing alone, the same with all options", MAY_DECLARE, _same),
)
MASK_NETWORK = (
    Trial("it gives one lung probability per pixel (B, H, W, 1)", "Networks", _mask_shape),
    Trial("lung probabilities lie in [0, 1]", "Networks", _mask_range),
    Trial("equal seeds give equal weights", "Networks", _seed),
    Trial("it learns: one training step changes its weights", "Networks", _training),
    Trial("it survives saving in safe mode", "Networks", _saving),
)
MASK_PREDICTOR = (
    Trial("it predicts masks, bool (B, H, W)", "Mask predictors", _masks),
    Trial("it predicts no masks of no images", "Mask predictors", _no_masks),
    Trial("equal images give equal masks", "Mask predictors", _same_masks),
)
