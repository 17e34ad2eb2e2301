"""The films of a dataset that are worth a look: the darkest, the largest, the least square, those that are copies."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchmark.data.looks import Look, small
from benchmark.records.data_check import Twins
from registry.contracts import Sample

SIDE = 150  # pixels of a picture
FEW, MOST_PAIRS = 6, 18


class Odd(NamedTuple):
    """A film on the sheet."""

    image: np.ndarray
    words: str


class Section(NamedTuple):
    """Films that are odd in one way; of copies, two and two belong together."""

    title: str
    films: list[Odd]
    in_pairs: bool = False


def odd_films(samples: Sequence[Sample], looks: Sequence[Look], twins: Sequence[Twins]) -> list[Section]:
    """What to look at; without films that cannot be read."""
    readable = [place for place, look in enumerate(looks) if not look.reason]
    by_id = {sample.id: sample for sample in samples}
    found = [
        Section(
            title,
            [
                _odd(samples[place], words(looks[place]), looks[place].bits)
                for place in _extreme(readable, looks, value)
            ],
        )
        for title, value, words in _ways()
    ]
    return [section for section in found if section.films] + pairs("Copies", twins, by_id, by_id)


def pairs(
    title: str, twins: Sequence[Twins], ones: Mapping[str, Sample], others: Mapping[str, Sample]
) -> list[Section]:
    """Copies side by side."""
    films = [odd for one in twins[:MOST_PAIRS] for odd in _side_by_side(one, ones, others)]
    shown = f", {MOST_PAIRS} of {len(twins):,} pairs, the least sure first" if len(twins) > MOST_PAIRS else ""
    return [Section(f"{title}{shown}", films, in_pairs=True)] if films else []


def _side_by_side(one: Twins, ones: Mapping[str, Sample], others: Mapping[str, Sample]) -> Iterator[Odd]:
    how = "equal" if one.identical else f"{one.points} points"
    yield _odd(ones[one.one], f"{one.labels[0]}, {how}")
    yield _odd(others[one.other], one.labels[1])


def _ways() -> list[tuple[str, Callable[[Look], float], Callable[[Look], str]]]:
    """How films may be odd: a title, a value whose largest are odd, and what is said of one."""
    return [
        ("Darkest", lambda look: -look.mean, lambda look: f"mean grey {look.mean:.0f}"),
        ("Brightest", lambda look: look.mean, lambda look: f"mean grey {look.mean:.0f}"),
        ("Most black", lambda look: look.black, lambda look: f"{look.black:.1%} black"),
        ("Most white", lambda look: look.white, lambda look: f"{look.white:.1%} white"),
        ("Smallest", lambda look: -look.width * look.height, lambda look: f"{look.width}×{look.height}"),
        ("Largest", lambda look: look.width * look.height, lambda look: f"{look.width}×{look.height}"),
        ("Least square", _elongation, lambda look: f"{look.width}×{look.height}"),
    ]


def _elongation(look: Look) -> float:
    return max(look.width, look.height) / min(look.width, look.height)


def _extreme(readable: Sequence[int], looks: Sequence[Look], value: Callable[[Look], float]) -> list[int]:
    """The few films with the largest values, where these are not those of most."""
    values = np.array([value(looks[place]) for place in readable])
    if not len(values):
        return []
    order = np.argsort(-values, kind="stable")[:FEW]
    return [readable[place] for place in order if values[place] > np.median(values)]


def _odd(sample: Sample, words: str, bits: int = 0) -> Odd:
    return Odd(small(sample, SIDE, bits), f"{sample.id}\n{words}")
