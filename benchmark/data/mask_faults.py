"""Lung masks that cannot be any: empty, full, or white outside the lungs."""

from collections import Counter
from collections.abc import Mapping

import cv2
import numpy as np

from registry.errors import DataError

EMPTY, FULL, INVERTED = "empty", "full", "inverted"
FAULTS = {
    EMPTY: "empty",
    FULL: "full (everything is inside)",
    INVERTED: "inverted (white outside the lungs)",
}
WHOLE = 0.99  # of the film
RIM = 0.5  # of the film's outermost pixels: masks of lungs have at most .21, their inverse .79 or more
REFUSED = 0.9  # of a dataset's masks
SHOWN = 5

_REMEDY = {
    INVERTED: "turn them round with --set images.inverted_masks=true",
    EMPTY: "put the right ones in their place, or remove them",
    FULL: "put the right ones in their place, or remove them",
}


def mask_fault(mask: np.ndarray) -> str:
    """A key of `FAULTS` for a mask uint8 (H, W) of 0 and 1 that is none of lungs; empty for any other."""
    area = cv2.countNonZero(mask)
    if not area:
        return EMPTY
    if area >= WHOLE * mask.size:
        return FULL
    if int(mask[0, 0]) + int(mask[0, -1]) + int(mask[-1, 0]) + int(mask[-1, -1]) < 3:
        return ""
    sides = (mask[0], mask[-1], mask[1:-1, 0], mask[1:-1, -1])
    return INVERTED if sum(map(np.count_nonzero, sides)) > RIM * sum(side.size for side in sides) else ""


def judged(faults: Mapping[str, str], masks: int) -> list[str]:
    """What to say of a dataset's masks, in lines; nothing where all may be lungs.

    Args:
        faults: id -> `mask_fault` of the masks that have one.
        masks: how many there are.

    Raises:
        DataError: nearly all of them are none of lungs.
    """
    if not faults:
        return []
    counts = Counter(faults.values())
    much = " and ".join(f"{count} of {masks} lung masks are {FAULTS[fault]}" for fault, count in counts.most_common())
    if len(faults) >= REFUSED * masks:
        raise DataError(f"{much}, such as that of {next(iter(faults))}: {_REMEDY[counts.most_common()[0][0]]}")
    names = list(faults)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return [f"{much}: {', '.join(names[:SHOWN])}{more}"]
