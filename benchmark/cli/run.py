"""`bench run`: from a task to an honest comparison."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from benchmark.config import Runtime, Task
    from benchmark.crew import Crew
    from benchmark.record import Record
    from benchmark.runs import Planned

TASKS = Path(__file__).parent.parent / "configs"
if not TASKS.is_dir():  # a checkout: the wheel carries the folder inside the package
    TASKS = TASKS.parent.parent / "configs"

FIGURES = ("gradcam.png", "network-view.png", "masks.png", "curves.png")


@click.command()
@click.option(
    "--task", "task_name", required=True, metavar="NAME|FILE", help="A task's name or a TOML file of your own."
)
@click.option("--data", metavar="DIR", envvar="BENCH_DATA", help="Folder of X-rays; without it, drawn phantom films.")
@click.option("--dataset", metavar="NAME[opts]", help="Which registered dataset reads them; recognised by default.")
@click.option("--segmenter", multiple=True, metavar="NAME[opts]", help="Repeatable; so are the next two.")
@click.option("--backbone", multiple=True, metavar="NAME[opts]", help="Their product is compared.")
@click.option("--head", multiple=True, metavar="NAME[opts]", help="Options: name[option=value,...].")
@click.option(
    "--voter", multiple=True, metavar="NAME[opts]", help="Joins the pipelines, or a task's one-vs-all models."
)
@click.option("--set", "assignments", multiple=True, metavar="TABLE.KEY=VALUE", help="For instance images.size=96.")
@click.option("--seeds", default="0", show_default=True, help="Training seeds, comma-separated.")
@click.option("--folds", type=click.IntRange(2, 20), metavar="K", help="Cross-validate: pooled out-of-fold results.")
@click.option("--limit", type=click.IntRange(min=8), metavar="N", help="About N images: stratified, whole groups.")
@click.option("--epochs", type=click.IntRange(min=1), metavar="N", help="At most, for every network.")
@click.option("--quick/--full", default=None, help="Laptop setting; the default without --data.")
@click.option("--skip-bad", is_flag=True, help="Leave unreadable images out (recorded) instead of stopping.")
@click.option("--deterministic", is_flag=True, help="Same bits each time, at a fixed number of threads.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, metavar="N", help="Workers side by side.")
@click.option("--timeout", metavar="TIME", help="Kill a run that takes longer, such as 20m; it becomes a failed row.")
@click.option("--retry-failed", is_flag=True, help="Run those alone whose last attempt failed.")
@click.option("--plan", "plan_only", is_flag=True, help="Say what would run and what is there already; run nothing.")
@click.option("--json", "as_json", is_flag=True, help="The comparison as JSON.")
@click.option(
    "-o", "--output", envvar="BENCH_RESULTS", default="results", show_default=True, metavar="DIR", help="For results."
)
@click.pass_context
def command(context: click.Context, **flags: Any) -> None:
    """Train, score and explain pipelines on a task, then compare them.

    \b
    bench run --task binary
    bench run --task binary --data DIR --seeds 0,1,2
    bench run --task binary --backbone sepcnn --backbone "xception[cut=36,weights=none]" --head dense
    """
    from benchmark.places import find_task

    find_task(flags["task_name"], TASKS)  # a slip of the pen is told before anything large is imported
    context.exit(_Run(flags).go())


class _Run:
    """One call of the command: its flags, where things lie, and what is said meanwhile."""

    def __init__(self, flags: dict[str, Any]) -> None:
        from rich.console import Console

        from benchmark.places import cache_folder
        from benchmark.store import Store

        self.flags = flags
        self.results = Path(flags["output"])
        self.cache = cache_folder()
        self.store = Store(self.cache)
        self.console = Console(stderr=flags["as_json"])
        self.quick = flags["quick"] if flags["quick"] is not None else flags["data"] is None

    def go(self) -> int:
        """Plan, run what is missing, compare; gives the exit status."""
        from benchmark.crew import Crew
        from benchmark.runs import try_heads
        from benchmark.store import check_writable

        check_writable(self.cache, "choose another cache with BENCH_CACHE")
        timeout_s = self._timeout()
        runtime = self._runtime()
        environment = {"KERAS_BACKEND": runtime.backend}
        with self.store.in_use(), Crew(self.flags["jobs"], self.cache / "logs", environment) as crew:
            worker = crew.workers[0]
            planned = self._plan(worker, runtime)
            if self.flags["retry_failed"]:
                planned = _failed(planned)
            if runtime.deterministic:  # describing may have started the backend, which then takes no other threads
                worker.stop()
            try_heads(planned, worker)
            if self.flags["plan_only"]:
                return self._show_plan(planned)
            self._check_output()
            finished = self._execute(planned, crew, timeout_s)
        self._compare(finished)
        return int(any(record.status == "failed" for _, record in finished))

    def _plan(self, worker: Any, runtime: "Runtime") -> "list[Planned]":
        from benchmark.choices import choose, resolve
        from benchmark.config import DatasetChoice
        from benchmark.descriptions import Descriptions
        from benchmark.progress import surveying
        from benchmark.runs import look, schedule
        from benchmark.tasks import parse_component
        from registry.lookup import find

        seeds = _seeds(self.flags["seeds"])
        name, task, forced = self._task()
        chosen = choose(task, {kind: self.flags[kind] for kind in ("segmenter", "backbone", "head", "voter")}, forced)
        named = self.flags["dataset"] or ("" if self.flags["data"] else task.dataset)
        reader = parse_component(named) if named else None
        if reader:
            find("dataset", reader.name)
        choice = DatasetChoice(
            reader.name if reader else "",
            self.flags["data"],
            reader.options if reader else {},
            self.flags["limit"],
            self.flags["skip_bad"],
        )
        with surveying(self.console) as watch:
            choice, survey = look(worker, choice, task.split.seed, self.cache, watch)
            described = Descriptions(self.cache / "descriptions", worker)
            described.fetch(chosen.components())
        drawn = "" if self.flags["data"] else " (no --data: the built-in films)"
        setting = "quick" if self.quick else "full"
        told = f"{survey.name}{drawn}: {survey.images:,} images, {task.images.size} pixels, {setting} setting"
        self.console.print(told, highlight=False, markup=False, soft_wrap=True)
        specs = resolve(task, name, chosen, choice, survey, described, forced=forced, seeds=seeds, runtime=runtime)
        return schedule(specs, survey, described, self.store, self.results)

    def _task(self) -> "tuple[str, Task, dict[str, dict[str, Any]]]":
        from benchmark.tasks import find_task, merge, parse_assignment, read_task
        from registry.errors import ConfigError

        overrides: dict[str, Any] = {}
        for text in self.flags["assignments"]:
            assignment = parse_assignment(text)
            if "quick" in assignment:
                raise ConfigError(
                    f"--set {text!r}: [quick] is laid over the other tables; set the one meant, or use --full"
                )
            overrides = merge(overrides, assignment)
        forced = overrides.get("options", {})
        if self.flags["folds"]:
            overrides = merge({"split": {"folds": self.flags["folds"]}}, overrides)
        if self.flags["epochs"]:
            epochs = {"epochs": self.flags["epochs"], "minimum_steps": 1}
            overrides = merge({"training": epochs, "segmentation": epochs}, overrides)
        path = find_task(self.flags["task_name"], TASKS)
        task = read_task(path, TASKS / "defaults.toml", quick=self.quick, overrides=overrides)
        return path.stem, task, forced

    def _runtime(self) -> "Runtime":
        import os

        from benchmark.config import Runtime

        deterministic = self.flags["deterministic"]
        threads = max(1, len(os.sched_getaffinity(0)) // self.flags["jobs"])
        return Runtime(_backend(), deterministic, threads if deterministic else None)

    def _check_output(self) -> None:
        """The results can be written before hours are spent on them."""
        from benchmark.store import check_writable

        check_writable(self.results, "choose another one with -o or BENCH_RESULTS")

    def _execute(
        self, planned: "list[Planned]", crew: "Crew", timeout_s: float | None
    ) -> "list[tuple[Planned, Record]]":
        """Every run with its record, in the order of the plan."""
        from benchmark.progress import Progress

        records = {}
        with Progress(self.console, len(planned)) as progress:
            for what, run, told in crew.run(planned, self.store, timeout_s):
                progress.take(what, run, told)
                if what == "end":
                    records[run.plan.run] = told
        return [(run, records[run.plan.run]) for run in planned]

    def _show_plan(self, planned: "list[Planned]") -> int:
        from benchmark.progress import print_plan

        if self.flags["as_json"]:
            import msgspec

            told = [
                {"run": one.plan.run, "pipeline": one.pipeline, "state": one.state, "to_build": one.to_build}
                for one in planned
            ]
            click.echo(msgspec.json.encode({"runs": told}).decode())
        else:
            print_plan(self.console, planned)
        return 0

    def _compare(self, finished: "list[tuple[Planned, Record]]") -> None:
        from benchmark.cli.compare import paired_difference
        from benchmark.compare import compare
        from benchmark.report.plain import to_json
        from benchmark.report.terminal import print_comparison

        folders = {record.run: run.folder for run, record in finished}
        difference = paired_difference(lambda record: folders[record.run])
        comparison = compare([record for _, record in finished], metric=None, difference=difference)
        if self.flags["as_json"]:
            click.echo(to_json(comparison), nl=False)
            return
        print_comparison(self.console, comparison)
        self._show_samples(finished)

    def _show_samples(self, finished: "list[tuple[Planned, Record]]") -> None:
        """Samples of the maps of every pipeline's first run, under the table."""
        import json

        from benchmark.report.blocks import blocks

        colour = self.console.color_system is not None and not self.console.no_color
        shown: set[str] = set()
        for run, record in finished:
            path = run.folder / "gradcam.json"
            if colour and record.status == "ok" and record.pipeline_digest not in shown and path.is_file():
                shown.add(record.pipeline_digest)
                heading = f"\n{record.map_method} · {run.label}"
                self.console.print(heading, highlight=False, markup=False, soft_wrap=True)
                pictures = json.loads(path.read_bytes())
                self.console.print(blocks(pictures, self.console.width, colour=colour), end="", soft_wrap=True)
        self._say_where(finished)

    def _say_where(self, finished: "list[tuple[Planned, Record]]") -> None:
        """Where everything is, and how to try again what failed."""
        places = ", ".join(dict.fromkeys(str(run.folder.parent) for run, _ in finished))
        there = [name for name in FIGURES if any((run.folder / name).is_file() for run, _ in finished)]
        what = f"Records, models and figures ({', '.join(there)})" if there else "Records"
        self.console.print(f"\n{what}: {places}", highlight=False, soft_wrap=True)
        failed = sum(record.status == "failed" for _, record in finished)
        if failed:
            runs = "1 run" if failed == 1 else f"{failed} runs"
            again = f"{runs} failed; the same line runs what is missing, --retry-failed what failed alone."
            self.console.print(again, highlight=False, soft_wrap=True)

    def _timeout(self) -> float | None:
        from benchmark.durations import parse_duration

        return parse_duration(self.flags["timeout"], "--timeout") if self.flags["timeout"] else None


def _failed(planned: "list[Planned]") -> "list[Planned]":
    """The runs whose last attempt failed, and what is pooled of them."""
    names = {run.plan.run for run in planned if run.state == "failed"}
    chosen = [run for run in planned if run.plan.run in names or any(fold.plan.run in names for fold in run.folds)]
    if not chosen:
        click.echo("bench: none of these runs has failed, so there is nothing to retry", err=True)
        raise SystemExit(3)
    return chosen


def _backend() -> str:
    import os
    from importlib.machinery import PathFinder

    from benchmark.keys import BACKEND_LIBRARIES
    from registry.errors import ConfigError, unknown_name

    backend = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if backend not in BACKEND_LIBRARIES:
        raise unknown_name("Keras backend", backend, BACKEND_LIBRARIES, "KERAS_BACKEND")
    if PathFinder.find_spec(BACKEND_LIBRARIES[backend]) is None:
        raise ConfigError(f"KERAS_BACKEND is {backend!r}, which is not installed; pip install 'cxr-bench[{backend}]'")
    return backend


def _seeds(text: str) -> list[int]:
    from registry.errors import ConfigError

    try:
        seeds = [int(part) for part in text.split(",")]
    except ValueError:
        seeds = []
    if not seeds or min(seeds) < 0 or max(seeds) >= 2**32 or len(set(seeds)) != len(seeds):
        raise ConfigError(
            f"--seeds {text!r} cannot be used; expected different whole numbers from 0 to {2**32 - 1}, such as 0,1,2"
        )
    return seeds
