"""Predicted lung masks: their agreement with the dataset's, and whether they look like lungs at all."""

import math
from collections.abc import Mapping

import cv2
import numpy as np

from benchmark.evaluation.intervals import join, mean_estimate
from benchmark.evaluation.resampling import Groups, Seed
from benchmark.records.estimate import Estimate

MEASURES = ("pixel-accuracy", "dice", "iou")
# Bounds of plausible masks, beside what 2,500 masks of lungs from five annotators have.
SHARES = (0.08, 0.70)  # of the frame: .093 to .659
BORDER = 0.35  # of the frame's outermost pixels: at most .21, while the inverse of a mask has .79 or more
SECOND_LUNG = 1 / 3  # of the larger one's area: more than .40 in 99 %
DEBRIS = 0.10  # of the mask, outside its two largest pieces: at most .03
TOUCHING = 0.75  # width / height from which a single piece may be two lungs


def mask_agreement(truth: np.ndarray, predicted: np.ndarray, films: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Pixel accuracy, Dice and IoU of every image.

    Args:
        truth, predicted: bool (n, H, W), both empty outside the films.
        films: bool (n, H, W), false on bars beside the films, which do not count; None where there are none.

    Returns:
        ``pixel-accuracy``, ``dice``, ``iou``: (n,) float.  ``case``: (n,) str, empty where both masks hold pixels;
        ``no true mask`` (Dice and IoU are then NaN, whatever was predicted) or ``empty prediction`` (they are 0).
    """
    truth, predicted = (np.asarray(masks, bool) for masks in (truth, predicted))
    truth, predicted = (masks.reshape(len(masks), math.prod(masks.shape[1:])) for masks in (truth, predicted))
    both, either = (truth & predicted).sum(axis=1), (truth | predicted).sum(axis=1)
    known = truth.any(axis=1)
    iou = np.where(known, both / np.maximum(either, 1), np.nan)
    case = np.where(known, np.where(predicted.any(axis=1), "", "empty prediction"), "no true mask")
    accuracy = (truth == predicted).mean(axis=1)
    if films is not None:
        pixels = films.reshape(len(films), -1)
        accuracy = ((truth == predicted) & pixels).sum(axis=1) / pixels.sum(axis=1)
    return {"pixel-accuracy": accuracy, "dice": 2 * iou / (1 + iou), "iou": iou, "case": case}


def mask_estimates(
    truth: np.ndarray,
    predicted: np.ndarray,
    groups: Groups,
    seed: Seed,
    resamples: int = 2000,
    films: np.ndarray | None = None,
) -> dict[str, Estimate]:
    """Means over images of what `mask_agreement` gives, with intervals over groups; notes count the odd cases."""
    return agreement_estimates(mask_agreement(truth, predicted, films), groups, seed, resamples)


def agreement_estimates(
    agreement: Mapping[str, np.ndarray], groups: Groups, seed: Seed, resamples: int = 2000
) -> dict[str, Estimate]:
    """The same of what `mask_agreement` gave, in one piece or several joined."""
    if len(agreement["case"]) == 0:
        return {name: Estimate(None, n=0, note="no images with a mask") for name in MEASURES}
    empty = int((agreement["case"] == "empty prediction").sum())
    note = f"{empty} empty predictions" if empty else ""
    estimates = {}
    for name in MEASURES:
        one = mean_estimate(agreement[name], groups, seed, resamples)
        estimates[name] = Estimate(one.value, one.low, one.high, one.n, join(one.note, note))
    return estimates


def implausible(masks: np.ndarray, films: np.ndarray | None = None) -> np.ndarray:
    """(n,) True where bool (n, H, W) masks cannot be two lungs on a frontal radiograph.

    Args:
        films: bool (n, H, W), rectangles outside of which bars lie beside the films; None where there are none.

    Plausible: 8 to 70 % of the frame and at most 35 % of its outermost pixels; two pieces, the smaller at least a
    third of the larger, or one piece at least .75 times as wide as it is high (lungs that touch); at most 10 % of
    the mask outside those two.
    """
    masks = np.asarray(masks, bool)
    whole = masks if films is None else [_cut(mask, film) for mask, film in zip(masks, films, strict=True)]
    return np.array([not _plausible(mask) for mask in whole], bool)


def _cut(mask: np.ndarray, film: np.ndarray) -> np.ndarray:
    """What of a mask lies on the film."""
    return mask[np.ix_(film.any(axis=1), film.any(axis=0))]


def _plausible(mask: np.ndarray) -> bool:
    area = int(mask.sum())
    edge = np.concatenate([mask[0], mask[-1], mask[1:-1, 0], mask[1:-1, -1]])
    if not SHARES[0] <= area / mask.size <= SHARES[1] or edge.mean() > BORDER:
        return False
    count, _, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    pieces = sorted(boxes[1:count].tolist(), key=lambda box: box[cv2.CC_STAT_AREA], reverse=True)
    first = pieces[0]
    second = pieces[1][cv2.CC_STAT_AREA] if len(pieces) > 1 else 0
    largest = first[cv2.CC_STAT_AREA]
    touching = first[cv2.CC_STAT_WIDTH] >= TOUCHING * first[cv2.CC_STAT_HEIGHT]
    return (second >= SECOND_LUNG * largest or touching) and area - largest - second <= DEBRIS * area
