"""Where files are by default."""

import os
from pathlib import Path

from registry.errors import ConfigError, unknown_name


def cache_folder() -> Path:
    """`BENCH_CACHE`, else the user's cache."""
    if given := os.environ.get("BENCH_CACHE"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cxr-bench"


def find_task(name: str, folder: Path) -> Path:
    """The task file of a name in the task folder, or the file itself for ``path/to/mine.toml``."""
    if name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise ConfigError(
                f"no task file {name!r}; expected a TOML file; give its path, or a name of `bench list tasks`"
            )
        return path
    known = {path.stem: path for path in folder.glob("*.toml") if path.stem != "defaults"}
    if name not in known:
        raise unknown_name("task", name, known, "bench list tasks")
    return known[name]
