"""Where files are by default."""

import os
import tempfile
from functools import cache
from pathlib import Path

from registry.errors import ConfigError


def cache_folder() -> Path:
    """`BENCH_CACHE`, else the user's cache.

    Raises:
        ConfigError: nobody knows where the user's home is.
    """
    if given := os.environ.get("BENCH_CACHE"):
        return Path(given)
    if below := os.environ.get("XDG_CACHE_HOME"):
        return Path(below) / "cxr-bench"
    try:
        return Path.home() / ".cache" / "cxr-bench"
    except RuntimeError as error:  # no HOME, and a user without an entry in the password file
        raise ConfigError(
            "there is no home folder to keep the cache in; set BENCH_CACHE to a folder that this user can write"
        ) from error


def memory_folder() -> Path:
    """The cache of commands that only remember things in it; one until they end where there is none."""
    try:
        folder = cache_folder()
    except ConfigError:
        return _passing()
    return folder if os.environ.get("BENCH_CACHE") or _can_be(folder) else _passing()


def _can_be(folder: Path) -> bool:
    """Whether a folder is there, or can be made."""
    if os.path.isdir(folder):  # noqa: PTH112 (raises nothing where it may not look)
        return True
    there = next(place for place in folder.parents if os.path.isdir(place))  # noqa: PTH112
    return os.access(there, os.W_OK | os.X_OK)


def _passing() -> Path:
    return Path(_kept().name)


@cache
def _kept() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="cxr-bench-")
