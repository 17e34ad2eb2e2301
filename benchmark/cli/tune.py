"""`bench tune`: from a pipeline to settings that were searched for, and what they are worth on test."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.finding import Tuning, finding
from benchmark.cli.request import RESULTS, Request, request_flags

if TYPE_CHECKING:
    from benchmark.execution.pool import Pool
    from benchmark.planning.components import Descriptions
    from benchmark.report.tuning import Finding
    from benchmark.tasks.schema import Task
    from benchmark.tasks.spec import RunSpec
    from benchmark.tuning.search import Search, State
    from benchmark.tuning.subject import Subject

KINDS = ("segmenter", "backbone", "head")
TUNERS = ("hyperband", "bayesian", "random", "grid")
HALVING = "hyperband"  # stops most trials early


@click.command()
@request_flags()
@click.option("--tuner", type=click.Choice(TUNERS), help="Who proposes settings; by default the task's, hyperband.")
@click.option("--trials", type=click.IntRange(min=1), metavar="N", help="At most, that of the default included.")
@click.option("--budget", metavar="TIME", help="Search no longer than that, such as 30m; the same line goes on later.")
@click.option("--timeout", metavar="TIME", help="Kill a trial that takes longer, such as 20m; it has failed.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 2), default=0, show_default=True, help="Of tuner and training.")
@click.option("--json", "as_json", is_flag=True, help="What was found as JSON.")
@click.option(
    "--results",
    envvar="BENCH_RESULTS",
    default=RESULTS,
    show_default=True,
    metavar="DIR",
    help="For runs and searches.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="For the task file that is found."
)
@click.pass_context
def command(context: click.Context, /, **flags: Any) -> None:
    """Search the settings of one pipeline, by the loss on the select half of validation; compare with the default.

    \b
    bench tune --task binary --backbone sepcnn --trials 6
    bench tune --task binary --data DIR --tuner bayesian --trials 40 --budget 8h

    The task's first pipeline is tuned, with --segmenter, --backbone and --head put in. What a flag says is not
    searched; [tuning] in a task file says what is. A line that was interrupted goes on when it is given again, and
    two of the same share the trials.
    """
    context.exit(_Tune(flags).go())


class _Tune:
    """One call of the command: its flags, where things lie, and what is said meanwhile."""

    def __init__(self, flags: dict[str, Any]) -> None:
        self.request, self.flags = Request(flags), flags
        self.results, self.console = Path(flags["results"]), self.request.console

    def go(self) -> int:
        """Search, write what was found, run it and the default, compare; gives the exit status."""
        from benchmark.execution.pool import Pool
        from benchmark.execution.process import Worker

        self.request.check_folders(self.results, "--results")
        if self.flags["output"]:
            _check_file(self.flags["output"], self.request.path)
        timeout_s, budget_s = self.request.seconds("timeout"), self.request.seconds("budget")
        environment = {"KERAS_BACKEND": self.request.runtime().backend}
        worker = Worker(self.request.cache / "logs", environment)
        with self.request.store.in_use(), Pool([worker]) as crew:
            task, subject, described = self._subject(crew)
            search = self._search(task, subject, described)
            folder = self._folder(subject.spec, search)
            tuning = Tuning(self.request, task, subject, described, folder, self.results)
            state = self._trials(crew, folder, search, subject, timeout_s, budget_s)
            found, records = finding(tuning, crew, state)
        self._say(found)
        return int(any(record.status == "failed" for record in records))

    def _subject(self, crew: "Pool") -> "tuple[Task, Subject, Descriptions]":
        """The pipeline that is tuned, on its data."""
        from benchmark.planning.resolve import Chosen, choose, resolve
        from benchmark.tasks.spec import RunSpec
        from benchmark.tuning.subject import Subject
        from registry.errors import ConfigError

        name, task, forced = self.request.task()
        flags = {kind: self.flags[kind] for kind in KINDS}
        _check_one(task, flags)
        chosen = choose(task, {**flags, "voter": []}, forced)
        first = Chosen(chosen.pipelines[:1])
        worker = crew.workers[0]
        choice, survey, described = self.request.look(worker, task, first)
        seeds, runtime = [self.flags["seed"]], self.request.settled(self.request.runtime(), worker)
        (spec,) = resolve(task, name, first, choice, survey, described, forced=forced, seeds=seeds, runtime=runtime)
        assert isinstance(spec, RunSpec)  # nobody votes
        if spec.classical:
            raise ConfigError(
                f"head {spec.head.name!r} is no network, and a search compares losses of trainings; tune the pipeline "
                "with a head that trains (--head dense), then run this head on its features"
            )
        traits = described.traits("segmenter", spec.segmenter.name)
        if runtime.deterministic:  # describing may have started the backend, which then takes no other threads
            worker.stop()
        self._say_which(spec, described, len(chosen.pipelines))
        return task, Subject(spec, survey, traits, str(self.request.cache.absolute())), described

    def _search(self, task: "Task", subject: "Subject", described: "Descriptions") -> "Search":
        from benchmark.tuning.brackets import why_none_stops_early
        from benchmark.tuning.ranges import space_of
        from benchmark.tuning.search import Search

        tuner, trials = self.flags["tuner"] or task.tuning.tuner, self.flags["trials"] or task.tuning.trials
        space = space_of(subject.spec, task.tuning, described.options, self._said())
        epochs = subject.spec.training.epochs
        names = ", ".join(dimension.name for dimension in space.dimensions)
        self._print(f"{tuner}, at most {trials} trials of up to {epochs} epochs, over {names}")
        if tuner == HALVING and (why := why_none_stops_early(trials, epochs)):
            self._print(why)
        return Search(tuner, space, subject.spec.seed, trials, epochs, subject.digest(self.request.index))

    def _said(self) -> set[str]:
        """The settings that flags give."""
        from benchmark.tasks.reading import parse_component

        overrides = self.request.overrides()
        tables = {**overrides, **overrides.get("options", {})}
        said = {f"{table}.{key}" for table, keys in tables.items() for key in keys}
        return said | {
            f"{kind}.{key}" for kind in KINDS for one in self.flags[kind] for key in parse_component(one).options
        }

    def _folder(self, spec: "RunSpec", search: "Search") -> Path:
        from benchmark.storage.digests import canonical, digest
        from benchmark.tasks.components import run_parts

        name = "-".join([*run_parts(spec), search.tuner, digest(canonical(search))[:8]])
        return self.results / "tuning" / spec.task / name

    def _trials(
        self,
        crew: "Pool",
        folder: Path,
        search: "Search",
        subject: "Subject",
        timeout_s: float | None,
        budget_s: float | None,
    ) -> "State":
        """The search after all the trials that there is time for."""
        import msgspec

        from benchmark.report.tuning_progress import Following
        from benchmark.storage.cache import storage_errors
        from benchmark.storage.files import write_whole
        from benchmark.tuning.ledger import locked, read
        from benchmark.tuning.outcome import trials_csv
        from benchmark.tuning.trials import Trials

        with locked(folder, search) as ledger:
            state = ledger.state
        _check_default(state, folder)
        trials = Trials(folder, search, msgspec.to_builtins(subject), crew.workers[0])
        with Following(self.console, search.trials, budget_s) as following:
            following.resume(state)
            for trial in trials.run(following.watch, timeout_s=timeout_s, budget_s=budget_s):
                state = read(folder)
                following.end(trial, state)
                _check_default(state, folder)
            if trials.out_of_time:
                following.say(f"the time of --budget is up, {_ended(read(folder))}; the same line goes on")
        state = read(folder)
        path = folder / "trials.csv"
        with storage_errors(path):
            write_whole(path, trials_csv(state).encode())
        return state

    def _say_which(self, spec: "RunSpec", described: "Descriptions", pipelines: int) -> None:
        from benchmark.tasks.components import pipeline_name

        among = f", the first of the task's {pipelines} pipelines" if pipelines > 1 else ""
        self._print(f"tuning {pipeline_name(spec, described.defaults)}{among}")

    def _say(self, found: "Finding") -> None:
        import msgspec

        from benchmark.report.tuning import print_finding

        if self.flags["as_json"]:
            click.echo(msgspec.json.format(msgspec.json.encode(found), indent=1).decode())
        else:
            print_finding(self.console, found)

    def _print(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


def _check_one(task: "Task", flags: dict[str, tuple[str, ...]]) -> None:
    """There is one pipeline to tune, and one loss to tune it by."""
    from registry.errors import ConfigError

    for kind, given in flags.items():
        if len(given) > 1:
            raise ConfigError(
                f"bench tune tunes one pipeline, received --{kind} {len(given)} times ({', '.join(given)}); "
                "give it once, and the others in calls of their own"
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


def _check_default(state: "State", folder: Path) -> None:
    """What keeps the default from running keeps every trial from it, in this call or in one before."""
    from registry.errors import ConfigError

    if state.trials and state.trials[0].cause in ("data", "plugin"):
        told = state.trials[0].message
        raise ConfigError(f"{told} (trial 0, the default, failed of it: once that is mended, remove {folder})")


def _ended(state: "State") -> str:
    """How many of a search's trials have come to an end, in words, and what was spent on the others."""
    from benchmark.report.wording import duration

    running = [trial for trial in state.trials if trial.status == "running"]
    told = f"{len(state.trials) - len(running)} of at most {state.search.trials} trials have ended"
    spent = duration(sum(trial.duration_s or 0.0 for trial in running))
    return f"{told}, {len(running)} unfinished after {spent}" if running else told


def _check_file(path: Path, task: Path) -> None:
    """The task file can be written before hours are spent on what it will say, and not over the task that is tuned."""
    from benchmark.storage.cache import check_writable
    from registry.errors import ConfigError

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
