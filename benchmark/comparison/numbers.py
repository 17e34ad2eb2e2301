"""The metrics of many records as plain numbers: a third of the memory of as many estimates, and soon added up."""

import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from benchmark.records.estimate import Estimate

ESTIMATE = struct.Struct("<4d")


class Numbers(Mapping[str, Estimate]):
    """Estimates as plain numbers, each made when it is asked for: a third of the memory of thirty estimates.

    Args:
        places: name -> its place, which records of one task share.
        numbers: value, low, high and n of each in turn, as `ESTIMATE` has them, not a number where there is none.
        notes: place -> note.
    """

    __slots__ = ("notes", "numbers", "places")

    def __init__(self, places: Mapping[str, int], numbers: bytes, notes: Mapping[int, str]) -> None:
        self.places, self.numbers, self.notes = places, numbers, notes

    def __getitem__(self, name: str) -> Estimate:
        found: Estimate | None = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def get(self, name: str, default: Any = None) -> Any:
        """An estimate; `default` where there is none of that name."""
        place = self.places.get(name)
        if place is None:
            return default
        value, low, high, n = ESTIMATE.unpack_from(self.numbers, place * ESTIMATE.size)
        return Estimate(
            value if value == value else None,  # what is no number differs from itself
            low if low == low else None,
            high if high == high else None,
            int(n),
            self.notes.get(place, "") if self.notes else "",
        )

    def __contains__(self, name: object) -> bool:
        return name in self.places

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


class Places:
    """Orders of names, each kept once."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, ...], dict[str, int]] = {}

    def of(self, names: tuple[str, ...]) -> dict[str, int]:
        """Name -> its place."""
        if names not in self.known:
            self.known[names] = {name: place for place, name in enumerate(names)}
        return self.known[names]


def as_numbers(metrics: Mapping[str, Estimate], places: Places) -> dict[str, Estimate]:
    """The same estimates as plain numbers; none of them may be no number."""
    flat: list[float] = []
    notes = {}
    for place, one in enumerate(metrics.values()):
        flat += (
            math.nan if one.value is None else one.value,
            math.nan if one.low is None else one.low,
            math.nan if one.high is None else one.high,
            one.n,
        )
        if one.note:
            notes[place] = one.note
    # A record's field holds whatever it is given; all that is asked of its metrics is to be a mapping.
    return cast("dict[str, Estimate]", Numbers(places.of(tuple(metrics)), struct.pack(f"<{len(flat)}d", *flat), notes))


def columns(found: Sequence[Mapping[str, Estimate]], name: str) -> list[tuple[float, ...]] | None:
    """Values, lows, highs and counts of one metric of several records, where each has all of them and no note."""
    rows = []
    for one in found:
        if not isinstance(one, Numbers) or (place := one.places.get(name)) is None or place in one.notes:
            return None
        rows.append(ESTIMATE.unpack_from(one.numbers, place * ESTIMATE.size))
    across = list(zip(*rows, strict=True))
    total = sum(map(sum, across))
    return across if total == total else None  # one that is no number makes the sum none
