"""Which numbers a network of elsewhere expects in place of grey levels 0 to 255, as people write it."""

import math
from typing import NamedTuple

from registry.errors import ConfigError

GREY = 255.0
EXPECTED = (
    "0..1, -1..1, 0..255, or mean,deviation of grey levels in [0, 1], such as .485,.229 (of three channels "
    "also six numbers, the means first)"
)


class Scale(NamedTuple):
    """Of each channel: what a grey level of 0 to 255 is multiplied with, and what is added then."""

    factors: tuple[float, ...]
    offsets: tuple[float, ...]


def read_range(text: str, channels: int) -> Scale:
    """The scale that a range means.

    Raises:
        ConfigError: it is no range.
    """
    low, dots, high = text.partition("..")
    numbers = [_number(part) for part in ((low, high) if dots else text.split(","))]
    if any(number is None for number in numbers):
        raise ConfigError(f"--range {text!r} cannot be read; expected {EXPECTED}")
    found = [number for number in numbers if number is not None]
    if dots and found[0] < found[1]:
        factor = (found[1] - found[0]) / GREY
        return Scale((factor,) * channels, (found[0],) * channels)
    if dots or len(found) not in (2, 2 * channels) or min(found[len(found) // 2 :]) <= 0:
        raise ConfigError(f"--range {text!r} cannot be used with {channels} channel(s); expected {EXPECTED}")
    half = len(found) // 2
    means, deviations = (found[:half] * channels)[:channels], (found[half:] * channels)[:channels]
    factors = tuple(1 / (GREY * deviation) for deviation in deviations)
    return Scale(factors, tuple(-mean / deviation for mean, deviation in zip(means, deviations, strict=True)))


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None
