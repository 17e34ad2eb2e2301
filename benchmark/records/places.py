"""Where a run is, as people say it: its folder, or the beginning of its name."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePath

from benchmark.records.contents import RECORD
from benchmark.records.files import read
from benchmark.records.record import Record
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
            begins with; see `meant`.  Records to hold one's own against are meant where no other begins so.
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
    places = list(run_places(results))
    found = meant(text, places) or meant(text, places, reference=True)
    if not found:
        raise DataNotFoundError(
            f"no run {text!r}: expected the folder of a run, or the beginning of the name of one below {str(results)!r}"
        )
    if len(found) > 1:
        raise _several(text, found, results)
    return (results / found[0]).absolute()


def run_folders(text: str, results: Path) -> list[Path]:
    """The folders of a run, or of all runs of a beginning of a name that differ in their seed alone.

    Args:
        text, results: see `run_folder`.

    Raises:
        DataNotFoundError: there is none.
        ConfigError: there are several that differ in more.
    """
    found = [] if Path(text).is_dir() else meant(text, list(run_places(results)))
    if len(found) < 2:
        return [run_folder(text, results)]
    records = [read(results / place / RECORD) for place in found]
    alike = {(one.task, one.pipeline_digest, one.fold, one.scored_from) for one in records}
    if len(alike) > 1 or len({one.seed for one in records}) < len(records):
        raise _several(text, found, results)
    return [(results / place).absolute() for place in found]


def without_models(folder: Path, models: str, run: str, task: str) -> DataNotFoundError:
    """The error of a run whose folder keeps nothing that predicts, and what to do.

    Args:
        models: name of the folder that is not there.
    """
    if REFERENCE in folder.parts:
        return DataNotFoundError(
            f"no models in {folder}: reference records come without models; bench run --task {task} trains one"
        )
    return DataNotFoundError(f"no models in {folder}; expected a folder {models!r}; run {run} again")


def without_model(record: Record) -> DataNotFoundError:
    """The error of a record whose predictions were imported."""
    file = PurePath(str(record.spec.get("file", ""))).name
    return DataNotFoundError(
        f"{record.run} has no model of its own: its predictions come from {file or 'a file'}, of another program; ask "
        "that one, or take a run of bench"
    )


def _several(text: str, found: Sequence[str], results: Path) -> ConfigError:
    shown = ", ".join(str(results / place) for place in found[:SHOWN])
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ConfigError(
        f"{text!r} begins the names of several runs: {shown}{more}; say more of it, or the folder "
        f"(bench compare {results} --details says which is which)"
    )


def meant(text: str, places: Iterable[str], *, reference: bool = False) -> list[str]:
    """Which runs a text means: the one of that name, else all whose names, or places in the results, begin so.

    Args:
        places: of runs, from the results folder.
        reference: of those that lie in a folder called reference, and else of none of them.
    """
    start = text.removeprefix("./")
    if not start:
        return []
    own = [place for place in places if (REFERENCE in place.split("/")) is reference]
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
