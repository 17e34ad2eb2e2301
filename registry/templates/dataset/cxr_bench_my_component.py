"""A dataset for cxr-bench: films that are drawn; those of a folder are read in the same way."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np
from registry.contracts import Sample
from registry.options import Range

SIDE = 64  # pixels


@dataclass(frozen=True)
class DrawnFilms:
    """Noise with a bright disc (COVID) or without (Normal)."""

    count: int
    name: str = "my-component"
    labels: tuple[str, ...] = ("Normal", "COVID")
    licence: str = "CC0"
    origin: str = "drawn by code"
    notices: tuple[str, ...] = ("drawn: no number on these images says anything about patients",)

    def samples(self) -> Iterator[Sample]:
        """Every other film has a disc; no film is drawn yet."""
        for number in range(self.count):
            yield Sample(
                id=f"film-{number}",
                label=self.labels[number % 2],
                source=None,  # the hospital, where it is known
                group=f"patient-{number}",  # films of one patient stay on one side of the split
                read_image=partial(draw, number),  # of a function of this module, so that it can be pickled
                paths=(),  # the files that the readers open; drawn films have none
            )


def my_component(
    root: object = None,
    *,
    count: Annotated[int, Range(8, 100_000)] = 400,
) -> DrawnFilms:
    """Noise with a bright disc (COVID) or without (Normal).

    Args:
        root: the folder of the files; without a default it must be given, by --data DIR.
        count: films in all.
    """
    return DrawnFilms(count)


def draw(number: int) -> np.ndarray:
    """One film, uint8 (64, 64), the same each time."""
    rng = np.random.default_rng(number)
    film = rng.integers(40, 160, (SIDE, SIDE))
    y, x = np.mgrid[:SIDE, :SIDE] - rng.integers(16, 48, (2, 1, 1))
    return (film + 90 * (number % 2) * (x**2 + y**2 < 100)).astype(np.uint8)
