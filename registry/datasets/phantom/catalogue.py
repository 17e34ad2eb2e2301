"""Which radiograph shows whom, with what, from which hospital: the dataset and its factory."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import numpy as np

from registry.contracts import Sample
from registry.datasets.phantom.radiograph import HOSPITALS
from registry.datasets.phantom.readers import (
    BETRAYED,
    DISEASES,
    Radiograph,
    read_image,
    read_lesion,
    read_marks,
    read_mask,
    stream,
)
from registry.options import Range

PROPORTIONS = {"equal": (1, 1, 1, 1), "crd": (3616, 6012, 10192, 1345)}
RADIOGRAPHS_PER_PATIENT = (0.7, 0.2, 0.1)  # shares of the patients with one, two and three radiographs
GOLDEN = 0.6180339887498949


@dataclass(frozen=True, slots=True)
class PhantomFilms:
    """Synthetic radiographs; see `phantom` for the options."""

    count: int
    size: int
    proportions: str
    difficulty: float
    shortcut: float
    lettering: float
    seed: int
    name: str = "phantom"
    labels: tuple[str, ...] = tuple(DISEASES)
    licence: str = "drawn by code; free of rights"
    origin: str = "drawn by cxr-bench"
    notices: tuple[str, ...] = (
        "These X-rays are drawn by code (phantom): no result on them says anything about patients.",
    )

    def samples(self) -> Iterator[Sample]:
        """Every radiograph, label after label; nothing is drawn before a reader is called."""
        for index, count in enumerate(self._counts()):
            patients = _patients(self.seed, index, count)
            exposed_in = _hospitals(self.seed, index, len(set(patients)), self.shortcut)
            lettered_in = _lettered_in(self.seed, index, len(set(patients)), self.lettering)
            for number, patient in enumerate(patients):
                radiograph = Radiograph(
                    seed=self.seed,
                    label=index,
                    patient=patient,
                    number=number,
                    hospital=exposed_in[patient],
                    size=self.size,
                    difficulty=self.difficulty,
                    plate=lettered_in[patient] is not None,
                )
                source = lettered_in[patient] if radiograph.plate else exposed_in[patient]
                yield _sample(self.labels[index], HOSPITALS[source].name, radiograph)

    def _counts(self) -> list[int]:
        """Radiographs of each label, by largest remainders."""
        weights = np.array(PROPORTIONS[self.proportions])
        counts, rest = np.divmod(self.count * weights, weights.sum())
        counts[np.argsort(-rest, kind="stable")[: self.count - counts.sum()]] += 1
        return counts.tolist()


def phantom(
    root: object = None,
    *,
    count: Annotated[int, Range(4, 200_000)] = 1200,
    size: Annotated[int, Range(32, 1024)] = 64,
    proportions: Literal["equal", "crd"] = "equal",
    difficulty: Annotated[float, Range(0, 1)] = 0.5,
    shortcut: Annotated[float, Range(0, 1)] = 0.0,
    lettering: Annotated[float, Range(0, 1)] = 0.0,
    seed: Annotated[int, Range(0, 2**32 - 1)] = 0,
) -> PhantomFilms:
    """Synthetic chest radiographs with known lungs, lesions, hospitals and patients.

    Args:
        root: not used; the radiographs come from code.
        count: radiographs in all; a larger number only appends.
        size: side in pixels.
        proportions: of the labels: ``equal``, or ``crd`` as in the COVID-19 Radiography Database.
        difficulty: at 0 lesions have three times the contrast of 1.
        shortcut: how strongly hospital and lettering follow the label: at 0 not at all, at 1 COVID has a hospital
            and lettering of its own.
        lettering: share of the patients whose films bear a large plate with letters and a frame below the lungs. Plate
            and hospital tell COVID from the rest; nothing inside the lungs does.
    """
    return PhantomFilms(count, size, proportions, difficulty, shortcut, lettering, seed)


def _sample(label: str, source: str, radiograph: Radiograph) -> Sample:
    return Sample(
        id=f"{label}-{radiograph.number + 1}",
        label=label,
        source=source,
        group=f"{label}-patient-{radiograph.patient + 1}",
        read_image=partial(read_image, radiograph),
        read_mask=partial(read_mask, radiograph),
        read_lesion=partial(read_lesion, radiograph),
        read_marks=partial(read_marks, radiograph),
        mask_annotator="drawn",
    )


def _patients(seed: int, label: int, count: int) -> list[int]:
    """Patient of each of `count` radiographs, never falling."""
    radiographs = 1 + np.searchsorted(
        np.cumsum(RADIOGRAPHS_PER_PATIENT)[:-1], stream(seed, "patients", label).random(count)
    )
    return np.repeat(np.arange(count), radiographs)[:count].tolist()


def _hospitals(seed: int, label: int, patients: int, shortcut: float) -> list[int]:
    """Hospital of each patient: any; or, with probability `shortcut`, the one that tells the label."""
    rng = stream(seed, "hospitals", label)
    choice = (rng.random() + GOLDEN * np.arange(patients)) % 1  # evenly spread: no label favours a hospital by chance
    follows = rng.random(patients)
    return np.where(follows < shortcut, _own(label, choice), choice * len(HOSPITALS)).astype(int).tolist()


def _lettered_in(seed: int, label: int, patients: int, lettering: float) -> list[int | None]:
    """With probability `lettering`, the hospital whose plate a patient's films bear; None of the others."""
    rng = stream(seed, "lettering", label)
    own = _own(label, (rng.random() + GOLDEN * np.arange(patients)) % 1).astype(int).tolist()
    tells = (rng.random(patients) < lettering).tolist()
    return [hospital if one else None for hospital, one in zip(own, tells, strict=True)]


def _own(label: int, choice: np.ndarray) -> np.ndarray:
    """The first hospital for one label and, by `choice` in [0, 1), another one for the rest; whole parts count."""
    betrayed = list(DISEASES).index(BETRAYED) == label
    return np.zeros(len(choice)) if betrayed else 1 + choice * (len(HOSPITALS) - 1)
