"""Which film shows whom, with what, from which hospital; and the dataset made of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import cv2
import numpy as np

from registry.contracts import Sample
from registry.datasets.phantom import findings
from registry.datasets.phantom.anatomy import Anatomy, draw_anatomy, pose
from registry.datasets.phantom.canvas import working_size
from registry.datasets.phantom.film import HOSPITALS, annotate, body_thickness, develop, expose, lung_coverage
from registry.options import Range

DISEASES: dict[str, findings.Disease] = {
    "COVID": findings.ground_glass,
    "Lung_Opacity": findings.consolidation,
    "Normal": findings.healthy,
    "Viral Pneumonia": findings.interstitial,
}
PROPORTIONS = {"equal": (1, 1, 1, 1), "crd": (3616, 6012, 10192, 1345)}
FILMS_PER_PATIENT = (0.7, 0.2, 0.1)  # share of patients with one, two, three films
NOTICE = "drawn films (phantom): no number on them says anything about patients"


@dataclass(frozen=True, slots=True)
class Film:
    """Everything a drawn film depends on.

    Attributes:
        label: index into `DISEASES`; with `patient` and `number` (both counted within the label) it seeds the drawing.
        hospital: index into `HOSPITALS`.
    """

    seed: int
    label: int
    patient: int
    number: int
    hospital: int
    size: int
    difficulty: float


@dataclass(frozen=True, slots=True)
class PhantomFilms:
    """Drawn films; see `phantom` for the options."""

    count: int
    size: int
    proportions: str
    difficulty: float
    shortcut: float
    seed: int
    name: str = "phantom"
    labels: tuple[str, ...] = tuple(DISEASES)
    licence: str = "drawn by code; no rights reserved"
    origin: str = "drawn by cxr-bench"
    notices: tuple[str, ...] = (NOTICE,)

    def samples(self) -> Iterator[Sample]:
        """Every film, label after label; nothing is drawn before a reader is called."""
        for index, (label, count) in enumerate(zip(self.labels, self._counts(), strict=True)):
            patients = _patients(self.seed, index, count)
            hospitals = _hospitals(self.seed, index, int(patients[-1]) + 1 if count else 0, self.shortcut)
            for number, patient in enumerate(patients.tolist()):
                film = Film(self.seed, index, patient, number, hospitals[patient], self.size, self.difficulty)
                yield Sample(
                    id=f"{label}-{number + 1}",
                    label=label,
                    source=HOSPITALS[film.hospital].name,
                    group=f"{label}-patient-{patient + 1}",
                    read_image=partial(read_image, film),
                    read_mask=partial(read_mask, film),
                    read_lesion=partial(read_lesion, film),
                    mask_maker="drawn",
                )

    def _counts(self) -> list[int]:
        """Films of each label: largest remainders."""
        weights = np.array(PROPORTIONS[self.proportions], float)
        exact = self.count * weights / weights.sum()
        counts = np.floor(exact).astype(int)
        counts[np.argsort(counts - exact, kind="stable")[: self.count - counts.sum()]] += 1
        return counts.tolist()


def phantom(
    root: object = None,
    *,
    count: Annotated[int, Range(4, 200_000)] = 1200,
    size: Annotated[int, Range(32, 1024)] = 64,
    proportions: Literal["equal", "crd"] = "equal",
    difficulty: Annotated[float, Range(0, 1)] = 0.5,
    shortcut: Annotated[float, Range(0, 1)] = 0.0,
    seed: Annotated[int, Range(0, 2**32 - 1)] = 0,
) -> PhantomFilms:
    """Drawn chest films with known lungs, lesions, hospitals and patients.

    Args:
        root: not used; the films come from code.
        count: films in all.
        size: side in pixels.
        proportions: of the labels: ``equal``, or ``crd`` as in the COVID-19 Radiography Database.
        difficulty: 0 draws lesions at three times the contrast of 1.
        shortcut: how strongly hospital and its lettering follow the label: at 0 not at all, at 1 COVID has a
            hospital of its own.
    """
    return PhantomFilms(count, size, proportions, difficulty, shortcut, seed)


def read_image(film: Film) -> np.ndarray:
    """The film, uint8 (size, size)."""
    size, hospital = working_size(film.size), HOSPITALS[film.hospital]
    anatomy = _posed(film)
    lungs = lung_coverage(anatomy, size)
    thickness = np.maximum(body_thickness(anatomy, lungs, size) + _finding(film, lungs).thickness, 0)
    rng = _stream(film, "exposure", film.number)
    shown = annotate(expose(thickness, hospital, rng), hospital, rng)
    return develop(shown, hospital, film.size, rng)


def read_mask(film: Film) -> np.ndarray:
    """Where the lungs are, bool (size, size)."""
    right, left = lung_coverage(_posed(film), working_size(film.size))
    return _shrunk(np.maximum(right, left), film.size)


def read_lesion(film: Film) -> np.ndarray:
    """Where the finding is, bool (size, size), inside the lungs."""
    lungs = lung_coverage(_posed(film), working_size(film.size))
    lesion = _finding(film, lungs).lesion.astype(np.float32)
    return _shrunk(lesion, film.size) & _shrunk(np.maximum(*lungs), film.size)


def _posed(film: Film) -> Anatomy:
    anatomy = draw_anatomy(_stream(film, "anatomy", film.patient))
    return pose(anatomy, _stream(film, "pose", film.number))


def _finding(film: Film, lungs: findings.Lungs) -> findings.Finding:
    haze = findings.draw_haze(_stream(film, "haze", film.number), lungs)
    disease: Callable = tuple(DISEASES.values())[film.label]
    return disease(_stream(film, "finding", film.number), haze, lungs, 1.5 - film.difficulty)


STREAMS = ("anatomy", "pose", "haze", "finding", "exposure", "patients", "hospitals")


def _stream(film: Film, purpose: str, number: int) -> np.random.Generator:
    return _generator(film.seed, purpose, film.label, number)


def _generator(seed: int, purpose: str, label: int, number: int = 0) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence((seed, STREAMS.index(purpose), label, number)))


def _patients(seed: int, label: int, count: int) -> np.ndarray:
    """Patient of each film: (count,) int, never falling; a larger count only appends."""
    films = 1 + np.searchsorted(np.cumsum(FILMS_PER_PATIENT)[:-1], _generator(seed, "patients", label).random(count))
    return np.repeat(np.arange(count), films)[:count]


def _hospitals(seed: int, label: int, patients: int, shortcut: float) -> list[int]:
    """Hospital of each patient: any, or with probability `shortcut` the first for COVID and another for others."""
    draws = _generator(seed, "hospitals", label).random((patients, 2))
    chance = (draws[:, 1] * len(HOSPITALS)).astype(int)
    telling = np.where(label == 0, 0, 1 + (draws[:, 1] * (len(HOSPITALS) - 1)).astype(int))
    return np.where(draws[:, 0] < shortcut, telling, chance).tolist()


def _shrunk(coverage: np.ndarray, size: int) -> np.ndarray:
    if len(coverage) != size:
        coverage = cv2.resize(coverage, (size, size), interpolation=cv2.INTER_AREA)
    return coverage > 0.5
