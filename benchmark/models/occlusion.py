"""Where a classifier looks, without gradients: how far the class log-odds fall when a patch is hidden.

Zeiler and Fergus 2014, section 4.2, arXiv:1311.2901.
"""

from collections.abc import Callable

import numpy as np

from benchmark.evaluation.metrics import log_odds

SPAN = 4  # patches have a quarter of the image's side
STEPS = 2  # and move by half of their own


def occlusion(
    logits_of: Callable[[np.ndarray], np.ndarray], images: np.ndarray, classes: np.ndarray, *, batch_size: int = 64
) -> np.ndarray:
    """Heat maps: the mean fall of the log-odds of a class over the patches that cover a cell.

    A patch is hidden behind the mean grey of the image's pixels above 0; pixels at 0, outside the lungs of a masked
    image, stay as they are, so that a patch adds nothing that was not there.

    Args:
        logits_of: images uint8 (B, H, W) -> logits (B, K).
        images: uint8 (n, H, W), as the classifier sees them.
        classes: (n,) the column to explain of each.

    Returns:
        (n, 8, 8) float32, >= 0, not normalised.
    """
    cells = SPAN * STEPS
    corners = [(top, left) for top in range(cells - STEPS + 1) for left in range(cells - STEPS + 1)]
    side = np.linspace(0, images.shape[1], cells + 1).round().astype(int)
    maps = np.zeros((len(images), cells, cells))
    if not len(images):
        return maps.astype(np.float32)
    covered = np.zeros((cells, cells))
    whole = _class_log_odds(logits_of, images, classes, batch_size)
    for top, left in corners:
        place = slice(top, top + STEPS), slice(left, left + STEPS)
        patch = slice(side[top], side[top + STEPS]), slice(side[left], side[left + STEPS])
        lost = whole - _class_log_odds(logits_of, hidden(images, *patch), classes, batch_size)
        maps[:, *place] += lost[:, None, None]
        covered[place] += 1
    return np.maximum(maps / covered, 0).astype(np.float32)


def hidden(images: np.ndarray, rows: slice, columns: slice) -> np.ndarray:
    """Copies (n, H, W) with a patch at each image's mean grey, pixels at 0 left alone."""
    copies = images.copy()
    for image in copies:
        lit = image > 0
        patch = image[rows, columns]
        if lit.any():
            patch[patch > 0] = round(float(image[lit].mean()))
    return copies


def _class_log_odds(
    logits_of: Callable[[np.ndarray], np.ndarray], images: np.ndarray, classes: np.ndarray, batch_size: int
) -> np.ndarray:
    """(n,) log-odds of each image's class."""
    starts = range(0, len(images), batch_size)
    odds = np.concatenate([log_odds(logits_of(images[start : start + batch_size])) for start in starts])
    return odds[np.arange(len(images)), classes]
