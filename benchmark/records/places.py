"""Where a run is, as people say it: its folder, or the beginning of its name."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmark.records.contents import RECORD
from registry.errors import ConfigError, DataNotFoundError

SEARCHES, SEARCH = "tuning", "ledger.jsonl"  # a folder of searches for settings; the file that makes one
REFERENCE = "reference"  # a folder of records to hold one's own against
RESULTS, VARIABLE = "results", "BENCH_RESULTS"
SHOWN = 3  # runs that a name may mean


def results_folder() -> Path:
    """Where runs are looked for by name: BENCH_RESULTS, or results."""
    return Path(os.environ.get(VARIABLE) or RESULTS)


def run_folder(text: str, results: Path) -> Path:
    """The folder of a run.

    Args:
        text: that folder, or the beginning of the run's name, or of its place below the results, that no other run's
            begins with; see `meant`.
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
    found = meant(text, run_places(results))
    if not found:
        raise DataNotFoundError(
            f"no run {text!r}: expected the folder of a run, or the beginning of the name of one below {str(results)!r}"
        )
    if len(found) > 1:
        shown = ", ".join(str(results / place) for place in found[:SHOWN])
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise ConfigError(f"{text!r} begins the names of several runs: {shown}{more}; say more of it, or the folder")
    return (results / found[0]).absolute()


def meant(text: str, places: Iterable[str]) -> list[str]:
    """Which runs a text means: the one of that name, else all whose names, or places in the results, begin so.

    What lies in a folder called reference is meant by its folder alone.

    Args:
        places: of runs, from the results folder.
    """
    start = text.removeprefix("./")
    if not start:
        return []
    own = [place for place in places if REFERENCE not in place.split("/")]
    exact = [place for place in own if start in (place, _name(place))]
    begun = [place for place in own if place.startswith(start) or _name(place).startswith(start)]
    return exact if len(exact) == 1 else begun


def run_places(results: Path) -> Iterator[str]:
    """Places of all runs from the results folder, in order; no link is followed, and no hidden folder."""
    for folder, below, files in os.walk(results):
        if RECORD in files:
            below.clear()
            yield Path(folder).relative_to(results).as_posix()
        below[:] = sorted(name for name in below if not name.startswith("."))


def _name(place: str) -> str:
    return place.rpartition("/")[2]
