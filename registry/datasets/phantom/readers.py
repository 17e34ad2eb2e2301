"""One radiograph: the image, where lungs, lesion and marks are in it, each drawn anew whenever it is asked for."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from registry.datasets.phantom import findings
from registry.datasets.phantom.anatomy import Anatomy, draw_anatomy, pose
from registry.datasets.phantom.canvas import working_size
from registry.datasets.phantom.marks import Overlay, annotate, plate_overlay, usual_overlay
from registry.datasets.phantom.radiograph import HOSPITALS, body_thickness, develop, expose, lung_coverage

DISEASES: dict[str, findings.Disease] = {
    "COVID": findings.ground_glass,
    "Lung_Opacity": findings.consolidation,
    "Normal": findings.healthy,
    "Viral Pneumonia": findings.interstitial,
}
BETRAYED = "COVID"  # the label that a shortcut or lettering gives away
STREAMS = ("anatomy", "pose", "haze", "finding", "exposure", "patients", "hospitals", "lettering", "marks")


@dataclass(frozen=True, slots=True)
class Radiograph:
    """Everything that a radiograph depends on.

    Attributes:
        label: index into `DISEASES`.
        patient, number: of the person and of the radiograph, both counted within the label.
        hospital: index into `HOSPITALS`: how it is exposed, developed and usually lettered.
        plate: it bears a large plate that gives the label away, in place of the usual lettering.
    """

    seed: int
    label: int
    patient: int
    number: int
    hospital: int
    size: int
    difficulty: float
    plate: bool = False


def stream(seed: int, purpose: str, label: int, number: int = 0) -> np.random.Generator:
    """Random numbers of their own for each purpose, so that a mask can be drawn without its image."""
    return np.random.default_rng(np.random.SeedSequence((seed, STREAMS.index(purpose), label, number)))


def read_image(radiograph: Radiograph) -> np.ndarray:
    """The radiograph, uint8 (size, size)."""
    size, hospital = working_size(radiograph.size), HOSPITALS[radiograph.hospital]
    anatomy, lungs, finding = _shown(radiograph)
    thickness = np.maximum(body_thickness(anatomy, lungs, size) + finding.thickness, 0)
    rng = stream(radiograph.seed, "exposure", radiograph.label, radiograph.number)
    exposed = expose(thickness, hospital, rng)
    return develop(annotate(exposed, _overlay(radiograph, size, rng)), hospital, radiograph.size, rng)


def read_mask(radiograph: Radiograph) -> np.ndarray:
    """Where the lungs are, bool (size, size)."""
    return _majority(np.maximum(*_shown(radiograph).lungs), radiograph.size)


def read_lesion(radiograph: Radiograph) -> np.ndarray:
    """Where the finding is, bool (size, size), inside the lungs."""
    _, lungs, finding = _shown(radiograph)
    lesion = _majority(finding.lesion.astype(np.float32), radiograph.size)
    return lesion & _majority(np.maximum(*lungs), radiograph.size)


def read_marks(radiograph: Radiograph) -> np.ndarray:
    """Where lettering and the edges of the collimator lie, bool (size, size)."""
    size = working_size(radiograph.size)
    rng = stream(radiograph.seed, "exposure", radiograph.label, radiograph.number)
    if not radiograph.plate:  # what the usual marks are drawn from comes after the exposure's numbers
        expose(np.zeros((size, size), np.float32), HOSPITALS[radiograph.hospital], rng)
    return _majority(_overlay(radiograph, size, rng).marks.astype(np.float32), radiograph.size)


def _overlay(radiograph: Radiograph, size: int, rng: np.random.Generator) -> Overlay:
    usual = usual_overlay(size, HOSPITALS[radiograph.hospital], rng)
    if not radiograph.plate:
        return usual
    own = stream(radiograph.seed, "marks", radiograph.label, radiograph.number)
    return plate_overlay(usual, light=tuple(DISEASES)[radiograph.label] == BETRAYED, rng=own)


class _Shown(NamedTuple):
    """What image and masks of a radiograph are drawn from; nobody changes it."""

    anatomy: Anatomy
    lungs: findings.Lungs
    finding: findings.Finding


@lru_cache(maxsize=8)  # whoever prepares a sample reads its image and its masks one after another, in some threads
def _shown(radiograph: Radiograph) -> _Shown:
    anatomy = _posed(radiograph)
    lungs = lung_coverage(anatomy, working_size(radiograph.size))
    return _Shown(anatomy, lungs, _finding(radiograph, lungs))


def _posed(radiograph: Radiograph) -> Anatomy:
    anatomy = draw_anatomy(stream(radiograph.seed, "anatomy", radiograph.label, radiograph.patient))
    return pose(anatomy, stream(radiograph.seed, "pose", radiograph.label, radiograph.number))


def _finding(radiograph: Radiograph, lungs: findings.Lungs) -> findings.Finding:
    haze = findings.draw_haze(stream(radiograph.seed, "haze", radiograph.label, radiograph.number), lungs)
    disease = tuple(DISEASES.values())[radiograph.label]
    return disease(
        stream(radiograph.seed, "finding", radiograph.label, radiograph.number),
        haze,
        lungs,
        1.5 - radiograph.difficulty,
    )


def _majority(coverage: np.ndarray, size: int) -> np.ndarray:
    if len(coverage) != size:
        coverage = cv2.resize(coverage, (size, size), interpolation=cv2.INTER_AREA)
    return coverage > 0.5
