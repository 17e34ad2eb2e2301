"""Where files are by default."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """`BENCH_CACHE`, else the user's cache."""
    if given := os.environ.get("BENCH_CACHE"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cxr-bench"
