"""What follows a search: its task file, the runs of the default and of what was found, and what lies between them."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.cli.request import RESULTS, Request

if TYPE_CHECKING:
    from benchmark.execution.pool import Pool
    from benchmark.planning.components import Descriptions
    from benchmark.planning.runs import Planned
    from benchmark.records.record import Record
    from benchmark.report.tuning import Finding
    from benchmark.tasks.schema import Task
    from benchmark.tasks.spec import RunSpec
    from benchmark.tuning.search import State
    from benchmark.tuning.subject import Subject


@dataclass(frozen=True)
class Tuning:
    """What is tuned, and where what is found goes.

    Attributes:
        folder: of the search.
        results: folder of the runs.
    """

    request: Request
    task: "Task"
    subject: "Subject"
    described: "Descriptions"
    folder: Path
    results: Path

    @property
    def file(self) -> Path:
        """For the task file of what is found."""
        path: Path = self.request.flags["output"] or self.folder / "tuned.toml"
        return path


def finding(tuning: Tuning, crew: "Pool", state: "State") -> "tuple[Finding, list[Record]]":
    """What a search has found, and the records behind it: of the default, and of the best where it differs.

    Raises:
        DivergedError: no trial has finished.
        BenchError: a file cannot be written, or the data make every run impossible.
    """
    import msgspec

    from benchmark.execution.protocol import DrawSearch
    from benchmark.planning.runs import plan_runs
    from benchmark.report.tuning import Finding, side_of
    from benchmark.storage.code import CodeIndex
    from benchmark.tasks.settings import with_settings
    from benchmark.tuning.outcome import changed, tuned

    best = state.best()
    if best is None:
        raise _no_best(state)
    subject = tuning.subject
    told = tuned(state, subject.spec)
    differing = changed(state, best)
    trained = with_settings(subject.spec, best.values) if differing else subject.spec
    spec = msgspec.structs.replace(trained, tuned=told)
    _write(tuning, spec)
    specs = [subject.spec, spec] if differing else [spec]
    store, index = tuning.request.store, CodeIndex(tuning.request.cache)  # a search takes long enough for edits
    planned = plan_runs(specs, subject.survey, tuning.described, store, tuning.results, index)
    records = [_retold(run, record) for run, record in _run(tuning.request, crew, planned)]
    title = f"{planned[0].pipeline} on {subject.survey.name}, seed {subject.spec.seed}"
    crew.workers[0].ask(DrawSearch(str(tuning.folder), title), type(None))
    defaults = state.search.space.defaults()
    select, test = _differences(planned, records)
    found = Finding(
        tuned=told,
        metric=tuning.task.metric,
        changed={name: [defaults[name], value] for name, value in best.values.items() if name in differing},
        default=side_of(records[0]),
        best=side_of(records[1]) if differing else None,
        select=select,
        test=test,
        file=str(tuning.file),
        folder=str(tuning.folder),
        again=again(tuning.request.flags, tuning.file, subject.spec.runtime.backend),
    )
    return found, records


def again(flags: dict[str, Any], file: Path, backend: str) -> str:
    """The line that runs what was found: on the same backend and into the same folder, so that it trains nothing."""
    from benchmark.planning.backend import DEFAULT

    words = [f"KERAS_BACKEND={backend}"] if backend != DEFAULT else []
    words += ["bench", "run", "--task", str(file)]
    words += ["-o", flags["results"]] if flags["results"] != RESULTS else []
    for flag in ("data", "dataset", "limit"):
        if flags[flag] and not (flag == "dataset" and not flags["data"]):
            words += [f"--{flag}", str(flags[flag])]
    words += [f"--{flag.replace('_', '-')}" for flag in ("skip_bad", "deterministic") if flags[flag]]
    words += ["--precision", flags["precision"]] if flags["precision"] != "float32" else []
    words += ["--seeds", str(flags["seed"])] if flags["seed"] else []
    return shlex.join(words)


def _write(tuning: Tuning, spec: "RunSpec") -> None:
    """The task file of what was found."""
    from benchmark.storage.cache import storage_errors
    from benchmark.storage.files import write_whole
    from benchmark.tasks.writing import task_file

    path, dataset = tuning.file, tuning.request.flags["dataset"] or tuning.task.dataset
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, task_file(tuning.task, spec, dataset).encode())


def _run(request: Request, crew: "Pool", planned: "list[Planned]") -> "list[tuple[Planned, Record]]":
    """The default and the best as ordinary runs; their trainings are those of the trials."""
    from benchmark.execution.pool import Recorded
    from benchmark.report.progress import Progress

    records = {}
    with Progress(request.console, len(planned)) as progress:
        for happened in crew.run(planned, request.store):
            progress.take(happened)
            if isinstance(happened, Recorded):
                records[happened.run.plan.run] = happened.record
    return [(run, records[run.plan.run]) for run in planned]


def _retold(run: "Planned", record: "Record") -> "Record":
    """A run's record with what its settings cost by now, written anew where it told another cost.

    The run may have been there before the search, or since one that was not as far: then the default may have stayed.
    """
    import msgspec

    from benchmark.records.files import write
    from benchmark.tasks.spec import RunSpec

    assert isinstance(run.spec, RunSpec)  # nobody votes
    told, before = run.spec.tuned, record.tuned
    outdated = told != before if told else before is not None and before.stayed
    if record.status == "failed" or not outdated:
        return record
    record = msgspec.structs.replace(record, tuned=told)
    write(record, run.folder)
    return record


def _differences(planned: "list[Planned]", records: "list[Record]") -> "tuple[Any, Any]":
    """The metric of the best minus that of the default, on select and on test."""
    from benchmark.cli.compare import paired_difference

    if len(records) < 2 or any(record.status == "failed" for record in records):
        return None, None
    folders = {run.plan.run: run.folder for run in planned}
    default, best = records
    select, test = (
        paired_difference(lambda record: folders[record.run], part)([best], [default], best.metric)
        for part in ("select", "test")
    )
    return select, test


def _no_best(state: "State") -> Exception:
    from registry.errors import DivergedError

    failed = [trial for trial in state.trials if trial.status == "failed"]
    if not failed:
        return DivergedError("no trial has finished within the budget; the same line goes on where this one ended")
    last = failed[-1]
    return DivergedError(
        f"none of {len(state.trials)} trials has finished, the last one failed: {last.cause}, {last.message}"
    )
