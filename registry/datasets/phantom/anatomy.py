"""A patient: outlines of body, lungs, heart, bones and vessels in frame coordinates, and the pose of one film."""

from dataclasses import dataclass, fields

import numpy as np

from registry.datasets.phantom.canvas import band, closed_curve

Shapes = tuple[np.ndarray, ...]

# Distances from the midline in half-widths of the thorax, heights in lung heights (0 apex, 1 lowest costal angle).
RIGHT_LUNG = (
    (0.17, 0.12), (0.19, 0.32), (0.23, 0.52), (0.22, 0.72), (0.27, 0.88), (0.45, 0.84), (0.68, 0.87), (0.90, 0.99),
    (1.00, 0.82), (0.99, 0.60), (0.92, 0.36), (0.77, 0.14), (0.52, 0.01), (0.28, 0.01),
)  # fmt: skip
LEFT_LUNG = (
    (0.17, 0.12), (0.21, 0.24), (0.23, 0.40), (0.36, 0.58), (0.55, 0.76), (0.60, 0.89), (0.74, 0.91), (0.92, 1.00),
    (1.00, 0.84), (0.99, 0.61), (0.92, 0.37), (0.77, 0.14), (0.52, 0.01), (0.28, 0.01),
)  # fmt: skip
HEART = (
    (-0.20, 0.50), (-0.27, 0.66), (-0.27, 0.82), (-0.10, 0.98), (0.30, 1.02), (0.58, 0.94), (0.58, 0.78), (0.36, 0.56),
    (0.22, 0.38), (0.23, 0.24), (0.05, 0.18), (-0.15, 0.26),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Anatomy:
    """Outlines (n, 2) of everything that a film shows; patient's right is at small x.

    Attributes:
        vessels, widths: segments (n, 2, 2) and their widths (n,).
        fat: thickness of the soft tissue relative to an average adult.
    """

    body: Shapes
    lungs: Shapes
    heart: Shapes
    abdomen: Shapes
    airway: Shapes
    gas: Shapes
    breasts: Shapes
    vertebrae: Shapes
    ribs: Shapes
    front_ribs: Shapes
    clavicles: Shapes
    scapulae: Shapes
    vessels: np.ndarray
    widths: np.ndarray
    fat: float


def draw_anatomy(rng: np.random.Generator) -> Anatomy:
    """One patient, standing straight in the middle of the frame."""
    half, top, height = rng.uniform(0.32, 0.41), rng.uniform(0.11, 0.19), rng.uniform(0.53, 0.66)
    scale = np.array([half, height])
    origin = np.array([0.5, top])

    def place(points: np.ndarray, side: int = 1) -> np.ndarray:
        return origin + points * scale * (side, 1)

    lungs = tuple(_lung(rng, shape, side, place) for shape, side in ((RIGHT_LUNG, -1), (LEFT_LUNG, 1)))
    vessels, widths = _vessels(rng, place)
    return Anatomy(
        body=_body(rng, half, top),
        lungs=lungs,
        heart=(place(closed_curve(_varied(rng, HEART, 0.025) * (rng.uniform(0.9, 1.1), 1))),),
        abdomen=(_abdomen(rng, place),),
        airway=(place(band(np.array([(0.02, -0.35), (0.0, 0.0), (-0.02, 0.32)]), 0.09)),),
        gas=_gas(rng, place),
        breasts=_breasts(rng, place),
        vertebrae=_vertebrae(rng, top, half),
        ribs=tuple(place(rib, side) for rib in _ribs(rng) for side in (-1, 1)),
        front_ribs=tuple(place(rib, side) for rib in _front_ribs(rng) for side in (-1, 1)),
        clavicles=tuple(place(_clavicle(rng), side) for side in (-1, 1)),
        scapulae=tuple(place(_scapula(rng), side) for side in (-1, 1)),
        vessels=vessels,
        widths=widths,
        fat=rng.uniform(0.85, 1.2),
    )


def pose(anatomy: Anatomy, rng: np.random.Generator) -> Anatomy:
    """The same patient as one film shows them: tilted, shifted, magnified, breathing in more or less."""
    angle, zoom = np.deg2rad(rng.normal(0, 2.0)), rng.uniform(0.95, 1.07)
    breath = np.array([rng.uniform(0.98, 1.02), rng.uniform(0.95, 1.04)])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * zoom * breath
    shift = 0.5 + rng.normal(0, (0.018, 0.012))

    def move(value: object) -> object:
        if isinstance(value, tuple):
            return tuple(move(part) for part in value)
        return (value - 0.5) @ turn + shift

    moved = {field.name: move(getattr(anatomy, field.name)) for field in fields(anatomy) if field.name not in UNPOSED}
    return Anatomy(**moved, **{name: getattr(anatomy, name) for name in UNPOSED})


UNPOSED = ("widths", "fat")


def _varied(rng: np.random.Generator, points: object, spread: float) -> np.ndarray:
    points = np.asarray(points)
    return points + rng.normal(0, spread, points.shape)


def _lung(rng: np.random.Generator, shape: object, side: int, place) -> np.ndarray:
    points = _varied(rng, shape, 0.014)
    points[:, 1] *= rng.uniform(0.93, 1.03)
    return place(closed_curve(points), side)


def _body(rng: np.random.Generator, half: float, top: float) -> Shapes:
    flank, neck, shoulder = half * rng.uniform(1.1, 1.28), rng.uniform(0.09, 0.13), top + rng.uniform(-0.06, 0.02)
    right = np.array([
        (neck, -0.2), (neck * 1.1, shoulder - 0.06), (half * 0.9, shoulder + 0.02), (half * 1.35, shoulder + 0.09),
        (half * 1.55, shoulder + 0.25), (flank * 1.05, shoulder + 0.36), (flank, 0.65), (flank * 1.04, 1.3),
    ])  # fmt: skip
    right[:, 0] += rng.normal(0, 0.008, len(right))
    right[:, 0] += 0.5
    left = right * (-1, 1) + (1, 0)
    return (np.concatenate([right, left[::-1]]),)


def _abdomen(rng: np.random.Generator, place) -> np.ndarray:
    dome = np.array([(-1.5, 1.02), (-0.9, 0.99), (-0.45, 0.84), (0.0, 0.94), (0.5, 0.89), (0.9, 1.0), (1.5, 1.05)])
    dome[:, 1] += rng.normal(0, 0.01, len(dome))
    return place(np.concatenate([dome, [(1.5, 2.2), (-1.5, 2.2)]]))


def _gas(rng: np.random.Generator, place) -> Shapes:
    bubbles = [_ellipse(rng, (0.45, 1.03), (0.2, 0.06))] if rng.random() < 0.6 else []
    bubbles += [
        _ellipse(rng, (rng.uniform(-0.7, 0.8), rng.uniform(1.12, 1.4)), (0.13, 0.05)) for _ in range(rng.integers(0, 4))
    ]
    return tuple(place(bubble) for bubble in bubbles)


def _breasts(rng: np.random.Generator, place) -> Shapes:
    if rng.random() < 0.5:
        return ()
    reach, low = rng.uniform(0.35, 0.5), rng.uniform(0.72, 0.95)
    return tuple(place(_ellipse(rng, (0.62, low), (reach, 0.25)), side) for side in (-1, 1))


def _ellipse(rng: np.random.Generator, centre: tuple[float, float], radii: tuple[float, float]) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    wobble = rng.uniform(0.85, 1.15, (12, 1))
    return closed_curve(centre + wobble * np.stack([np.cos(turn), np.sin(turn)], axis=1) * radii, 3)


def _vertebrae(rng: np.random.Generator, top: float, half: float) -> Shapes:
    pitch, width = rng.uniform(0.052, 0.062), half * rng.uniform(0.15, 0.19)
    bend = rng.normal(0, 0.008)
    box = np.array([(-1, -0.42), (1, -0.42), (0.9, 0), (1, 0.42), (-1, 0.42), (-0.9, 0)])
    tops = np.arange(top - 0.3, 1.2, pitch)
    return tuple(
        np.array([0.5 + bend * np.sin(7 * y), y]) + box * (width * (0.75 + 0.25 * min(1, y + 0.5)), pitch) for y in tops
    )


def _ribs(rng: np.random.Generator) -> list[np.ndarray]:
    pitch, slope, width = rng.uniform(0.098, 0.115), rng.uniform(0.1, 0.3), rng.uniform(0.05, 0.07)
    bands = []
    for number in range(10):
        x = np.linspace(0.15, min(1.04, 0.62 + 0.14 * number), 9)
        y = -0.06 + pitch * number + slope * (x**2 * 1.1 - 0.35 * x) + rng.normal(0, 0.006)
        bands.append(band(np.stack([x, y], axis=1), width * rng.uniform(0.85, 1.15)))
    return bands


def _front_ribs(rng: np.random.Generator) -> list[np.ndarray]:
    pitch, slope, width = rng.uniform(0.12, 0.14), rng.uniform(0.25, 0.45), rng.uniform(0.06, 0.08)
    bands = []
    for number in range(6):
        x = np.linspace(0.35, min(1.02, 0.75 + 0.1 * number), 7)
        y = 0.16 + pitch * number + slope * (0.9 - x) * 0.8 + rng.normal(0, 0.008)
        bands.append(band(np.stack([x, y], axis=1), width))
    return bands


def _clavicle(rng: np.random.Generator) -> np.ndarray:
    points = _varied(rng, [(0.1, 0.17), (0.4, 0.11), (0.75, 0.04), (1.12, 0.0)], 0.015)
    return band(points, rng.uniform(0.06, 0.08))


def _scapula(rng: np.random.Generator) -> np.ndarray:
    return closed_curve(_varied(rng, [(0.98, 0.02), (1.25, 0.05), (1.2, 0.25), (1.05, 0.5), (0.92, 0.3)], 0.03))


def _vessels(rng: np.random.Generator, place) -> tuple[np.ndarray, np.ndarray]:
    """Trees that leave both hila, fork, and thin out."""
    segments, widths = [], []
    for side in (-1, 1):
        hilum = np.array([0.24, 0.47]) + rng.normal(0, 0.02, 2)
        for angle in np.linspace(-1.35, 1.45, 6) + rng.normal(0, 0.12, 6):
            tips = [(hilum, angle, 0.016)]
            for _ in range(4):
                tips = [grown for tip in tips for grown in _grow(rng, tip, segments, widths, side)][:4]
    return place(np.array(segments)), np.array(widths)


def _grow(rng, tip, segments, widths, side):
    start, angle, width = tip
    end = start + rng.uniform(0.1, 0.17) * np.array([np.cos(angle), np.sin(angle) * 0.9])
    segments.append((start * (side, 1), end * (side, 1)))
    widths.append(width)
    forks = 2 if rng.random() < 0.45 else 1
    return [(end, angle + rng.normal(0, 0.3), width * 0.72) for _ in range(forks)]
