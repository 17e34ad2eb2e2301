"""Durations that the environment sets."""

import os

from registry.errors import ConfigError


def seconds_set(name: str, otherwise: float, after_which: str) -> float:
    """Seconds in an environment variable; `otherwise` where it is unset or empty.

    Args:
        after_which: what happens when they are over, for the message.

    Raises:
        ConfigError: it is no positive number.
    """
    given = os.environ.get(name, "")
    try:
        seconds = float(given or otherwise)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ConfigError(f"{name} is the seconds after which {after_which}, received {given!r}")
    return seconds
