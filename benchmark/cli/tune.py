"""`bench tune`: from a pipeline to settings that were searched for, and what they are worth on test."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.request import Request, request_flags

if TYPE_CHECKING:
    from benchmark.config import RunSpec, Task
    from benchmark.crew import Crew
    from benchmark.descriptions import Descriptions
    from benchmark.record import Record, Tuned
    from benchmark.report.tuning import Finding
    from benchmark.runs import Planned
    from benchmark.tuning.search import Search, State
    from benchmark.tuning.subject import Subject

KINDS = ("segmenter", "backbone", "head")
TUNERS = ("hyperband", "bayesian", "random", "grid")


@click.command()
@request_flags
@click.option("--tuner", type=click.Choice(TUNERS), help="Who proposes settings; by default the task's, hyperband.")
@click.option("--trials", type=click.IntRange(min=1), metavar="N", help="At most, that of the default included.")
@click.option("--budget", metavar="TIME", help="Search no longer than that, such as 30m; the same line goes on later.")
@click.option("--timeout", metavar="TIME", help="Kill a trial that takes longer, such as 20m; it has failed.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 2), default=0, show_default=True, help="Of tuner and training.")
@click.option("--json", "as_json", is_flag=True, help="What was found as JSON.")
@click.option(
    "--results",
    envvar="BENCH_RESULTS",
    default="results",
    show_default=True,
    metavar="DIR",
    help="For runs and searches.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="For the task file that is found."
)
@click.pass_context
def command(context: click.Context, **flags: Any) -> None:
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
        from benchmark.crew import Crew
        from benchmark.store import check_writable

        check_writable(self.request.cache, "choose another cache with BENCH_CACHE")
        timeout_s, budget_s = self.request.seconds("timeout"), self.request.seconds("budget")
        environment = {"KERAS_BACKEND": self.request.runtime().backend}
        with self.request.store.in_use(), Crew(1, self.request.cache / "logs", environment) as crew:
            task, subject, described = self._subject(crew)
            search = self._search(task, subject, described)
            check_writable(self.results, "choose another one with --results or BENCH_RESULTS")
            if self.flags["output"]:
                _check_file(self.flags["output"])
            folder = self._folder(subject.spec, search)
            state = self._trials(crew, folder, search, subject, timeout_s, budget_s)
            finding, records = self._finding(crew, folder, state, task, subject, described)
        self._say(finding)
        return int(any(record.status == "failed" for record in records))

    def _subject(self, crew: "Crew") -> "tuple[Task, Subject, Descriptions]":
        """The pipeline that is tuned, on its data."""
        from benchmark.choices import Chosen, choose, resolve
        from benchmark.config import RunSpec
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
        from benchmark.tuning.ranges import space_of
        from benchmark.tuning.search import Search

        tuner, trials = self.flags["tuner"] or task.tuning.tuner, self.flags["trials"] or task.tuning.trials
        space = space_of(subject.spec, task.tuning, described.options, self._said())
        names = ", ".join(dimension.name for dimension in space.dimensions)
        self._print(f"{tuner}, at most {trials} trials of up to {subject.spec.training.epochs} epochs, over {names}")
        return Search(tuner, space, subject.spec.seed, trials, subject.spec.training.epochs, subject.digest())

    def _said(self) -> set[str]:
        """The settings that flags give."""
        from benchmark.tasks import parse_component

        overrides = self.request.overrides()
        tables = {**overrides, **overrides.get("options", {})}
        said = {f"{table}.{key}" for table, keys in tables.items() for key in keys}
        return said | {
            f"{kind}.{key}" for kind in KINDS for one in self.flags[kind] for key in parse_component(one).options
        }

    def _folder(self, spec: "RunSpec", search: "Search") -> Path:
        from benchmark.config import canonical
        from benchmark.parts import run_parts
        from benchmark.provenance import digest

        name = "-".join([*run_parts(spec), search.tuner, digest(canonical(search))[:8]])
        return self.results / "tuning" / spec.task / name

    def _trials(
        self,
        crew: "Crew",
        folder: Path,
        search: "Search",
        subject: "Subject",
        timeout_s: float | None,
        budget_s: float | None,
    ) -> "State":
        """The search after all the trials that there is time for."""
        import msgspec

        from benchmark.tuning.following import Following
        from benchmark.tuning.ledger import locked, read
        from benchmark.tuning.outcome import trials_csv
        from benchmark.tuning.trials import Trials

        with locked(folder, search) as ledger:
            state = ledger.state
        trials = Trials(folder, search, msgspec.to_builtins(subject), crew.workers[0])
        with Following(self.console, search.trials, budget_s) as following:
            following.resume(state)
            for trial in trials.run(following.watch, timeout_s=timeout_s, budget_s=budget_s):
                state = read(folder)
                following.end(trial, state)
                _check_default(trial)
            if trials.out_of_time:
                following.say(f"the time of --budget is up, {_ended(read(folder))}; the same line goes on")
        state = read(folder)
        (folder / "trials.csv").write_text(trials_csv(state), encoding="utf-8")
        return state

    def _finding(
        self, crew: "Crew", folder: Path, state: "State", task: "Task", subject: "Subject", described: "Descriptions"
    ) -> "tuple[Finding, list[Record]]":
        import msgspec

        from benchmark.report.tuning import Finding, side_of
        from benchmark.runs import schedule
        from benchmark.tuning.outcome import changed, tuned

        best = state.best()
        if best is None:
            raise _no_best(state)
        told = tuned(state, subject.spec)
        spec = msgspec.structs.replace(subject.trained(best.values)[0], tuned=told)
        file = self._write(folder, task, spec)
        differing = changed(state, best)
        specs = [subject.spec, spec] if differing else [subject.spec]
        planned = schedule(specs, subject.survey, described, self.request.store, self.results)
        records = self._run(crew, planned, told)
        title = f"{planned[0].pipeline} on {subject.survey.name}, seed {subject.spec.seed}"
        crew.workers[0].ask({"op": "draw", "folder": str(folder), "title": title})
        defaults = state.search.space.defaults()
        select, test = self._differences(planned, records)
        finding = Finding(
            tuned=told,
            metric=task.metric,
            changed={name: [defaults[name], value] for name, value in best.values.items() if name in differing},
            default=side_of(records[0]),
            best=side_of(records[1]) if differing else None,
            select=select,
            test=test,
            file=str(file),
            folder=str(folder),
            again=self._again(file),
        )
        return finding, records

    def _write(self, folder: Path, task: "Task", spec: "RunSpec") -> Path:
        """The task file of what was found."""
        from benchmark.store import storage_errors
        from benchmark.tuning.taskfile import task_file

        path: Path = self.flags["output"] or folder / "tuned.toml"
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(task_file(task, spec, self.flags["dataset"] or task.dataset), encoding="utf-8")
        return path

    def _run(self, crew: "Crew", planned: "list[Planned]", told: "Tuned") -> "list[Record]":
        """The default and the best as ordinary runs; their trainings are those of the trials."""
        import msgspec

        from benchmark.progress import Progress
        from benchmark.records import write

        records = {}
        with Progress(self.console, len(planned)) as progress:
            for what, run, event in crew.run(planned, self.request.store):
                progress.take(what, run, event)
                if what == "end":
                    records[run.plan.run] = event
        if len(planned) > 1:
            best = planned[1]
            record = records[best.plan.run]
            if record.status == "ok" and record.tuned != told:  # found again, by a search of another cost
                records[best.plan.run] = msgspec.structs.replace(record, tuned=told)
                write(records[best.plan.run], best.folder)
        return [records[run.plan.run] for run in planned]

    def _differences(self, planned: "list[Planned]", records: "list[Record]") -> "tuple[Any, Any]":
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

    def _again(self, file: Path) -> str:
        """The line that runs what was found."""
        import shlex

        words = ["bench", "run", "--task", str(file)]
        for flag in ("data", "dataset", "limit"):
            if self.flags[flag] and not (flag == "dataset" and not self.flags["data"]):
                words += [f"--{flag}", str(self.flags[flag])]
        words += [f"--{flag.replace('_', '-')}" for flag in ("skip_bad", "deterministic") if self.flags[flag]]
        words += ["--precision", self.flags["precision"]] if self.flags["precision"] != "float32" else []
        words += ["--seeds", str(self.flags["seed"])] if self.flags["seed"] else []
        return shlex.join(words)

    def _say_which(self, spec: "RunSpec", described: "Descriptions", pipelines: int) -> None:
        from benchmark.parts import pipeline_name

        among = f", the first of the task's {pipelines} pipelines" if pipelines > 1 else ""
        self._print(f"tuning {pipeline_name(spec, described.defaults)}{among}")

    def _say(self, finding: "Finding") -> None:
        import msgspec

        from benchmark.report.tuning import print_finding

        if self.flags["as_json"]:
            click.echo(msgspec.json.format(msgspec.json.encode(finding), indent=1).decode())
        else:
            print_finding(self.console, finding)

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


def _check_default(trial: Any) -> None:
    """What keeps the default from running keeps every trial from it."""
    from registry.errors import ConfigError

    if trial.number == 0 and trial.cause in ("data", "plugin"):
        raise ConfigError(trial.message)


def _ended(state: "State") -> str:
    """How many of a search's trials have come to an end, in words."""
    ended = sum(trial.status != "running" for trial in state.trials)
    return f"{ended} of at most {state.search.trials} trials have ended"


def _check_file(path: Path) -> None:
    """The task file can be written before hours are spent on what it will say."""
    from benchmark.store import check_writable
    from registry.errors import ConfigError

    if path.is_dir():
        raise ConfigError(
            f"-o {path} is a folder; expected the name of a file for the task that is found, as {path}/tuned.toml"
        )
    check_writable(path.parent, "choose another file with -o")


def _no_best(state: "State") -> Exception:
    from registry.errors import DivergedError

    failed = [trial for trial in state.trials if trial.status == "failed"]
    if not failed:
        return DivergedError("no trial has finished within the budget; the same line goes on where this one ended")
    last = failed[-1]
    return DivergedError(
        f"none of {len(state.trials)} trials has finished, the last one failed: {last.cause}, {last.message}"
    )
