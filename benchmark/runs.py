"""From specifications to planned runs, and from planned runs to records.  Nothing heavy happens here."""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from benchmark.config import DatasetChoice, RunSpec, Spec, VoteSpec
from benchmark.descriptions import Descriptions
from benchmark.executor import Outcome, Worker
from benchmark.keys import plan, pooled
from benchmark.parts import pipeline_name
from benchmark.plan import REFERENCE, Plan, Survey, missing
from benchmark.provenance import CodeIndex
from benchmark.record import SCHEMA, DatasetInfo, Failure, Record, SplitInfo
from benchmark.records import FILE, verify, write
from benchmark.records import read as read_record
from benchmark.store import Store
from registry.errors import BenchError, ConfigError, StorageError

SHARED_STAGES = ("", "prepare", "split")  # what fails here fails for every run


class Planned(msgspec.Struct, frozen=True):
    """A run that is ready to start, or the pooling of others.

    Attributes:
        folder: where its record belongs.
        state: "cached" when a sealed record with the same key is there, "failed" when one that says why not is,
            else "to run".
        to_build: stages without an artefact.
        names: how tables name pipelines: "" -> its own; of a vote, member -> that one's.
        folds: of a pooled result, the runs that come before it.
        record: of a cached run, what the sealed record says; None of any other.
    """

    spec: Spec
    plan: Plan
    survey: Survey
    names: dict[str, str]
    folder: Path
    state: str
    to_build: list[str]
    folds: list["Planned"] = []
    record: Record | None = None

    @property
    def pipeline(self) -> str:
        """How tables name it."""
        return self.names[""]

    @property
    def label(self) -> str:
        """How progress names it."""
        fold = "" if self.spec.split.folds == 1 else f", fold {self.spec.fold}" if not self.folds else ", folds pooled"
        return f"{self.pipeline} · seed {self.spec.seed}{fold}"


def look(
    worker: Worker, choice: DatasetChoice, seed: int, cache: Path, watch: Callable[[dict[str, Any]], None]
) -> tuple[DatasetChoice, Survey]:
    """The dataset, recognised where it was not named, and what a look at it tells."""
    request = {"op": "survey", "dataset": msgspec.to_builtins(choice), "seed": seed, "cache": str(cache)}
    told = worker.ask(request, watch)
    return msgspec.convert(told["dataset"], DatasetChoice), msgspec.convert(told["survey"], Survey)


def schedule(
    specs: Iterable[Spec], survey: Survey, described: Descriptions, store: Store, results: Path, index: CodeIndex
) -> list[Planned]:
    """Each run with its plan, and whether its record or its artefacts are there already; pooled results come last."""

    there = _recorded(results)

    def planned(spec: Spec, steps: Plan, folds: Sequence[Planned] = ()) -> Planned:
        own = results / spec.task / steps.run
        folder, record = _found(own, there.get(steps.run, []), steps.key)
        state = "to run" if record is None else "failed" if record.status == "failed" else "cached"
        to_build = missing(steps, store.has)
        cached = record if state == "cached" else None
        return Planned(spec, steps, survey, names(spec), folder, state, to_build, list(folds), cached)

    def names(spec: Spec) -> dict[str, str]:
        told = {"": pipeline_name(spec, described.defaults)}
        if isinstance(spec, VoteSpec):
            told |= {name: pipeline_name(member, described.defaults) for name, member in spec.members.items()}
            told |= {REFERENCE: pipeline_name(spec.reference, described.defaults)} if spec.reference else {}
        return told

    def traits(name: str) -> Any:
        return described.traits("segmenter", name)

    runs = [planned(spec, plan(spec, survey, traits, index)) for spec in specs]
    families: dict[tuple[str, int], list[Planned]] = {}
    for run in runs:
        if run.spec.split.folds > 1:
            families.setdefault((run.plan.pipeline_digest, run.spec.seed), []).append(run)
    for folds in families.values():
        whole = _unfolded(folds[0].spec)
        runs.append(planned(whole, pooled(whole, survey, [fold.plan for fold in folds], index), folds))
    index.keep()  # planning reads the stages' imports
    return runs


def try_heads(planned: Iterable[Planned], worker: Worker) -> None:
    """Build the classical heads of runs that are to come, so that a wrong parameter costs no training.

    Raises:
        WorkerFailedError: a head cannot be built with its options.
    """
    heads = []
    for run in planned:
        specs = run.spec.members.values() if isinstance(run.spec, VoteSpec) else [run.spec]
        heads += [
            [spec.head.name, spec.head.options, len(spec.classes)]
            for spec in specs
            if run.state != "cached" and spec.classical
        ]
    distinct = [head for place, head in enumerate(heads) if head not in heads[:place]]
    if distinct:
        worker.ask({"op": "tryout", "heads": distinct})


def execute(
    run: Planned, worker: Worker, store: Store, watch: Callable[[dict[str, Any]], None], timeout_s: float | None = None
) -> Record:
    """Run one plan in the worker; gives its record, which says why where it failed.

    Raises:
        BenchError: the data or the disk make every run impossible.
    """
    request = {
        "op": "pool" if run.folds else "run",
        "spec": msgspec.to_builtins(run.spec),
        "plan": msgspec.to_builtins(run.plan),
        "survey": msgspec.to_builtins(run.survey),
        "names": run.names,
        "cache": str(store.root),
        "folder": str(run.folder.absolute()),
        "folds": [str(fold.folder.absolute()) for fold in run.folds],
    }
    outcome = worker.serve(request, watch, timeout_s)
    if outcome.cause is None:
        return read_record(run.folder / FILE)
    if outcome.cause == "storage":
        raise StorageError(outcome.message)
    if outcome.exit_code == 2 and outcome.stage.rpartition("/")[2] in SHARED_STAGES:
        raise ConfigError(outcome.message)
    record = failed(run, outcome, store)
    write(record, run.folder)
    return record


def failed(run: Planned, outcome: Outcome, store: Store) -> Record:
    """The record of a run that did not end well."""
    spec, survey, table = run.spec, run.survey, run.spec.split
    return Record(
        schema=SCHEMA,
        status="failed",
        task=spec.task,
        run=run.plan.run,
        pipeline=run.pipeline,
        pipeline_digest=run.plan.pipeline_digest,
        seed=spec.seed,
        fold=spec.fold,
        digest=run.plan.digest,
        key=run.plan.key,
        spec=msgspec.to_builtins(spec),
        metric=spec.metric,
        classes=list(spec.classes),
        positive=spec.positive,
        dataset=DatasetInfo(
            survey.name,
            survey.digest,
            survey.counts,
            survey.sources,
            licence=survey.licence,
            origin=survey.origin,
            notices=survey.notices,
        ),
        split=SplitInfo(
            _split_digest(run, store),
            table.grouping,
            table.seed,
            {"train": table.train, "validation": table.validation, "test": table.test},
            folds=table.folds,
        ),
        tuned=spec.tuned if isinstance(spec, RunSpec) else None,
        failure=Failure(outcome.cause or "exception", outcome.stage, outcome.message, outcome.log),  # type: ignore[arg-type]
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _split_digest(run: Planned, store: Store) -> str:
    """Who is where, so that a failed run stands in the table of those that it was to be compared with."""
    stage = (run.folds[0] if run.folds else run).plan.stage("split")
    folder = stage and store.find(stage.name, stage.key)
    return (folder / "digest").read_text() if folder else ""


def _unfolded(spec: Any) -> Any:
    """The specification of all folds together."""
    whole = msgspec.structs.replace(spec, fold=None)
    if not isinstance(whole, VoteSpec):
        return whole
    members = {name: _unfolded(member) for name, member in whole.members.items()}
    return msgspec.structs.replace(whole, members=members, reference=whole.reference and _unfolded(whole.reference))


def _recorded(results: Path) -> dict[str, list[Path]]:
    """Run -> its folders in the order of tasks: one look at what is there serves all runs."""
    found: dict[str, list[Path]] = {}
    for task in sorted(results.glob("*/")) if results.is_dir() else []:
        with contextlib.suppress(PermissionError):
            for run in task.iterdir():
                found.setdefault(run.name, []).append(run)
    return found


def _found(own: Path, there: Iterable[Path], key: str) -> tuple[Path, Record | None]:
    """Where a run's record belongs, and the record that counts; another task may have made the same run."""
    at_home = _counting(own / FILE, key)
    if at_home is None or at_home.status == "failed":
        for folder in there:
            record = _counting(folder / FILE, key)
            if record and record.status == "ok":
                return folder, record
    return own, at_home


def _counting(path: Path, key: str) -> Record | None:
    """The record in a file, if it is of that key or tells of a failure."""
    if not path.is_file():
        return None
    try:
        record = verify(path)
    except BenchError:  # unreadable, or edited after it was sealed: what it says is worth nothing
        return None
    return record if record.status == "failed" or record.key == key else None
