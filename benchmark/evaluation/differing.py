"""Where numbers that were found anew differ from those of a record, in words."""

import math
from collections.abc import Iterator, Mapping, Sequence

from benchmark.records.estimate import Estimate

TOLERANCE = 1e-9


def differing(
    prefix: str, recorded: Mapping[str, Estimate], found: Mapping[str, Estimate], *, exact: bool, whole: bool = True
) -> Iterator[str]:
    """Where estimates differ.

    Args:
        exact: compare intervals too.
        whole: each that is found must be recorded, where `exact`.
    """
    fields: Sequence[str] = ("value", "low", "high", "n") if exact else ("value", "n")
    for name, one in found.items():
        if name not in recorded:
            if exact and whole:
                yield f"{prefix}{name}: not recorded"
            continue
        for field in fields:
            other = getattr(recorded[name], field)
            if not alike(other, getattr(one, field)):
                told = f"stored outputs give {shown(getattr(one, field))}, recorded {shown(other)}"
                yield f"{prefix}{name}: {'' if field == 'value' else f'{field}: '}{told}"


def alike(one: float | str | None, other: float | str | None, tolerance: float = TOLERANCE) -> bool:
    """Whether two values are the same; NaN is no value, as None."""
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    numbers = [None if value is None or math.isnan(value) else value for value in (one, other)]
    if None in numbers:
        return numbers == [None, None]
    return abs(numbers[0] - numbers[1]) <= tolerance * max(1.0, abs(numbers[0]))


def shown(value: float | None) -> str:
    """A value in a message."""
    return "nothing" if value is None else f"{value:.6g}"
