"""What lies below the folders that are compared: records of runs, measurements of speed, what cannot be trusted."""

import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import cast

import msgspec

from benchmark.comparison.compare import compare
from benchmark.comparison.costs import CostTable, cost_tables
from benchmark.comparison.external_tables import Found
from benchmark.comparison.lacking import with_lacking
from benchmark.comparison.lean import Lean
from benchmark.comparison.tables import MARGIN, Comparison, Table
from benchmark.comparison.trust import Distrust, trust_all
from benchmark.records import external, speed
from benchmark.records.files import PREDICTIONS, about, load_whole, scan, scan_by
from benchmark.records.ledger import Entries, entries, times_scored
from benchmark.records.places import REFERENCE
from benchmark.records.record import Record
from benchmark.records.selection import Selecting, Selection
from benchmark.records.speed import Speed
from benchmark.records.verdicts import Contender, FamilyTest, Standing, Verdict, Verdicts
from benchmark.storage.files import Broken
from benchmark.tasks.components import CONTROLS
from registry.errors import DataNotFoundError

OFTEN = 50  # of so many runs one says how far it is
Folder = Callable[[Record], Path]  # of a run
Load = Callable[[str], "Record | Lean | Broken | None"]  # path -> what is kept of the record in it
Scan = Iterator[tuple[str, "Record | Lean | Broken"]]
DistrustIn = Callable[[Record, Path, str], str]  # a run, its folder, a metric -> why it cannot be ranked by it
Told = Callable[[str, int, int], None]  # what is done, how much of it, of about how much


class Collected:
    """What a scan met on its way.

    Attributes:
        files: run and key -> where its record lies; those of a folder called reference come last.
        controls: names of the runs that are of rules, and of no pipeline.
        speeds: measurements.
        externals: evaluations on images of elsewhere.
        left_out: files that cannot be trusted, as ``path reason``.
        selecting: which runs are meant.

    Args:
        load: what is kept of the record in a file; None keeps all of it.
    """

    def __init__(
        self,
        verified: bool,
        selection: Selection | None = None,
        told: Told = lambda what, done, total: None,
        load: Load | None = None,
    ) -> None:
        self.verified, self.told = verified, told
        self.load: Load = load or partial(load_whole, verified=verified)
        self.selecting = Selecting(selection or Selection())
        self.files: dict[tuple[str, str], str] = {}
        self.controls: set[str] = set()
        self.speeds: list[Speed] = []
        self.externals: list[Found] = []
        self.left_out: list[str] = []
        self._roots: list[Path] = []
        self._predicted: dict[str, bool] = {}

    def records(self, roots: Sequence[Path]) -> Iterator[Record | Lean]:
        """The usable records below some folders, one at a time."""
        self._roots = [path.absolute() for path in roots]
        others = {speed.FILE: self._measured, external.FILE: self._evaluated}
        scans = (cast("Scan", scan_by(self.load, path, others)) for path in roots)  # mypy sees what they share alone
        count = sum(map(about, roots))
        for done, (path, found) in enumerate(itertools.chain.from_iterable(scans)):
            if not done % OFTEN:
                self.told("reading records", done, max(done, count))
            if isinstance(found, Broken):
                self.left_out.append(f"{path} {found.reason}")
            elif isinstance(found, Lean):  # where nothing is left out
                self.files[found.run, found.kept.key] = path
                yield found
            elif self.selecting(found):
                self.files[found.run, found.key] = path
                if found.of_controls:
                    self.controls.add(found.run)
                yield found
        if any(REFERENCE in path for path in self.files.values()):
            self.files = dict(sorted(self.files.items(), key=lambda item: self._is_reference(item[1])))

    def ordered(self, tables: Sequence[Table]) -> list[Table]:
        """Tables of one's own before those that hold nothing but reference records, which are marked."""
        known = [(table, all(map(self._is_reference, self._files_of(table)))) for table in tables]
        marked = [msgspec.structs.replace(table, reference=True) if there else table for table, there in known]
        return sorted(marked, key=lambda table: table.reference)

    def _files_of(self, table: Table) -> Iterator[str]:
        return (self.files[run.run, run.key] for row in table.rows for run in row.runs)

    def _is_reference(self, path: str) -> bool:
        """Whether a record lies in a folder of references below the one that was asked for."""
        if REFERENCE not in path:
            return False
        place = Path(path).absolute()
        return any(place.is_relative_to(root) and REFERENCE in place.relative_to(root).parts for root in self._roots)

    def folder(self, run: Record) -> Path:
        """Where a record lies that was met."""
        return Path(self.files[run.run, run.key]).parent

    def has_predictions(self, run: Record) -> bool:
        """Whether predictions lie beside a record that was met, looked at once; a `Path` each would cost more."""
        path = self.files[run.run, run.key]
        if path not in self._predicted:
            folder, slash, _ = path.rpartition("/")
            self._predicted[path] = os.access(f"{folder}{slash}{PREDICTIONS}", os.F_OK)
        return self._predicted[path]

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
            self.externals.append(Found(found, path.parent, self._is_reference(str(path))))


def collected(
    paths: Sequence[Path],
    test_of: Callable[[Folder], FamilyTest],
    *,
    metric: str | None = None,
    against: str | None = None,
    margin: float = MARGIN,
    verified: bool = True,
    distrust: DistrustIn | None = None,
    selection: Selection | None = None,
    told: Told = lambda what, done, total: None,
    load: Load | None = None,
) -> tuple[Comparison, Collected]:
    """The comparison of everything below some folders, and what else lies there.

    Args:
        test_of: makes the test of all rows from where their runs lie.
        metric: what rows are ranked by; None takes that of the task.
        against: a pipeline, or the beginning of its name, that the others are tested against.
        margin: by no more than which a cheaper row may be worse.
        verified: leave out what was changed after it was sealed, and rank nothing that `distrust` has a reason for.
        selection: which runs are meant, and the evaluations of these; None means all.
        told: takes how far it is.
        load: what is kept of the record in a file that may be trusted, where all are meant; None keeps all of it.

    Raises:
        DataNotFoundError: one of the folders is not there.
        UnknownNameError: no record has that metric, or no table that pipeline, or no run what is selected by.
    """
    everything = verified and (selection is None or selection.everything)
    found = Collected(verified, selection, told, load if everything else None)
    records = found.records(outermost(paths))
    trust = trust_all if distrust is None or not verified else _with_folders(distrust, found, told)
    test = with_predictions(test_of, found.folder, told, found.has_predictions)
    comparison = compare(records, metric=metric, against=against, margin=margin, test=test, distrust=trust)
    found.selecting.check()
    if not found.selecting.selection.everything:
        found.externals = [one for one in found.externals if one.external.run in found.selecting.names]
    tables = [
        _counted(table, found.folder, paths, found.selecting.scored) for table in found.ordered(comparison.tables)
    ]
    tables = [with_lacking(table, found.selecting) for table in tables]
    selected = found.selecting.line
    return msgspec.structs.replace(comparison, tables=tables, left_out=found.left_out, selected=selected), found


def of_runs(made: Mapping[str, Path], records: Sequence[Record], test_of: Callable[[Folder], FamilyTest]) -> Comparison:
    """The comparison of runs that a command has just gone through, counted by the ledger of all that were made there.

    Args:
        made: run -> its folder.
        test_of: makes the test of all rows from where runs lie.
    """

    def folder(run: Record) -> Path:
        return made[run.run]

    comparison = compare(records, test=with_predictions(test_of, folder))
    return msgspec.structs.replace(comparison, tables=[_counted(table, folder) for table in comparison.tables])


def _counted(
    table: Table, folder_of: Folder, roots: Sequence[Path] = (), left_out: Mapping[str, int] = MappingProxyType({})
) -> Table:
    """The table with how often its test images were scored, by the ledgers of its runs where they know of more.

    Args:
        roots: further folders with ledgers.
        left_out: digest of test images -> runs on them that were seen and are in no table.
    """
    runs = [run for row in table.rows for run in row.runs if run.test]
    tests = {run.test for run in runs}
    homes = {folder_of(run).absolute().parent.parent for run in runs} | {root.absolute() for root in roots}
    ledgers = [one for home in sorted(homes) for one in _entries(home)] if tests else []
    known = sum(times_scored(ledgers, test, _is_rules) for test in tests)
    seen = table.scored + sum(left_out.get(test, 0) for test in tests)
    return msgspec.structs.replace(table, scored=max(seen, known))


def _is_rules(run: str) -> bool:
    """Whether a run is one of rules by its name, which is all that is left of it where it was removed."""
    return run.startswith(f"{CONTROLS}-")


def _entries(root: Path) -> list[Entries]:
    try:
        return entries(root)
    except OSError:  # bench verify says so; here it is one count the less
        return []


def _with_folders(distrust: DistrustIn, found: Collected, told: Told) -> Distrust:
    asked = itertools.count()

    def answer(run: Record, metric: str) -> str:
        done = next(asked)
        if not done % OFTEN:
            told("checking predictions", done, max(done, len(found.files)))
        return distrust(run, found.folder(run), metric) if found.has_predictions(run) else ""

    return answer


def beside_runs(results: Path, speeds: Sequence[Speed]) -> list[CostTable]:
    """Measurements of speed beside the scores of the runs below a folder."""
    runs = (found for _, found in scan(results) if isinstance(found, Record))
    return cost_tables(compare(runs).tables, speeds)


def with_predictions(
    test_of: Callable[[Folder], FamilyTest],
    folder_of: Folder,
    told: Told = lambda what, done, total: None,
    there: Callable[[Record], bool] | None = None,
) -> FamilyTest:
    """The test of all rows, made only once there are predictions to read; without any it says what is lacking.

    Args:
        test_of: makes the test from where runs lie.
        told: takes what is tested.
        there: whether predictions lie beside a run; None looks for them.
    """
    predicted = there or (lambda run: (folder_of(run) / PREDICTIONS).is_file())
    made: list[FamilyTest] = []

    def verdicts(rows: Sequence[Contender], metric: str, reference: int, named: bool) -> Verdicts:
        runs = [run for row in rows if not row.rule for run in row.runs]
        if not any(map(predicted, runs)):
            lacking = f"no {PREDICTIONS} of {runs[0].run}"
            return Verdicts([Standing() for _ in rows], [Verdict() for _ in rows], note=lacking)
        if not made:
            made.append(test_of(folder_of))
        told(f"testing {len(rows)} rows", 0, 0)
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
