"""One film: the image, the lung mask and the lesion mask, each drawn anew whenever it is asked for."""

from dataclasses import dataclass

import cv2
import numpy as np

from registry.datasets.phantom import findings
from registry.datasets.phantom.anatomy import Anatomy, draw_anatomy, pose
from registry.datasets.phantom.canvas import working_size
from registry.datasets.phantom.film import HOSPITALS, annotate, body_thickness, develop, expose, lung_coverage

DISEASES: dict[str, findings.Disease] = {
    "COVID": findings.ground_glass,
    "Lung_Opacity": findings.consolidation,
    "Normal": findings.healthy,
    "Viral Pneumonia": findings.interstitial,
}
STREAMS = ("anatomy", "pose", "haze", "finding", "exposure", "patients", "hospitals")


@dataclass(frozen=True, slots=True)
class Film:
    """Everything that a film depends on.

    Attributes:
        label: index into `DISEASES`.
        patient, number: of the person and of the film, both counted within the label.
        hospital: index into `HOSPITALS`.
    """

    seed: int
    label: int
    patient: int
    number: int
    hospital: int
    size: int
    difficulty: float


def stream(seed: int, purpose: str, label: int, number: int = 0) -> np.random.Generator:
    """Random numbers of their own for each purpose, so that a mask can be drawn without its image."""
    return np.random.default_rng(np.random.SeedSequence((seed, STREAMS.index(purpose), label, number)))


def read_image(film: Film) -> np.ndarray:
    """The film, uint8 (size, size)."""
    size, hospital = working_size(film.size), HOSPITALS[film.hospital]
    anatomy = _posed(film)
    lungs = lung_coverage(anatomy, size)
    thickness = np.maximum(body_thickness(anatomy, lungs, size) + _finding(film, lungs).thickness, 0)
    rng = stream(film.seed, "exposure", film.label, film.number)
    shown = annotate(expose(thickness, hospital, rng), hospital, rng)
    return develop(shown, hospital, film.size, rng)


def read_mask(film: Film) -> np.ndarray:
    """Where the lungs are, bool (size, size)."""
    return _majority(np.maximum(*lung_coverage(_posed(film), working_size(film.size))), film.size)


def read_lesion(film: Film) -> np.ndarray:
    """Where the finding is, bool (size, size), inside the lungs."""
    lungs = lung_coverage(_posed(film), working_size(film.size))
    lesion = _finding(film, lungs).lesion.astype(np.float32)
    return _majority(lesion, film.size) & _majority(np.maximum(*lungs), film.size)


def _posed(film: Film) -> Anatomy:
    anatomy = draw_anatomy(stream(film.seed, "anatomy", film.label, film.patient))
    return pose(anatomy, stream(film.seed, "pose", film.label, film.number))


def _finding(film: Film, lungs: findings.Lungs) -> findings.Finding:
    haze = findings.draw_haze(stream(film.seed, "haze", film.label, film.number), lungs)
    disease = tuple(DISEASES.values())[film.label]
    return disease(stream(film.seed, "finding", film.label, film.number), haze, lungs, 1.5 - film.difficulty)


def _majority(coverage: np.ndarray, size: int) -> np.ndarray:
    if len(coverage) != size:
        coverage = cv2.resize(coverage, (size, size), interpolation=cv2.INTER_AREA)
    return coverage > 0.5
