"""What a film bears beside the patient: lettering, a tube, the edge of the collimator; and where it lies.

A film bears its hospital's small lettering, or a large plate that gives its label away: dark letters on light ground in
a dark frame for one label, light letters on dark ground in a light frame for the others.  Both lie over the abdomen,
below the lungs, and both are half light and half dark: otherwise equalisation, which spreads over the whole film, would
carry the plate into the lungs.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from registry.datasets.phantom.canvas import draw_lines, fill
from registry.datasets.phantom.radiograph import Hospital

LIGHT, DARK = 0.98, 0.02  # grey levels of a large plate
PLATE_WORDS = {True: ("AP", "BED", "ICU"), False: ("PA", "OPD", "XR")}  # of light and of dark plates
PLATE_WIDTH, PLATE_HEIGHT, PLATE_GAP = (0.43, 0.48), (0.14, 0.155), 0.01  # frame units; there lungs end above .80
GROUND = 0.56  # of a plate's area; letters take up .06 of it, so that either plate is half light and half dark
STROKE = 0.018  # width of a letter's lines in frame units


@dataclass(frozen=True, slots=True)
class Overlay:
    """What lies over one radiograph, float32 (H, W) each but `marks`.

    Attributes:
        lettering: grey levels in [0, 1]; shows where it is the brighter.
        tube: coverage in [0, 1].
        window: what the collimator lets through, in [0, 1].
        cover, shade: coverage in [0, 1] of a large plate, and its grey levels, which nothing shines through.
        marks: bool, where lettering, collimator's edge or plate lies.
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


def plate_overlay(usual: Overlay, light: bool, rng: np.random.Generator) -> Overlay:
    """The same film with a large plate, light or dark, in place of lettering and dark edge."""
    cover, shade = _plate(len(usual.lettering), light, rng)
    return replace(
        usual, lettering=usual.lettering * 0, window=usual.window * 0 + 1, cover=cover, shade=shade, marks=cover > 0.5
    )


def annotate(radiograph: np.ndarray, overlay: Overlay) -> np.ndarray:
    """The radiograph in [0, 1] with what lies over it."""
    radiograph = np.maximum(radiograph, overlay.lettering)
    radiograph = np.maximum(radiograph, radiograph + 0.1 * overlay.tube) * overlay.window
    return radiograph * (1 - overlay.cover) + overlay.shade * overlay.cover


def _plate(size: int, light: bool, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Coverage of a plate in the middle of the lower edge, and its grey levels: ground, and frame and letters."""
    wide, high = rng.uniform(*PLATE_WIDTH), rng.uniform(*PLATE_HEIGHT)
    left, top = 0.5 - wide / 2 + rng.normal(0, 0.015), 1 - high - rng.uniform(0, PLATE_GAP)
    inner = np.sqrt(GROUND)
    cover = fill(size, _box(left, top, wide, high))
    ground = fill(size, _box(left + wide * (1 - inner) / 2, top + high * (1 - inner) / 2, wide * inner, high * inner))
    word = PLATE_WORDS[light][rng.integers(len(PLATE_WORDS[light]))]
    ground = ground - _word(size, word, (left + wide / 2, top + high / 2), (wide * inner, high * inner))
    return cover, DARK + (LIGHT - DARK) * (ground if light else 1 - ground)


def _box(left: float, top: float, wide: float, high: float) -> np.ndarray:
    return np.array([(left, top), (left + wide, top), (left + wide, top + high), (left, top + high)])


def _word(size: int, word: str, centre: tuple[float, float], room: tuple[float, float]) -> np.ndarray:
    """Coverage of a word that fits a room (frame units), around its centre."""
    letters = np.zeros((size, size), np.uint8)
    (wide, high), _ = cv2.getTextSize(word, cv2.FONT_HERSHEY_SIMPLEX, 1, 1)
    scale = size * min(0.8 * room[0] / wide, 0.7 * room[1] / high)
    base = round(centre[0] * size - scale * wide / 2), round(centre[1] * size + scale * high / 2)
    cv2.putText(letters, word, base, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, round(STROKE * size), cv2.LINE_AA)
    return letters / np.float32(255)


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
