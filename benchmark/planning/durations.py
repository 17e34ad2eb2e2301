"""Lengths of time as people write them: ``90s``, ``20m``, ``1h30m``, ``30d``, ``2w``."""

import re

from registry.errors import ConfigError

UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}  # seconds, the largest first
PATTERN = re.compile("".join(rf"(?:(\d+(?:\.\d+)?){unit})?" for unit in UNITS), re.ASCII)
HOURS, MINUTES = 3, 4  # their groups in it


def parse_age(text: str, flag: str) -> float:
    """Seconds of how long ago something was: as `parse_duration`, but minutes only behind hours.

    Who writes 1m for the age of files mostly means a month, and would lose all that is a minute old.

    Raises:
        ConfigError: as of `parse_duration`; or what it says may be months.
    """
    check_age(text, flag)
    return parse_duration(text, flag)


def check_age(text: str, flag: str) -> None:
    """Refuse what may be months.

    Raises:
        ConfigError: it has minutes and no hours.
    """
    match = PATTERN.fullmatch(text.strip())
    if match and match[MINUTES] and not match[HOURS]:
        raise ConfigError(f"{flag} {text!r}: m may be minutes or months; say one such as 60s, 1h or 30d")


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
