"""Grad-CAM overlays small enough for a terminal and for JSON."""

from collections.abc import Sequence
from typing import Any

import cv2

from benchmark.figures.explanations import ABSENT, Panel
from benchmark.figures.overlays import is_empty, overlay


def thumbnails(panels: Sequence[Panel], width: int = 22) -> list[dict[str, Any]]:
    """A dictionary per panel, by class and kind, for `benchmark.report.thumbnails`.

    Keys: class, kind, id, decided, probability, empty (whether the map is), width, height (even), pixels (rows of RGB
    from the upper left corner on, as hexadecimal digits).
    """
    classes, kinds = list(dict.fromkeys(panel.class_name for panel in panels)), list(ABSENT)
    ordered = sorted(panels, key=lambda panel: (classes.index(panel.class_name), kinds.index(panel.kind)))
    return [_thumbnail(panel, width) for panel in ordered]


def _thumbnail(panel: Panel, width: int) -> dict[str, Any]:
    high, wide = panel.image.shape
    height = max(2, 2 * round(width * high / wide / 2))
    shrinks = wide > width
    radiograph = cv2.resize(panel.image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return {
        "class": panel.class_name,
        "kind": panel.kind,
        "id": panel.sample_id,
        "decided": panel.decided,
        "probability": round(float(panel.probability), 6),
        "empty": is_empty(panel.heat),
        "width": width,
        "height": height,
        "pixels": overlay(radiograph, panel.heat).tobytes().hex(),
    }
