"""What lies below the folders that are compared: records of runs, measurements of speed, what cannot be trusted."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from benchmark.comparison.compare import compare
from benchmark.comparison.costs import CostTable, cost_tables
from benchmark.comparison.external_tables import Found
from benchmark.comparison.tables import MARGIN, Comparison, Table
from benchmark.comparison.trust import Distrust, trust_all
from benchmark.records import external, speed
from benchmark.records.files import PREDICTIONS, scan
from benchmark.records.ledger import Entries, entries, times_scored
from benchmark.records.record import Record
from benchmark.records.speed import Speed
from benchmark.records.verdicts import Contender, FamilyTest, Standing, Verdict, Verdicts
from benchmark.storage.files import Broken
from registry.errors import DataNotFoundError

REFERENCE = "reference"  # a folder of records to hold one's own against
Folder = Callable[[Record], Path]  # of a run
DistrustIn = Callable[[Record, Path, str], str]  # a run, its folder, a metric -> why it cannot be ranked by it


class Collected:
    """What a scan met on its way.

    Attributes:
        files: run and key -> where its record lies; those of a folder called reference come last.
        controls: names of the runs that are of rules, and of no pipeline.
        speeds: measurements.
        externals: evaluations on images of elsewhere.
        left_out: files that cannot be trusted, as ``path reason``.
    """

    def __init__(self, verified: bool) -> None:
        self.verified = verified
        self.files: dict[tuple[str, str], str] = {}
        self.controls: set[str] = set()
        self.speeds: list[Speed] = []
        self.externals: list[Found] = []
        self.left_out: list[str] = []
        self._roots: list[Path] = []

    def records(self, roots: Sequence[Path]) -> Iterator[Record]:
        """The usable records below some folders, one at a time."""
        self._roots = [path.absolute() for path in roots]
        others = {speed.FILE: self._measured, external.FILE: self._evaluated}
        scans = (scan(path, verified=self.verified, others=others) for path in roots)
        for path, found in itertools.chain.from_iterable(scans):
            if isinstance(found, Broken):
                self.left_out.append(f"{path} {found.reason}")
            else:
                self.files[found.run, found.key] = path
                if found.of_controls:
                    self.controls.add(found.run)
                yield found
        self.files = dict(sorted(self.files.items(), key=lambda item: self._is_reference(item[1])))

    def ordered(self, tables: Sequence[Table]) -> list[Table]:
        """Tables of one's own before those that hold nothing but reference records."""
        return sorted(tables, key=lambda table: all(self._is_reference(path) for path in self._files_of(table)))

    def _files_of(self, table: Table) -> list[str]:
        return [self.files[run.run, run.key] for row in table.rows for run in row.runs]

    def _is_reference(self, path: str) -> bool:
        """Whether a record lies in a folder of references below the one that was asked for."""
        place = Path(path).absolute()
        return any(place.is_relative_to(root) and REFERENCE in place.relative_to(root).parts for root in self._roots)

    def folder(self, run: Record) -> Path:
        """Where a record lies that was met."""
        return Path(self.files[run.run, run.key]).parent

    def _measured(self, path: Path) -> None:
        found = speed.read(path, verified=self.verified)
        if isinstance(found, Broken):
            self.left_out.append(f"{path} {found.reason}")
        else:
            self.speeds.append(found)

    def _evaluated(self, path: Path) -> None:
        found = external.read(path, verified=self.verified)
        if isinstance(found, Broken):
            self.left_out.append(f"{path} {found.reason}")
        else:
            self.externals.append(Found(found, path.parent))


def collected(
    paths: Sequence[Path],
    test_of: Callable[[Folder], FamilyTest],
    *,
    metric: str | None = None,
    against: str | None = None,
    margin: float = MARGIN,
    verified: bool = True,
    distrust: DistrustIn | None = None,
) -> tuple[Comparison, Collected]:
    """The comparison of everything below some folders, and what else lies there.

    Args:
        test_of: makes the test of all rows from where their runs lie.
        metric: what rows are ranked by; None takes that of the task.
        against: a pipeline, or the beginning of its name, that the others are tested against.
        margin: by no more than which a cheaper row may be worse.
        verified: leave out what was changed after it was sealed, and rank nothing that `distrust` has a reason for.

    Raises:
        DataNotFoundError: one of the folders is not there.
        UnknownNameError: no record has that metric, or no table that pipeline.
    """
    found = Collected(verified)
    records = found.records(outermost(paths))
    trust = trust_all if distrust is None or not verified else _with_folders(distrust, found.folder)
    test = with_predictions(test_of, found.folder)
    comparison = compare(records, metric=metric, against=against, margin=margin, test=test, distrust=trust)
    tables = [_counted(table, paths) for table in found.ordered(comparison.tables)]
    return msgspec.structs.replace(comparison, tables=tables, left_out=found.left_out), found


def _counted(table: Table, roots: Sequence[Path]) -> Table:
    """The table with how often its test images were scored, by the ledgers of the folders where they know of more."""
    tests = {run.test for row in table.rows for run in row.runs if run.test}
    ledgers = [one for root in roots for one in _entries(root)] if tests else []
    known = sum(times_scored(ledgers, test) for test in tests)
    return msgspec.structs.replace(table, scored=max(table.scored, known))


def _entries(root: Path) -> list[Entries]:
    try:
        return entries(root)
    except OSError:  # bench verify says so; here it is one count the less
        return []


def _with_folders(distrust: DistrustIn, folder_of: Folder) -> Distrust:
    return lambda run, metric: distrust(run, folder_of(run), metric)


def beside_runs(results: Path, speeds: Sequence[Speed]) -> list[CostTable]:
    """Measurements of speed beside the scores of the runs below a folder."""
    runs = (found for _, found in scan(results) if isinstance(found, Record))
    return cost_tables(compare(runs).tables, speeds)


def with_predictions(test_of: Callable[[Folder], FamilyTest], folder_of: Folder) -> FamilyTest:
    """The test of all rows, made only once there are predictions to read; without any it says what is lacking.

    Args:
        test_of: makes the test from where runs lie.
    """
    made: list[FamilyTest] = []

    def verdicts(rows: Sequence[Contender], metric: str, reference: int, named: bool) -> Verdicts:
        runs = [run for row in rows if not row.rule for run in row.runs]
        if not any((folder_of(run) / PREDICTIONS).is_file() for run in runs):
            lacking = f"no {PREDICTIONS} of {runs[0].run}"
            return Verdicts([Standing() for _ in rows], [Verdict() for _ in rows], note=lacking)
        if not made:
            made.append(test_of(folder_of))
        return made[0](rows, metric, reference, named)

    return verdicts


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
