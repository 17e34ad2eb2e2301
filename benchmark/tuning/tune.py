"""From a request to settings that were searched for: the pipeline that is tuned, its search, the trials."""

import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from benchmark.execution.networks import check_steps
from benchmark.execution.protocol import Event
from benchmark.execution.session import Display, Session, specified
from benchmark.planning.components import Descriptions
from benchmark.planning.graph import missing
from benchmark.planning.request import Request, components_asked, settings_of, task_of
from benchmark.planning.resolve import Chosen, choose
from benchmark.records.places import SEARCHES
from benchmark.records.record import Record
from benchmark.storage.digests import canonical, digest
from benchmark.storage.files import write_whole
from benchmark.storage.refusals import check_writable, storage_errors
from benchmark.tasks.components import pipeline_name, run_parts
from benchmark.tasks.reading import parse_component
from benchmark.tasks.schema import Task
from benchmark.tasks.settings import KINDS
from benchmark.tasks.spec import RunSpec
from benchmark.tuning.abreast import trials_of
from benchmark.tuning.brackets import why_none_stops_early
from benchmark.tuning.ledger import locked, read
from benchmark.tuning.outcome import trials_csv
from benchmark.tuning.ranges import space_of
from benchmark.tuning.report import Paired, Tuning, TuningReport, tuning_report
from benchmark.tuning.runner import TrialRunner
from benchmark.tuning.search import Search, State, TrialState, Tuner
from benchmark.tuning.target import TuningTarget
from registry.errors import ConfigError

HALVING = "hyperband"  # stops most trials early


class Follower(Protocol):
    """Who is shown how a search goes."""

    def resume(self, state: State) -> None:
        """What the ledger has already."""

    def watch(self, event: Event) -> None:
        """An event of a trial's worker."""

    def end(self, trial: TrialState, state: State) -> None:
        """How a trial ended."""

    def out_of_time(self, state: State) -> None:
        """The budget is spent."""


class TuningDisplay(Display, Protocol):
    """Where it is shown what a search does and what follows it."""

    def searching(self, trials: int, budget_s: float | None) -> AbstractContextManager[Follower]:
        """Show how far the trials of a search are."""


def tune(
    session: Session,
    display: TuningDisplay,
    paired: Paired,
    *,
    tuner: Tuner | None = None,
    trials: int | None = None,
    budget_s: float | None = None,
    file: Path | None = None,
) -> tuple[TuningReport, list[Record]]:
    """Search the settings of a request's pipeline, run the default and what was found; gives that and the records.

    Args:
        paired: makes the test of two pipelines.
        tuner, trials: instead of the task's.
        budget_s: after which no trial begins, what is built before the first included; a call of the same goes on.
        file: for the task file of what is found; by default in the folder of the search.

    Raises:
        BenchError: there is not one pipeline to tune, the request cannot be used, or no trial has finished.
    """
    task, target, described = tuning_target(session)
    search = search_of(session, task, target, described, tuner or task.tuning.tuner, trials or task.tuning.trials)
    folder = _folder(session.results, target.spec, search)
    state = searched(session, display, folder, search, target, budget_s)
    return tuning_report(Tuning(session, task, target, described, folder, file), state, paired)


def tuning_target(session: Session) -> tuple[Task, TuningTarget, Descriptions]:
    """The pipeline that is tuned, the task's first with the request's components put in, on its data."""
    asked = task_of(session.request)
    check_one(asked.task, session.request)
    chosen = choose(asked.task, {**components_asked(session.request), "voter": ()}, asked.forced)
    specs, found = specified(session, asked, Chosen(chosen.pipelines[:1]), session.request.seeds[:1])
    (spec,) = specs
    assert isinstance(spec, RunSpec)  # nobody votes
    if spec.classical:
        raise ConfigError(
            f"head {spec.head.name!r} is no network, and a search compares losses of trainings; tune the pipeline "
            "with a head that trains (--head dense), then run this head on its features"
        )
    traits = found.described.traits("segmenter", spec.segmenter.name)
    count = len(chosen.pipelines)
    among = f", the first of the task's {count} pipelines" if count > 1 else ""
    session.display.say(f"tuning {pipeline_name(spec, found.described.defaults)}{among}")
    return asked.task, TuningTarget(spec, found.summary, traits, str(session.store.root.absolute())), found.described


def search_of(
    session: Session, task: Task, target: TuningTarget, described: Descriptions, tuner: Tuner, trials: int
) -> Search:
    """What is searched, and by whom; shows both."""
    space = space_of(target.spec, task.tuning, described.options, given_settings(session.request))
    epochs = target.spec.training.epochs
    names = ", ".join(dimension.name for dimension in space.dimensions)
    session.display.say(f"{tuner}, at most {trials} trials of up to {epochs} epochs, over {names}")
    if tuner == HALVING and (why := why_none_stops_early(trials, epochs)):
        session.display.say(why)
    return Search(tuner, space, target.spec.seed, trials, epochs, target.digest(session.index))


def given_settings(request: Request) -> set[str]:
    """The settings that a request gives, which are not searched."""
    tables = settings_of(request)
    tables |= tables.pop("options", {})
    given = {f"{table}.{key}" for table, keys in tables.items() for key in keys}
    asked = components_asked(request)
    return given | {f"{kind}.{key}" for kind in KINDS for one in asked[kind] for key in parse_component(one).options}


def searched(
    session: Session,
    display: TuningDisplay,
    folder: Path,
    search: Search,
    target: TuningTarget,
    budget_s: float | None,
) -> State:
    """The search after all the trials that there is time for.

    Raises:
        ConfigError: the default settings cannot be trained for the data or a component.
        StorageError: the folder cannot be written.
    """
    with locked(folder, search) as ledger:
        state = ledger.state
    check_default(state, folder)
    started = time.monotonic()
    if not state.trials or state.trials[0].status == "running":
        build_inputs(session, target)
    if budget_s is not None:
        budget_s -= time.monotonic() - started
    runners = [TrialRunner(folder, search, target, worker) for worker in session.pool.workers]
    with display.searching(search.trials, budget_s) as follower:
        follower.resume(state)
        for trial in trials_of(runners, follower.watch, timeout_s=session.request.timeout_s, budget_s=budget_s):
            state = read(folder)
            follower.end(trial, state)
            check_default(state, folder)
        if any(runner.out_of_time for runner in runners):
            follower.out_of_time(read(folder))
    state = read(folder)
    path = folder / "trials.csv"
    with storage_errors(path):
        write_whole(path, trials_csv(state).encode())
    return state


def build_inputs(session: Session, target: TuningTarget) -> None:
    """Build what the default's training reads, once and by all workers; trials that change nothing of it find it.

    Raises:
        BenchError: something of it cannot be built.
    """
    plan = target.trained({}, session.index)[1]
    check_steps(session, [[*missing(plan, session.store.has).values()]])
    steps = missing(plan, session.store.has, plan.step("fit"))
    if not steps:
        return
    with session.display.running(0) as take:
        for happened in session.pool.build(steps, session.store, session.request.timeout_s):
            take(happened)
    for worker in session.pool.workers:  # trials run in one of them, and may need the memory that the others hold
        worker.stop()


def check_one(task: Task, request: Request) -> None:
    """There is one pipeline to tune, and one loss to tune it by.

    Raises:
        ConfigError: there is not.
    """
    asked = components_asked(request)
    for kind in KINDS:
        if len(asked[kind]) > 1:
            raise ConfigError(
                f"bench tune tunes one pipeline, received --{kind} {len(asked[kind])} times ({', '.join(asked[kind])});"
                " give it once, and the others in calls of their own"
            )
    if task.scheme != "direct":
        raise ConfigError(
            f"bench tune searches by the loss of one model, and scheme {task.scheme} trains one per class; "
            'tune a task with scheme = "direct", such as multiclass'
        )
    if task.split.folds > 1:
        raise ConfigError(
            f"bench tune searches on one split, received {task.split.folds} folds; add --set split.folds=1"
        )


def check_default(state: State, folder: Path) -> None:
    """What keeps the default from running keeps every trial from it, in this call or in one before.

    Raises:
        ConfigError: something does.
    """
    if state.trials and state.trials[0].cause in ("data", "plugin"):
        message = state.trials[0].message
        raise ConfigError(f"{message} (trial 0, the default, failed of it: once that is mended, remove {folder})")


def check_file(path: Path, task: Path) -> None:
    """The task file can be written before hours are spent on what it will say, and not over the task that is tuned.

    Raises:
        ConfigError: it is a folder, or that task.
        StorageError: its folder cannot be written.
    """
    if path.is_dir():
        raise ConfigError(
            f"-o {path} is a folder; expected the name of a file for the task that is found, as {path}/tuned.toml"
        )
    if path.exists() and path.samefile(task):
        raise ConfigError(
            f"-o {path} is the task file that --task reads, which would be lost; expected another name for the task "
            f"that is found, as {path.with_name('tuned.toml')}"
        )
    check_writable(path.parent, "choose another file with -o")


def _folder(results: Path, spec: RunSpec, search: Search) -> Path:
    name = "-".join([*run_parts(spec), search.tuner, digest(canonical(search))[:8]])
    return results / SEARCHES / spec.task / name
