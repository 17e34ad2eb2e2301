"""What follows a search: its task file, the runs of the default and of what was found, and what lies between them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmark.execution.protocol import DrawSearch
from benchmark.execution.session import Finished, Session, executed, scheduled
from benchmark.planning.components import Descriptions
from benchmark.planning.runs import Planned
from benchmark.records.differences import Difference, PairedTest
from benchmark.records.estimate import Estimate
from benchmark.records.files import write
from benchmark.records.record import Record, Tuned
from benchmark.storage.code import CodeIndex
from benchmark.storage.files import write_whole
from benchmark.storage.refusals import storage_errors
from benchmark.tasks.schema import Task
from benchmark.tasks.settings import with_settings
from benchmark.tasks.spec import RunSpec
from benchmark.tasks.writing import task_file
from benchmark.tuning.outcome import changed, tuned
from benchmark.tuning.search import State, TrialState
from benchmark.tuning.target import TuningTarget
from registry.errors import DivergedError
from registry.options import Scalar

FILE = "tuned.toml"
Paired = Callable[[Callable[[Record], Path], str], PairedTest]  # folders of runs, a subset -> the test on that subset


class Side(msgspec.Struct, frozen=True):
    """One pipeline, trained to the end.

    Attributes:
        loss: class-balanced log-loss on validation in the epoch whose weights were kept.
        value: the task's metric on the test subset.
        failure: why there are no numbers; empty where there are.
    """

    pipeline: str
    run: str
    loss: float | None = None
    value: Estimate | None = None
    failure: str = ""


class TuningReport(msgspec.Struct, frozen=True):
    """A finished search.

    Attributes:
        changed: setting -> its default and what was found, where they differ.
        best: None where no trial beat the default.
        validation, test: the metric of the best minus that of the default on the same images.
        file: the task file of the best; `again` is the line that runs it.
        folder: of the ledger, the trials and their picture.
    """

    tuned: Tuned
    metric: str
    changed: dict[str, list[Scalar]]
    default: Side
    best: Side | None
    validation: Difference | None
    test: Difference | None
    file: str
    folder: str
    again: str = ""


@dataclass(frozen=True)
class Tuning:
    """What is tuned, and where what is found goes.

    Attributes:
        folder: of the search.
        asked: for the task file of what is found; None puts it into the folder of the search.
    """

    session: Session
    task: Task
    target: TuningTarget
    described: Descriptions
    folder: Path
    asked: Path | None = None

    @property
    def file(self) -> Path:
        """For the task file of what is found."""
        return self.asked or self.folder / FILE


def tuning_report(tuning: Tuning, state: State, paired: Paired) -> tuple[TuningReport, list[Record]]:
    """What a search has found, and the records behind it: of the default, and of the best where it differs.

    Raises:
        DivergedError: no trial has finished.
        BenchError: a file cannot be written, or the data make every run impossible.
    """
    best, target, session = found_best(state), tuning.target, tuning.session
    cost = tuned(state, target.spec)
    differing = changed(state, best)
    trained = with_settings(target.spec, best.values) if differing else target.spec
    spec = msgspec.structs.replace(trained, tuned=cost)
    write_task(tuning, spec)
    specs = [target.spec, spec] if differing else [spec]
    index = CodeIndex(session.store.root)  # a search takes long enough for edits
    planned = scheduled(session, specs, target.summary, tuning.described, index)
    finished = [Finished(run, with_cost_in_ledger(session, run, record)) for run, record in executed(session, planned)]
    title = f"{planned[0].pipeline} on {target.summary.name}, seed {target.spec.seed}"
    session.worker.ask(DrawSearch(str(tuning.folder), title), type(None))
    defaults = state.search.space.defaults()
    validation, test = _differences(finished, paired)
    records = [record for _, record in finished]
    found = TuningReport(
        tuned=cost,
        metric=tuning.task.metric,
        changed={name: [defaults[name], value] for name, value in best.values.items() if name in differing},
        default=side_of(records[0]),
        best=side_of(records[1]) if differing else None,
        validation=validation,
        test=test,
        file=str(tuning.file),
        folder=str(tuning.folder),
    )
    return found, records


def side_of(record: Record) -> Side:
    """What a report needs of a run."""
    failure = f"{record.failure.cause} at {record.failure.stage}: {record.failure.message}" if record.failure else ""
    return Side(record.pipeline, record.run, record.training.val_loss, record.metrics.get(record.metric), failure)


def found_best(state: State) -> TrialState:
    """The best trial.

    Raises:
        DivergedError: none has finished.
    """
    best = state.best()
    if best is not None:
        return best
    failed = [trial for trial in state.trials if trial.status == "failed"]
    if not failed:
        raise DivergedError("no trial has finished within the budget; the same line goes on where this one ended")
    last = failed[-1]
    raise DivergedError(
        f"none of {len(state.trials)} trials has finished, the last one failed: {last.cause}, {last.message}"
    )


def write_task(tuning: Tuning, spec: RunSpec) -> None:
    """Write the task file of what was found.

    Raises:
        StorageError: it cannot be written; what was there is there still.
    """
    path, dataset = tuning.file, tuning.session.request.dataset or tuning.task.dataset
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, task_file(tuning.task, spec, dataset).encode())


def with_cost_in_ledger(session: Session, run: Planned, record: Record) -> Record:
    """The same as `with_cost`; a record that is written anew replaces the run's last one in the ledger too."""
    found = with_cost(run, record)
    if found is not record:
        session.ledger.add_run(found, run.folder)
    return found


def with_cost(run: Planned, record: Record) -> Record:
    """A run's record with what its settings cost by now, written anew where it gave another cost.

    The run may have been there before the search, or since one that was not as far: then the default may have stayed.
    """
    assert isinstance(run.spec, RunSpec)  # nobody votes
    cost, before = run.spec.tuned, record.tuned
    outdated = cost != before if cost else before is not None and before.stayed
    if record.status == "failed" or not outdated:
        return record
    record = msgspec.structs.replace(record, tuned=cost)
    write(record, run.folder)
    return record


def _differences(finished: list[Finished], paired: Paired) -> tuple[Difference | None, Difference | None]:
    """The metric of the best minus that of the default, on validation and on test."""
    records = [record for _, record in finished]
    if len(records) < 2 or any(record.status == "failed" for record in records):
        return None, None
    folders = {run.plan.run: run.folder for run, _ in finished}
    default, best = records
    validation, test = (
        paired(lambda record: folders[record.run], subset)([best], [default], best.metric)
        for subset in ("validation", "test")
    )
    return validation, test
