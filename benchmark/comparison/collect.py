"""What lies below the folders that are compared: records of runs, measurements of speed, what cannot be trusted."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from benchmark.comparison.compare import compare
from benchmark.comparison.costs import CostTable, cost_tables
from benchmark.comparison.tables import Comparison
from benchmark.comparison.trust import Distrust, trust_all
from benchmark.records import speed
from benchmark.records.differences import Difference, PairedTest
from benchmark.records.files import PREDICTIONS, scan
from benchmark.records.record import Record
from benchmark.records.speed import Speed
from benchmark.storage.files import Broken
from registry.errors import DataNotFoundError

Folder = Callable[[Record], Path]  # of a run
DistrustIn = Callable[[Record, Path, str], str]  # a run, its folder, a metric -> why it cannot be ranked by it


class Collected:
    """What a scan met on its way.

    Attributes:
        files: run and key -> where its record lies.
        speeds: measurements.
        left_out: files that cannot be trusted, as ``path reason``.
    """

    def __init__(self, verified: bool) -> None:
        self.verified = verified
        self.files: dict[tuple[str, str], str] = {}
        self.speeds: list[Speed] = []
        self.left_out: list[str] = []

    def records(self, roots: Sequence[Path]) -> Iterator[Record]:
        """The usable records below some folders, one at a time."""
        scans = (scan(path, verified=self.verified, others={speed.FILE: self._measured}) for path in roots)
        for path, found in itertools.chain.from_iterable(scans):
            if isinstance(found, Broken):
                self.left_out.append(f"{path} {found.reason}")
            else:
                self.files[found.run, found.key] = path
                yield found

    def folder(self, run: Record) -> Path:
        """Where a record lies that was met."""
        return Path(self.files[run.run, run.key]).parent

    def _measured(self, path: Path) -> None:
        found = speed.read(path, verified=self.verified)
        if isinstance(found, Broken):
            self.left_out.append(f"{path} {found.reason}")
        else:
            self.speeds.append(found)


def collected(
    paths: Sequence[Path],
    test_of: Callable[[Folder], PairedTest],
    *,
    metric: str | None = None,
    against: str | None = None,
    verified: bool = True,
    distrust: DistrustIn | None = None,
) -> tuple[Comparison, Collected]:
    """The comparison of everything below some folders, and what else lies there.

    Args:
        test_of: makes the test of two pipelines from where their runs lie.
        metric: what rows are ranked by; None takes that of the task.
        against: a pipeline, or the beginning of its name, that the others are tested against.
        verified: leave out what was changed after it was sealed, and rank nothing that `distrust` has a reason for.

    Raises:
        DataNotFoundError: one of the folders is not there.
        UnknownNameError: no record has that metric, or no table that pipeline.
    """
    found = Collected(verified)
    records = found.records(outermost(paths))
    trust = trust_all if distrust is None or not verified else _with_folders(distrust, found.folder)
    difference = with_predictions(test_of, found.folder)
    comparison = compare(records, metric=metric, against=against, difference=difference, distrust=trust)
    return msgspec.structs.replace(comparison, left_out=found.left_out), found


def _with_folders(distrust: DistrustIn, folder_of: Folder) -> Distrust:
    return lambda run, metric: distrust(run, folder_of(run), metric)


def beside_runs(results: Path, speeds: Sequence[Speed]) -> list[CostTable]:
    """Measurements of speed beside the scores of the runs below a folder."""
    runs = (found for _, found in scan(results) if isinstance(found, Record))
    return cost_tables(compare(runs).tables, speeds)


def with_predictions(test_of: Callable[[Folder], PairedTest], folder_of: Folder) -> PairedTest:
    """The test of two pipelines, made only once there are predictions to read; without them it says what is lacking.

    Args:
        test_of: makes the test from where runs lie.
    """
    made: list[PairedTest] = []

    def difference(first: Sequence[Record], second: Sequence[Record], metric: str) -> Difference:
        missing = [run.run for run in (*first, *second) if not (folder_of(run) / PREDICTIONS).is_file()]
        if missing:
            return Difference(None, note=f"no {PREDICTIONS} of {missing[0]}")
        if not made:
            made.append(test_of(folder_of))
        return made[0](first, second, metric)

    return difference


def outermost(paths: Sequence[Path]) -> list[Path]:
    """The given places without those inside another one.

    Raises:
        DataNotFoundError: one of them is not there.
    """
    for path in paths:
        if not path.exists():
            raise DataNotFoundError(f"no results at {str(path)!r}; expected a folder that bench run wrote to (its -o)")
    whole = {path.resolve(): path for path in reversed(paths)}
    return [path for place, path in reversed(whole.items()) if not whole.keys() & set(place.parents)]
