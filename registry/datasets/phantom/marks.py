"""What a film bears beside the patient: lettering, a tube, the edge of the collimator; and where it lies.

A film bears its hospital's small lettering, or large marks that give its label away: a plate with letters for one
label, a light edge for the others.  Both are bright, lie over the abdomen below the lungs, and take up the same area,
which is drawn before the label is looked at: otherwise equalisation would carry their brightness into the lungs.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from registry.datasets.phantom.canvas import draw_lines, fill
from registry.datasets.phantom.radiograph import Hospital

PLATE_WORDS = ("AP", "BED", "ICU")
LIGHT, DARK = 0.98, 0.02  # grey levels of large marks and of the letters on a plate
AREA = (0.05, 0.065)  # of a large mark, as a share of the frame
PLATE_HEIGHT = (0.13, 0.16)  # frame units; in the middle of the frame lungs end at .80
LINE = 0.01  # frame units; takes up as much as the letters of a plate
TILT = 0.012  # frame units by which a light edge is higher at one side, standard deviation


@dataclass(frozen=True, slots=True)
class Overlay:
    """What lies over one radiograph, float32 (H, W) each but `marks`.

    Attributes:
        lettering: grey levels in [0, 1]; shows where it is the brighter.
        tube: coverage in [0, 1].
        window: what the collimator lets through, in [0, 1].
        cover, shade: coverage in [0, 1] of a large mark, and its grey levels, which nothing shines through.
        marks: bool, where lettering, collimator's edge or large mark lies.
    """

    lettering: np.ndarray
    tube: np.ndarray
    window: np.ndarray
    cover: np.ndarray
    shade: np.ndarray
    marks: np.ndarray


def usual_overlay(size: int, hospital: Hospital, rng: np.random.Generator) -> Overlay:
    """A hospital's small lettering, perhaps a tube, and perhaps the dark edge of the collimator."""
    nothing = np.zeros((size, size), np.float32)
    lettering = 0.9 * _lettering(size, hospital, rng)
    tube = _tube(size, rng) if rng.random() < 0.35 else nothing
    window = _collimator(size, rng) if rng.random() < 0.25 else nothing + 1
    letters = cv2.dilate((lettering > 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0  # strokes and what they frame
    return Overlay(lettering, tube, window, nothing, nothing, letters | (window < 0.5))


def telling_overlay(usual: Overlay, plate: bool, rng: np.random.Generator) -> Overlay:
    """The same film with a large mark, a plate or else a light edge, in place of lettering and dark edge."""
    size, area = len(usual.lettering), rng.uniform(*AREA)
    cover, shade = (_plate if plate else _light_edge)(size, area, rng)
    return replace(
        usual, lettering=usual.lettering * 0, window=usual.window * 0 + 1, cover=cover, shade=shade, marks=cover > 0.5
    )


def annotate(radiograph: np.ndarray, overlay: Overlay) -> np.ndarray:
    """The radiograph in [0, 1] with what lies over it."""
    radiograph = np.maximum(radiograph, overlay.lettering)
    radiograph = np.maximum(radiograph, radiograph + 0.1 * overlay.tube) * overlay.window
    return radiograph * (1 - overlay.cover) + overlay.shade * overlay.cover


def _plate(size: int, area: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Coverage and grey levels of a light plate with dark letters, in the middle of the lower edge."""
    height, word = rng.uniform(*PLATE_HEIGHT), PLATE_WORDS[rng.integers(len(PLATE_WORDS))]
    left, top = 0.5 - area / height / 2 + rng.normal(0, 0.02), 1 - height - rng.uniform(0, 0.015)
    right, bottom = left + area / height, top + height
    cover = fill(size, np.array([(left, top), (right, top), (right, bottom), (left, bottom)]))
    letters = np.zeros((size, size), np.uint8)
    thick = max(1, round(0.016 * size))
    (wide, high), _ = cv2.getTextSize(word, cv2.FONT_HERSHEY_SIMPLEX, 1, 1)
    scale = size * min(0.8 * (right - left) / wide, 0.6 * height / high)
    base = round((left + right) / 2 * size - scale * wide / 2), round((top + bottom) / 2 * size + scale * high / 2)
    cv2.putText(letters, word, base, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thick, cv2.LINE_AA)
    return cover, LIGHT + (DARK - LIGHT) * (letters / np.float32(255))


def _light_edge(size: int, area: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Coverage and grey levels of the light strip along the lower edge of the film, with a dark line above it."""
    tilt = rng.normal(0, TILT)
    strip, both = (
        fill(size, np.array([(-0.1, top - tilt), (1.1, top + tilt), (1.1, 1.2), (-0.1, 1.2)]))
        for top in (1 - area, 1 - area - LINE)
    )
    return both, DARK + (LIGHT - DARK) * strip


def _lettering(size: int, hospital: Hospital, rng: np.random.Generator) -> np.ndarray:
    canvas = np.zeros((size, size), np.uint8)
    x, y = (np.array(hospital.corner) + rng.normal(0, 0.01, 2)) * size
    scale = size / 256 * rng.uniform(0.35, 0.8)
    for number, word in enumerate(hospital.words[: rng.integers(1, len(hospital.words) + 1)]):
        base = (int(x), int(y + 26 * scale * (number + 1)))
        if hospital.plate and number == 0:
            cv2.rectangle(canvas, (int(x), 0), (int(x + 60 * scale), int(y + 32 * scale)), 200, -1)
        shade = 0 if hospital.plate and number == 0 else 255
        cv2.putText(canvas, word, base, cv2.FONT_HERSHEY_SIMPLEX, scale, shade, 1, cv2.LINE_AA)
    return canvas.astype(np.float32) / 255


def _tube(size: int, rng: np.random.Generator) -> np.ndarray:
    y = np.linspace(-0.05, rng.uniform(0.4, 0.9), 12)
    x = 0.5 + rng.normal(0, 0.06) + rng.normal(0, 0.12) * np.sin(rng.uniform(2, 5) * y + rng.uniform(0, 6))
    return draw_lines(size, np.stack([x, y], axis=1)[None], 0.006)


def _collimator(size: int, rng: np.random.Generator) -> np.ndarray:
    left, top, right, bottom = rng.uniform(0.0, 0.05, 4)
    window = np.array([(left, top), (1 - right, top), (1 - right, 1 - bottom), (left, 1 - bottom)])
    return 0.08 + 0.92 * fill(size, window)
