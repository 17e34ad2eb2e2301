"""Lengths of time as people write them: ``90s``, ``20m``, ``1h30m``, ``30d``, ``2w``."""

import re

from registry.errors import ConfigError

UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}  # seconds, the largest first
PATTERN = re.compile("".join(rf"(?:(\d+(?:\.\d+)?){unit})?" for unit in UNITS), re.ASCII)


def parse_duration(text: str, flag: str) -> float:
    """Seconds of a duration such as ``1h30m``: each unit once, the larger ones first.

    Args:
        flag: whose value it is, for the message.

    Raises:
        ConfigError: it is no duration, or no time at all.
    """
    match = PATTERN.fullmatch(text.strip())
    numbers = match.groups() if match else ()
    seconds = sum(float(number) * unit for number, unit in zip(numbers, UNITS.values(), strict=False) if number)
    if seconds <= 0:
        raise ConfigError(
            f"{flag} {text!r} is no length of time; "
            "expected numbers above 0 with units w, d, h, m or s, such as 30d, 20m or 1h30m"
        )
    return float(seconds)
