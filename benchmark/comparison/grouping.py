"""Records by table and pipeline, and which of two records of one run counts."""

from collections.abc import Iterable, Mapping
from typing import Any

from benchmark.comparison.lean import Lean, TableKey, lean, table_key
from benchmark.records.record import Record

Identity = tuple[int, int | None]  # seed, fold
Described = tuple[bool, bool, bool, int, str]


class Grouping:
    """Runs by table and pipeline; keeps what tables need, so that many thousand records fit into memory.

    Attributes:
        facts: key of a table -> the record that describes the table: its data, split and controls.
        controls: key of a table -> pipeline digest -> a record of control rules that stand in it.
        specs: pipeline digest -> a specification.
        tasks: key of a table, pipeline digest -> the tasks that ran it.
        codes: pipeline digest -> seed and fold -> the component code behind that run, where it is good.
        metrics: names of all that was measured.
        segmented: digests of pipelines that train a segmenter.
    """

    def __init__(self, records: Iterable[Record | Lean]) -> None:
        self.pipelines_of: dict[TableKey, dict[str, dict[Identity, Record]]] = {}
        self.facts: dict[TableKey, Record] = {}
        self.controls: dict[TableKey, dict[str, Record]] = {}
        self.specs: dict[str, dict[str, Any]] = {}
        self.tasks: dict[tuple[TableKey, str], set[str]] = {}
        self.codes: dict[str, dict[Identity, tuple[str, ...]]] = {}
        self.metrics: set[str] = set()
        self.segmented: set[str] = set()
        self._described: dict[TableKey, Described] = {}
        self._last: tuple[TableKey | None, str, str, dict[Identity, Record]] = (None, "", "", {})
        self._names: Mapping[str, int] | None = None
        self.seen: dict[tuple[str, ...], tuple[str, ...]] = {}  # so that equal codes are kept once
        for record in records:
            self._add(record)

    def tables(self) -> dict[TableKey, dict[str, list[Record]]]:
        """Key -> pipeline digest -> its runs by seed and fold; what failed early joins the only table that it fits."""
        merged: dict[TableKey, dict[str, dict[Identity, Record]]] = {}
        for key in sorted(self.pipelines_of, key=lambda key: not key.known):
            home = self._home(key)
            pipelines = merged.setdefault(home, {})
            for digest, runs in self.pipelines_of[key].items():
                pipelines[digest] = runs | pipelines.get(digest, {})
                self.tasks.setdefault((home, digest), set()).update(self.tasks[key, digest])
        return {
            key: {digest: [runs[one] for one in sorted(runs, key=_order)] for digest, runs in pipelines.items()}
            for key, pipelines in merged.items()
        }

    def _add(self, record: Record | Lean) -> None:
        if isinstance(record, Record) and record.of_controls:
            self._add_controls(table_key(record), record)
            return
        one = record if isinstance(record, Lean) else lean(record)
        key, run = one.key, one.kept
        digest = run.pipeline_digest
        runs = self._runs_of(key, digest, run.task)
        identity = (run.seed, run.fold)
        if identity in runs and _preference(runs[identity]) >= _preference(run):
            return
        runs[identity] = run
        if digest not in self.specs:
            self.specs[digest] = one.spec()
        if one.names is None or one.names is not self._names:  # mostly those of the record before
            self.metrics.update(run.metrics)
            self._names = one.names
        if one.segmented:
            self.segmented.add(digest)
        described = _description_preference(one)
        if key not in self.facts or described < self._described[key]:
            self.facts[key], self._described[key] = one.whole(), described
        if run.status == "ok":
            self.codes.setdefault(digest, {})[identity] = self.seen.setdefault(one.code, one.code)

    def _runs_of(self, key: TableKey, digest: str, task: str) -> dict[Identity, Record]:
        """The runs of a pipeline in a table, which are mostly those that the record before belongs to."""
        if self._last[:3] != (key, digest, task):
            self.tasks.setdefault((key, digest), set()).add(task)
            runs = self.pipelines_of.setdefault(key, {}).setdefault(digest, {})
            self._last = key, digest, task, runs
        return self._last[3]

    def _add_controls(self, key: TableKey, record: Record) -> None:
        """Control rules stand in the tables of others; those that failed stand in none."""
        known = self.controls.setdefault(key, {})
        other = known.get(record.pipeline_digest)
        if record.status == "ok" and (other is None or _preference(other) < _preference(record)):
            known[record.pipeline_digest] = record

    def _home(self, key: TableKey) -> TableKey:
        """The table that a key belongs to: its own, or the only known one that it does not contradict."""
        if key.known:
            return key
        homes = [home for home in self.pipelines_of if home.known and self._fits(key, home)]
        return homes[0] if len(homes) == 1 else key

    def _fits(self, key: TableKey, home: TableKey) -> bool:
        own, other = key.signature, home.signature
        divided = [self.facts[one].spec.get("split") for one in (key, home)]
        return (
            (own == other if own.classes else own.task in self._tasks_of(home))
            and key.dataset in ("", home.dataset)
            and key.split in ("", home.split)
            and (None in divided or divided[0] == divided[1])
        )

    def _tasks_of(self, key: TableKey) -> set[str]:
        return set().union(*(self.tasks[key, digest] for digest in self.pipelines_of[key]))


def _order(identity: Identity) -> tuple[int, int]:
    seed, fold = identity
    return seed, -1 if fold is None else fold


def _preference(record: Record) -> tuple[bool, str]:
    """Of two records of one run that with the greater one counts."""
    return record.status == "ok", record.created


def _description_preference(one: Lean) -> Described:
    """The record with the least of these describes its table: a good one, of all test images, with control rules."""
    run = one.kept
    return run.status != "ok", not one.of_all, not one.ruled, run.seed, run.pipeline_digest
