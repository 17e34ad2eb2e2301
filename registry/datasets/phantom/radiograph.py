"""From thicknesses to a radiograph: attenuation, scatter, exposure, noise."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from registry.datasets.phantom.anatomy import Anatomy
from registry.datasets.phantom.canvas import blur, cloud, draw_lines, fill, fill_soft


@dataclass(frozen=True, slots=True)
class Hospital:
    """How one place exposes, develops and letters its radiographs.

    Attributes:
        attenuation: of one body thickness; lower at a higher tube voltage.
        gamma: of the display curve.
        black, white: grey levels in [0, 1] of no and of full attenuation.
        noise: standard deviation in grey levels of [0, 1].
        words: what may be printed; the first always is.
        corner: of the lettering, (x, y) as shares of the frame.
        plate: the lettering stands on a bright plate.
    """

    name: str
    attenuation: float
    gamma: float
    black: float
    white: float
    noise: float
    words: tuple[str, ...]
    corner: tuple[float, float]
    plate: bool = False


HOSPITALS = (
    Hospital("hospital-a", 1.8, 2.0, 0.06, 0.98, 0.004, ("AP", "SUPINE", "PORTABLE"), (0.02, 0.0), plate=True),
    Hospital("hospital-b", 1.5, 1.8, 0.00, 1.00, 0.002, ("R", "PA"), (0.06, 0.06)),
    Hospital("hospital-c", 1.65, 2.1, 0.03, 0.95, 0.005, ("L", "ERECT"), (0.85, 0.05)),
)


def lung_coverage(anatomy: Anatomy, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Coverage in [0, 1] of the two lungs, without what heart and diaphragm hide; (size, size) float32 each."""
    seen = 1 - fill(size, *anatomy.heart, *anatomy.abdomen)
    right, left = (fill(size, outline) * seen for outline in anatomy.lungs)
    return right, left


def body_thickness(anatomy: Anatomy, lungs: tuple[np.ndarray, np.ndarray], size: int) -> np.ndarray:
    """Sum of the thicknesses of everything but the findings, in bodies of an average adult; (size, size) float32."""
    trunk, arms = fill(size, anatomy.body[0]), fill(size, *anatomy.body[1:])
    bulk = trunk * (0.15 + 0.4 * blur(trunk, 0.05) + 0.5 * blur(trunk, 0.25))
    body = np.maximum(bulk, arms * (0.2 + 0.4 * blur(arms, 0.04)))
    air = lungs[0] + lungs[1]
    depth = air * (0.5 + 0.5 * blur(air, 0.05))
    bones = _tubes(size, anatomy.ribs, 0.13) + _tubes(size, anatomy.front_ribs, 0.07)
    bones += 0.15 * fill(size, *anatomy.clavicles) + 0.06 * fill(size, *anatomy.scapulae)
    bones += 0.26 * fill(size, *anatomy.vertebrae)
    soft = anatomy.fat * body + 0.45 * bulk * fill_soft(size, 0.08, *anatomy.abdomen)
    soft += 0.26 * fill_soft(size, 0.015, *anatomy.heart) + 0.1 * fill_soft(size, 0.02, *anatomy.breasts)
    soft -= 0.2 * fill(size, *anatomy.airway) + 0.2 * fill_soft(size, 0.01, *anatomy.gas)
    vessels = 0.2 * blur(_vessels(size, anatomy.vessels), 0.005) * air
    return np.maximum(soft + body * blur(bones, 0.004) + vessels - 0.68 * depth, 0)


def expose(thickness: np.ndarray, hospital: Hospital, rng: np.random.Generator) -> np.ndarray:
    """Displayed radiograph in [0, 1] of a map of thicknesses: bone bright, air dark."""
    size = len(thickness)
    stray = rng.normal(0, 0.02) * np.linspace(-1, 1, size, dtype=np.float32)
    stray = stray[:, None] * rng.normal(0, 0.5) + stray[None, :]
    thickness = np.maximum(
        thickness * (1 + stray) + rng.uniform(0.01, 0.04) * cloud(rng, size, 0.35) * np.minimum(thickness, 1), 0
    )
    absorbed = 1 - np.exp(-hospital.attenuation * rng.uniform(0.88, 1.14) * thickness)
    scatter = rng.uniform(0.04, 0.14)
    absorbed = (1 - scatter) * absorbed + scatter * blur(absorbed, 0.12)
    shown = np.maximum(blur(absorbed, 0.006), 0) ** (hospital.gamma * rng.uniform(0.92, 1.08))
    black, white = hospital.black * rng.uniform(0, 2), hospital.white * rng.uniform(0.92, 1.0)
    return black + (white - black) * shown


def develop(radiograph: np.ndarray, hospital: Hospital, size: int, rng: np.random.Generator) -> np.ndarray:
    """Grain and 8 bits: uint8 (size, size)."""
    if len(radiograph) != size:
        radiograph = cv2.resize(radiograph, (size, size), interpolation=cv2.INTER_AREA)
    grain = hospital.noise * rng.standard_normal(radiograph.shape, np.float32)
    return np.round(np.clip(radiograph + grain, 0, 1) * 255).astype(np.uint8)


def _tubes(size: int, outlines: Sequence[np.ndarray], thickness: float) -> np.ndarray:
    solid = fill(size, *outlines)
    return thickness * solid * (1.5 - 0.7 * blur(solid, 0.008))


def _vessels(size: int, orders: Sequence[np.ndarray]) -> np.ndarray:
    widths = 0.013 * 0.72 ** np.arange(len(orders))
    return np.maximum.reduce([draw_lines(size, *order) for order in zip(orders, widths, strict=True)])
