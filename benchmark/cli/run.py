"""`bench run`: from a task to an honest comparison."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from benchmark.config import Runtime, Task
    from benchmark.records import Record
    from benchmark.runs import Planned

TASKS = Path(__file__).parent.parent / "configs"
if not TASKS.is_dir():  # a checkout: the wheel carries the folder inside the package
    TASKS = TASKS.parent.parent / "configs"


@click.command()
@click.option(
    "--task", "task_name", required=True, metavar="NAME|FILE", help="A task's name or a TOML file of your own."
)
@click.option("--data", metavar="DIR", envvar="BENCH_DATA", help="Folder of X-rays; without it, drawn phantom films.")
@click.option("--dataset", metavar="NAME[opts]", help="Which registered dataset reads them; recognised by default.")
@click.option("--segmenter", multiple=True, metavar="NAME[opts]", help="Repeatable; so are the next two.")
@click.option("--backbone", multiple=True, metavar="NAME[opts]", help="Their product is compared.")
@click.option("--head", multiple=True, metavar="NAME[opts]", help="Options: name[option=value,...].")
@click.option("--set", "assignments", multiple=True, metavar="TABLE.KEY=VALUE", help="For instance images.size=96.")
@click.option("--seeds", default="0", show_default=True, help="Training seeds, comma-separated.")
@click.option("--limit", type=click.IntRange(min=8), metavar="N", help="About N images: stratified, whole groups.")
@click.option("--epochs", type=click.IntRange(min=1), metavar="N", help="At most, for every network.")
@click.option("--quick/--full", default=None, help="Laptop setting; the default without --data.")
@click.option("--skip-bad", is_flag=True, help="Leave unreadable images out (recorded) instead of stopping.")
@click.option("--deterministic", is_flag=True, help="Same bits each time, at a fixed number of threads.")
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
        from benchmark.executor import Worker

        runtime = self._runtime()
        with Worker(self.cache / "logs", {"KERAS_BACKEND": runtime.backend}) as worker:
            planned = self._plan(worker, runtime)
            if runtime.deterministic:  # describing may have started the backend, which then takes no other threads
                worker.stop()
            if self.flags["plan_only"]:
                return self._show_plan(planned)
            self._check_output()
            records = self._execute(planned, worker)
        self._compare(planned, records)
        return int(any(record.status == "failed" for record in records))

    def _plan(self, worker: Any, runtime: "Runtime") -> "list[Planned]":
        from benchmark.config import DatasetChoice
        from benchmark.descriptions import Descriptions
        from benchmark.progress import surveying
        from benchmark.runs import KINDS, choose_pipelines, look, resolve, schedule
        from benchmark.tasks import parse_component
        from registry.lookup import find

        seeds = _seeds(self.flags["seeds"])
        name, task, forced = self._task()
        chosen = choose_pipelines(task, {kind: self.flags[kind] for kind in KINDS}, forced)
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
            described.fetch((kind, component.name) for parts in chosen for kind, component in parts.items())
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
        return Runtime(_backend(), deterministic, len(os.sched_getaffinity(0)) if deterministic else None)

    def _check_output(self) -> None:
        """The results can be written before hours are spent on them."""
        from benchmark.store import check_writable

        check_writable(self.results, "choose another one with -o or BENCH_RESULTS")

    def _execute(self, planned: "list[Planned]", worker: Any) -> "list[Record]":
        from benchmark.progress import Progress
        from benchmark.records import read
        from benchmark.runs import execute

        records = []
        with Progress(self.console, planned) as progress:
            for run in planned:
                progress.begin(run)
                if run.state == "cached":
                    records.append(read(run.folder / "result.json"))
                else:
                    records.append(execute(run, worker, self.store, progress.watch))
                progress.end(run, records[-1])
        return records

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

    def _compare(self, planned: "list[Planned]", records: "list[Record]") -> None:
        from benchmark.cli.compare import paired_difference
        from benchmark.compare import compare
        from benchmark.report.plain import to_json
        from benchmark.report.terminal import print_comparison

        folders = {record.run: run.folder for run, record in zip(planned, records, strict=True)}
        comparison = compare(records, metric=None, difference=paired_difference(lambda record: folders[record.run]))
        if self.flags["as_json"]:
            click.echo(to_json(comparison), nl=False)
            return
        print_comparison(self.console, comparison)
        self._show_samples(planned, records)

    def _show_samples(self, planned: "list[Planned]", records: "list[Record]") -> None:
        """Grad-CAM samples of the first seed of every pipeline, under the table."""
        import json

        from benchmark.report.blocks import blocks

        colour = self.console.color_system is not None and not self.console.no_color
        shown: set[str] = set()
        for run, record in zip(planned, records, strict=True):
            path = run.folder / "gradcam.json"
            if colour and record.status == "ok" and record.pipeline_digest not in shown and path.is_file():
                shown.add(record.pipeline_digest)
                heading = f"\nGrad-CAM · {record.pipeline} · seed {record.seed}"
                self.console.print(heading, highlight=False, markup=False, soft_wrap=True)
                pictures = json.loads(path.read_bytes())
                self.console.print(blocks(pictures, self.console.width, colour=colour), end="", soft_wrap=True)
        place = self.results / planned[0].spec.task
        told = f"\nRecords, models and figures (gradcam.png, network-view.png, masks.png, curves.png): {place}"
        self.console.print(told, highlight=False, soft_wrap=True)


def _backend() -> str:
    import os
    from importlib.machinery import PathFinder

    from benchmark.plan import BACKEND_LIBRARIES
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
