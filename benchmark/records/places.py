"""Where a run is, as people say it: its folder, or the beginning of its name."""

import os
from pathlib import Path

from benchmark.records.contents import RECORD
from registry.errors import ConfigError, DataNotFoundError

SHOWN = 3  # runs that a name may mean


def run_folder(text: str, results: Path) -> Path:
    """The folder of a run.

    Args:
        text: that folder, or the beginning of the run's name that no other run's name begins with.
        results: below which runs are looked for by name.

    Raises:
        DataNotFoundError: there is none.
        ConfigError: there are several.
    """
    given = Path(text)
    if (given / RECORD).is_file():
        return given.absolute()
    if given.is_dir():
        raise DataNotFoundError(f"no record in {text!r}; expected the folder of a run, with a {RECORD}")
    found = _named(text, results) if text and "/" not in text else []
    exact = [folder for folder in found if folder.name == text]
    found = exact if len(exact) == 1 else found
    if not found:
        raise DataNotFoundError(
            f"no run {text!r}: expected the folder of a run, or the beginning of the name of one below {str(results)!r}"
        )
    if len(found) > 1:
        shown = ", ".join(str(folder) for folder in found[:SHOWN])
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise ConfigError(f"{text!r} begins the names of several runs: {shown}{more}; say more of it, or the folder")
    return found[0]


def _named(start: str, results: Path) -> list[Path]:
    """The folders of runs whose names begin so; links to folders and hidden folders are not followed."""
    found = []
    for folder, below, files in os.walk(results):
        path = Path(folder)
        if RECORD in files:
            below.clear()
            if path.name.startswith(start):
                found.append(path.absolute())
        below[:] = sorted(name for name in below if not name.startswith("."))
    return found
