"""A patient: outlines of body, lungs, heart, bones and vessels in frame coordinates, and the pose of one radiograph."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from registry.datasets.phantom.canvas import band, closed_curve

Shapes = Sequence[np.ndarray]

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
    """Outlines (n, 2) of everything that a radiograph shows; patient's right is at small x.

    Attributes:
        vessels: segments (n, 2, 2) of each order of branching, the widest first.
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
    vessels: Shapes
    fat: float


def draw_anatomy(rng: np.random.Generator) -> Anatomy:
    """One patient, standing straight in the middle of the frame."""
    half, top, height = rng.uniform(0.32, 0.41), rng.uniform(0.11, 0.19), rng.uniform(0.53, 0.66)

    def place(points: object, side: int = 1) -> np.ndarray:
        return np.asarray(points) * (side * half, height) + (0.5, top)

    def both(points: np.ndarray) -> np.ndarray:
        return np.concatenate([place(points, -1), place(points)])

    return Anatomy(
        body=_body(rng, half, top),
        lungs=(place(_lung(rng, RIGHT_LUNG), -1), place(_lung(rng, LEFT_LUNG))),
        heart=(place(closed_curve(_varied(rng, HEART, 0.025) * (rng.uniform(0.9, 1.1), 1))),),
        abdomen=(place(_abdomen(rng)),),
        airway=(place(band(np.array([(0.02, -0.35), (0.0, 0.0), (-0.02, 0.32)]), 0.09)),),
        gas=[place(bubble) for bubble in _gas(rng)],
        breasts=[place(breast) for breast in _breasts(rng)],
        vertebrae=_vertebrae(rng, top, half),
        ribs=both(_ribs(rng)),
        front_ribs=both(_front_ribs(rng)),
        clavicles=both(_clavicle(rng)[None]),
        scapulae=both(_scapula(rng)[None]),
        vessels=[place(order) for order in _vessels(rng)],
        fat=rng.uniform(0.85, 1.2),
    )


def pose(anatomy: Anatomy, rng: np.random.Generator) -> Anatomy:
    """The same patient as one radiograph shows them: tilted, shifted, magnified, breathing in more or less."""
    angle, zoom = rng.normal(0, 0.035), rng.uniform(0.95, 1.07)
    breath = (rng.uniform(0.98, 1.02), rng.uniform(0.95, 1.04))
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]) * zoom * breath
    shift = 0.5 + rng.normal(0, (0.018, 0.012))
    parts = {field.name: getattr(anatomy, field.name) for field in fields(anatomy)}
    fat = parts.pop("fat")
    return Anatomy(
        **{name: [(part - 0.5) @ turn + shift for part in shapes] for name, shapes in parts.items()}, fat=fat
    )


def _varied(rng: np.random.Generator, points: object, spread: float) -> np.ndarray:
    points = np.asarray(points)
    return points + rng.normal(0, spread, points.shape)


def _lung(rng: np.random.Generator, shape: object) -> np.ndarray:
    return closed_curve(_varied(rng, shape, 0.014) * (1, rng.uniform(0.93, 1.03)))


def _body(rng: np.random.Generator, half: float, top: float) -> Shapes:
    """Trunk with neck, then the two arms, which are thinner."""
    flank, neck, shoulder = half * rng.uniform(1.12, 1.3), rng.uniform(0.08, 0.12), top + rng.uniform(-0.05, 0.01)
    trunk = np.array([
        (neck, -0.4), (neck * 1.05, shoulder - 0.10), (neck * 1.6, shoulder - 0.03), (half * 0.95, shoulder + 0.04),
        (half * 1.25, shoulder + 0.12), (half * 1.22, shoulder + 0.28), (flank, 0.62), (flank * 1.02, 0.9),
        (flank * 1.03, 1.4),
    ])  # fmt: skip
    arm = np.array([
        (half * 0.9, shoulder + 0.04), (half * 1.5, shoulder + 0.1), (half * 1.9, shoulder + 0.5),
        (half * rng.uniform(1.5, 1.75), 0.7), (half * 1.22, shoulder + 0.30), (half, shoulder + 0.3),
    ])  # fmt: skip
    trunk[:, 0] += rng.normal(0, 0.008, len(trunk))
    mirrored = trunk * (-1, 1)
    outline = closed_curve(np.concatenate([trunk, mirrored[::-1]]), 4)
    arms = closed_curve(arm, 4), closed_curve(arm * (-1, 1), 4)
    return [np.add(shape, (0.5, 0)) for shape in (outline, *arms)]


def _abdomen(rng: np.random.Generator) -> np.ndarray:
    dome = np.array([(-1.5, 1.02), (-0.9, 0.99), (-0.45, 0.84), (0.0, 0.94), (0.5, 0.89), (0.9, 1.0), (1.5, 1.05)])
    dome[:, 1] += rng.normal(0, 0.01, len(dome))
    return np.concatenate([dome, [(1.5, 2.2), (-1.5, 2.2)]])


def _gas(rng: np.random.Generator) -> list[np.ndarray]:
    stomach = [_ellipse(rng, (0.45, 1.03), (0.2, 0.06))] if rng.random() < 0.6 else []
    bowel = [(rng.uniform(-0.7, 0.8), rng.uniform(1.12, 1.4)) for _ in range(rng.integers(0, 4))]
    return stomach + [_ellipse(rng, place, (0.13, 0.05)) for place in bowel]


def _breasts(rng: np.random.Generator) -> list[np.ndarray]:
    if rng.random() < 0.5:
        return []
    reach, low = rng.uniform(0.35, 0.5), rng.uniform(0.72, 0.95)
    return [_ellipse(rng, (side * 0.62, low), (reach, 0.25)) for side in (-1, 1)]


def _ellipse(rng: np.random.Generator, centre: tuple[float, float], radii: tuple[float, float]) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    wobble = rng.uniform(0.85, 1.15, (12, 1))
    return closed_curve(centre + wobble * np.stack([np.cos(turn), np.sin(turn)], axis=1) * radii, 3)


def _vertebrae(rng: np.random.Generator, top: float, half: float) -> np.ndarray:
    pitch, width = rng.uniform(0.052, 0.062), half * rng.uniform(0.15, 0.19)
    y = np.arange(top - 0.3, 1.2, pitch)
    centres = np.stack([0.5 + rng.normal(0, 0.008) * np.sin(7 * y), y], axis=1)
    box = np.array([(-1, -0.42), (1, -0.42), (0.9, 0), (1, 0.42), (-1, 0.42), (-0.9, 0)])
    extent = np.stack([width * (0.75 + 0.25 * np.minimum(1, y + 0.5)), np.full(len(y), pitch)], axis=1)
    return centres[:, None] + box * extent[:, None]


def _ribs(rng: np.random.Generator) -> np.ndarray:
    """Ten posterior ribs of the patient's left, longer from the top down; (10, 18, 2)."""
    pitch, slope, width = rng.uniform(0.098, 0.115), rng.uniform(0.15, 0.32), rng.uniform(0.045, 0.06)
    number = np.arange(10)[:, None]
    x = np.linspace(0.15, np.minimum(1.04, 0.62 + 0.14 * number[:, 0]), 9, axis=1)
    y = -0.05 + pitch * number + slope * (1.5 * x**3 - 0.3 * x) + rng.normal(0, 0.006, number.shape)
    return band(np.stack([x, y], axis=-1), width * rng.uniform(0.85, 1.15, 10))


def _front_ribs(rng: np.random.Generator) -> np.ndarray:
    """Six anterior ends, which run the other way; (6, 14, 2)."""
    pitch, slope, width = rng.uniform(0.12, 0.14), rng.uniform(0.2, 0.36), rng.uniform(0.06, 0.08)
    number = np.arange(6)[:, None]
    x = np.linspace(0.35, np.minimum(1.02, 0.75 + 0.1 * number[:, 0]), 7, axis=1)
    y = 0.16 + pitch * number + slope * (0.9 - x) + rng.normal(0, 0.008, number.shape)
    return band(np.stack([x, y], axis=-1), np.full(6, width))


def _clavicle(rng: np.random.Generator) -> np.ndarray:
    points = _varied(rng, [(0.1, 0.17), (0.4, 0.11), (0.75, 0.04), (1.12, 0.0)], 0.015)
    return band(points, rng.uniform(0.06, 0.08))


def _scapula(rng: np.random.Generator) -> np.ndarray:
    return closed_curve(_varied(rng, [(0.98, 0.02), (1.25, 0.05), (1.2, 0.25), (1.05, 0.5), (0.92, 0.3)], 0.03))


def _vessels(rng: np.random.Generator) -> list[np.ndarray]:
    """Trees that leave both hila and fork: segments (n, 2, 2) of each order of branching."""
    side = np.repeat((-1.0, 1.0), 7)
    start = np.array([(0.24, 0.47)]) * np.stack([side, np.ones(14)], axis=1) + rng.normal(0, 0.015, (14, 2))
    angle = np.tile(np.linspace(-1.4, 1.5, 7), 2) + rng.normal(0, 0.12, 14)
    orders = []
    for _ in range(4):
        step = rng.uniform(0.1, 0.17, len(angle))
        end = start + np.stack([side * step * np.cos(angle), 0.9 * step * np.sin(angle)], axis=1)
        orders.append(np.stack([start, end], axis=1))
        forks = np.where(rng.random(len(angle)) < 0.4, 2, 1)
        start, side = np.repeat(end, forks, axis=0), np.repeat(side, forks)
        angle = np.repeat(angle, forks) + rng.normal(0, 0.3, forks.sum())
    return orders
