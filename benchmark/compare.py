"""Records of runs -> tables that may be read side by side: same task, same images, same split."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from benchmark.aggregates import Aggregate, Aggregates, mean
from benchmark.records import Cost, DatasetInfo, Estimate, Failure, Record, SplitInfo
from registry.errors import unknown_name

LOWER_IS_BETTER = frozenset({"log-loss", "brier", "ece", "ece-floor"})

Difference = Callable[[Sequence[Record], Sequence[Record], str], Estimate]
"""(runs of one pipeline, runs of another, metric) -> first minus second on the same images, with its interval;
without a value, and with a note, where that cannot be tested."""

Place = tuple[str, str, str]  # task, dataset digest, split digest: what one table is about


class Failed(msgspec.Struct, frozen=True):
    """One run that has no numbers."""

    seed: int
    fold: int
    failure: Failure


class Row(msgspec.Struct, frozen=True):
    """A pipeline over its seeds and folds, or a control rule.

    Attributes:
        pipeline: unique within its table: settings that tell two pipelines of one name apart are added to it.
        status: ``partial`` where some runs failed; ``not-computable`` is a control that lacks what it needs.
        seeds: training seeds that have numbers.
        expected: seeds that were run.
        notes: what a reader must know about this row, one line each.
        runs: the records behind the numbers, without their bulk.
    """

    pipeline: str
    control: bool
    status: Literal["ok", "partial", "failed", "not-computable"]
    seeds: list[int] = []
    expected: list[int] = []
    n: int | None = None
    metrics: Mapping[str, Aggregate] = {}
    cost: Cost = Cost()
    failures: list[Failed] = []
    notes: list[str] = []
    runs: list[Record] = []

    def metric(self, name: str) -> Aggregate | None:
        """A metric of this row; None where it was not measured."""
        try:
            return self.metrics[name]
        except KeyError:
            return None

    def value(self, name: str) -> float | None:
        """A metric's value; None where it was not measured or is not defined."""
        one = self.metric(name)
        return None if one is None else one.value


class Lead(msgspec.Struct, frozen=True):
    """Which pipeline leads by the table's metric, and what supports it.

    Attributes:
        gain: by how much it is better than the runner-up, always >= 0 unless a test on shared seeds says otherwise.
        low, high: paired 95 % interval of the gain; None where it could not be tested, `untested` then says why.
    """

    pipeline: str
    runner_up: str | None = None
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    untested: str = ""

    @property
    def separable(self) -> bool:
        """Whether the interval of the gain excludes zero on the leader's side."""
        return self.low is not None and self.low > 0


class Table(msgspec.Struct, frozen=True):
    """Pipelines whose numbers rest on the same images in the same split; best first, failed after, controls last."""

    task: str
    metric: str
    dataset: DatasetInfo | None
    split: SplitInfo | None
    classes: list[str]
    positive: str | None
    rows: list[Row]
    lead: Lead | None


class Comparison(msgspec.Struct, frozen=True):
    """Every table, and the files that were left out as ``path: reason``."""

    tables: list[Table]
    left_out: list[str] = []


def compare(
    records: Iterable[Record], *, metric: str | None = None, difference: Difference | None = None
) -> Comparison:
    """Tables by task, dataset and split; of runs that are told twice the good one counts, then the later one.

    Args:
        metric: what rows are ranked by; None takes each task's primary metric.
        difference: tests the leader against the runner-up; None tests nothing.

    Raises:
        UnknownNameError: no record has a metric of that name.
    """
    gathered = _Gathered()
    for record in records:
        gathered.add(record)
    if metric is not None and metric not in gathered.metrics and gathered.metrics:
        raise unknown_name("metric", metric, gathered.metrics, "bench compare --format csv lists all of them")
    tables = [_table(place, pipelines, gathered, metric, difference) for place, pipelines in gathered.tables().items()]
    return Comparison(sorted(tables, key=lambda table: table.task))


class _Gathered:
    """Runs by table and pipeline; keeps what tables need, so that many thousand records fit into memory."""

    def __init__(self) -> None:
        self.places: dict[Place, dict[str, dict[tuple[int, int], Record]]] = {}
        self.facts: dict[Place, Record] = {}
        self.specs: dict[str, dict[str, Any]] = {}
        self.codes: dict[tuple[Place, str], set[tuple[str, ...]]] = {}
        self.metrics: set[str] = set()

    def add(self, record: Record) -> None:
        """Take one record in."""
        place = _place(record)
        runs = self.places.setdefault(place, {}).setdefault(record.pipeline_digest, {})
        identity = (record.seed, record.fold)
        if identity in runs and _merit(runs[identity]) >= _merit(record):
            return
        runs[identity] = _light(record)
        self.specs.setdefault(record.pipeline_digest, record.spec)
        self.metrics.update(record.metrics)
        if place not in self.facts or not self.facts[place].controls:
            self.facts[place] = record
        if record.status == "ok":
            codes = tuple(part.code for part in record.components.values())
            self.codes.setdefault((place, record.pipeline_digest), set()).add(codes)

    def tables(self) -> dict[Place, dict[str, list[Record]]]:
        """Table -> pipeline digest -> its runs; one that failed before it knew its data joins its task's only table."""
        merged: dict[Place, dict[str, list[Record]]] = {}
        complete = [place for place in self.places if place[1] and place[2]]
        for place, pipelines in self.places.items():
            homes = [home for home in complete if home[0] == place[0] and place[1] in ("", home[1])]
            home = homes[0] if place not in complete and len(homes) == 1 else place
            for digest, runs in pipelines.items():
                known = {(run.seed, run.fold) for run in merged.get(home, {}).get(digest, [])}
                new = [run for identity, run in sorted(runs.items()) if identity not in known]
                merged.setdefault(home, {}).setdefault(digest, []).extend(new)
        return merged


def _place(record: Record) -> Place:
    return (
        record.task,
        record.dataset.digest if record.dataset else "",
        record.split.digest if record.split else "",
    )


def _merit(record: Record) -> tuple[bool, str]:
    return record.status == "ok", record.created


def _light(record: Record) -> Record:
    return msgspec.structs.replace(
        record, spec={}, components={}, controls={}, confusion=[], masks={}, gradcam={}, training={},
        environment={}, stages={}, dataset=None, split=None,
    )  # fmt: skip


def _table(
    place: Place,
    pipelines: dict[str, list[Record]],
    gathered: _Gathered,
    metric: str | None,
    difference: Difference | None,
) -> Table:
    facts = gathered.facts[place]
    runs = [run for found in pipelines.values() for run in found]
    primary = metric or Counter(run.metric for run in runs).most_common(1)[0][0]
    names = _unique_names(pipelines, gathered.specs)
    rows = [
        _row(names[digest], found, primary, len(gathered.codes.get((place, digest), ())) > 1)
        for digest, found in pipelines.items()
    ]
    rows.sort(key=lambda row: _rank(row, primary))
    return Table(
        task=place[0],
        metric=primary,
        dataset=facts.dataset,
        split=facts.split,
        classes=facts.classes,
        positive=facts.positive,
        rows=rows + _control_rows(facts, primary),
        lead=_lead(rows, primary, difference),
    )


def _row(name: str, runs: list[Record], primary: str, mixed_code: bool) -> Row:
    good = [run for run in runs if run.status == "ok"]
    failures = [Failed(run.seed, run.fold, run.failure) for run in runs if run.failure is not None]
    notes = ["its seeds ran on different code: run them again before trusting the mean"] if mixed_code else []
    row = Row(
        pipeline=name,
        control=False,
        status="failed" if not good else "partial" if len(good) < len(runs) else "ok",
        seeds=sorted({run.seed for run in good}),
        expected=sorted({run.seed for run in runs}),
        metrics=Aggregates(good),
        cost=_mean_cost([run.cost for run in good]),
        failures=failures,
        notes=notes,
        runs=good,
    )
    one = row.metric(primary)
    return msgspec.structs.replace(row, n=one.n) if one else row


def _mean_cost(costs: list[Cost]) -> Cost:
    if not costs:
        return Cost()
    times = [cost.training_s for cost in costs if cost.training_s is not None]
    return msgspec.structs.replace(costs[0], training_s=mean(times) if times else None)


def _rank(row: Row, metric: str) -> tuple[bool, float, str]:
    value = row.value(metric)
    if value is None:
        return True, float(row.status == "failed"), row.pipeline
    return False, value if metric in LOWER_IS_BETTER else -value, row.pipeline


def _control_rows(facts: Record, metric: str) -> list[Row]:
    rows = []
    for rule, found in facts.controls.items():
        metrics = {name: Aggregate(one.value, one.low, one.high, one.n, None, one.note) for name, one in found.items()}
        n = metrics[metric].n if metric in metrics else None
        rows.append(Row(rule, control=True, status="ok", n=n, metrics=metrics))
    if "source-oracle" not in facts.controls:
        known = facts.dataset is not None and facts.dataset.sources
        reason = "no run computed it" if known else "source unknown"
        rows.append(Row("source-oracle", control=True, status="not-computable", notes=[reason]))
    return rows


def _lead(rows: list[Row], metric: str, difference: Difference | None) -> Lead | None:
    ranked = [row for row in rows if row.value(metric) is not None]
    if not ranked:
        return None
    if len(ranked) == 1:
        return Lead(ranked[0].pipeline)
    first, second = ranked[:2]
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    gap = abs((first.value(metric) or 0.0) - (second.value(metric) or 0.0))
    tested = difference(first.runs, second.runs, metric) if difference else Estimate(None, note="predictions not read")
    if tested.value is None or tested.low is None or tested.high is None:
        return Lead(first.pipeline, second.pipeline, gap, untested=tested.note or "no interval")
    low, high = sorted((sign * tested.low, sign * tested.high))
    return Lead(first.pipeline, second.pipeline, sign * tested.value, low, high, tested.n)


def _unique_names(pipelines: dict[str, list[Record]], specs: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Pipeline digest -> name; where two share a name, the settings in which they differ are added."""
    by_name: dict[str, list[str]] = {}
    for digest, runs in pipelines.items():
        by_name.setdefault(runs[0].pipeline, []).append(digest)
    names = {}
    for name, digests in by_name.items():
        if len(digests) == 1:
            names[digests[0]] = name
            continue
        flat = {digest: _flat(specs.get(digest, {})) for digest in digests}
        differing = [key for key in _keys(flat) if len({str(settings.get(key)) for settings in flat.values()}) > 1]
        for digest in digests:
            told = ", ".join(f"{key}={flat[digest].get(key)}" for key in differing)
            names[digest] = f"{name} ({told or digest[:8]})"
    return names


def _keys(flat: dict[str, dict[str, Any]]) -> list[str]:
    keys = dict.fromkeys(key for settings in flat.values() for key in settings)
    return [key for key in keys if key not in ("seed", "fold")]


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat
