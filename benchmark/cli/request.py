"""What a command line asks for: a task, the data, a setting; shared by the commands that train."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from benchmark.execution.process import Worker
    from benchmark.planning.components import Descriptions
    from benchmark.planning.resolve import Chosen
    from benchmark.records.summary import Survey
    from benchmark.tasks.schema import Task
    from benchmark.tasks.spec import DatasetChoice, Runtime

TASKS = Path(__file__).parent.parent / "configs"
if not TASKS.is_dir():  # a checkout: the wheel carries the folder inside the package
    TASKS = TASKS.parent.parent / "configs"

AUTO = "auto"  # of --precision


class _TaskName(click.types.StringParamType):
    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:
        """What to do next, which click adds to its own words."""
        return "`bench list tasks` shows the tasks; say one, as --task binary, or a TOML file of your own"


FLAGS = {
    "task_name": click.option(
        "--task",
        "task_name",
        type=_TaskName(),
        required=True,
        metavar="NAME|FILE",
        help="A task's name or a TOML file of your own.",
    ),
    "data": click.option(
        "--data", metavar="DIR", envvar="BENCH_DATA", help="Folder of X-rays; without it, drawn phantom films."
    ),
    "dataset": click.option(
        "--dataset", metavar="NAME[opts]", help="Which registered dataset reads them; recognised by default."
    ),
    "segmenter": click.option(
        "--segmenter", multiple=True, metavar="NAME[opts]", help="Instead of the task's own; so the next two."
    ),
    "backbone": click.option(
        "--backbone", multiple=True, metavar="NAME[opts]", help="Options: name[option=value,...]."
    ),
    "head": click.option("--head", multiple=True, metavar="NAME[opts]", help="See: bench list."),
    "assignments": click.option(
        "--set", "assignments", multiple=True, metavar="TABLE.KEY=VALUE", help="For instance images.size=96."
    ),
    "limit": click.option(
        "--limit", type=click.IntRange(min=8), metavar="N", help="About N images: stratified, whole groups."
    ),
    "epochs": click.option("--epochs", type=click.IntRange(min=1), metavar="N", help="At most, for every network."),
    "quick": click.option("--quick/--full", default=None, help="Laptop setting; the default without --data."),
    "skip_bad": click.option(
        "--skip-bad", is_flag=True, help="Leave unreadable images out (recorded) instead of stopping."
    ),
    "precision": click.option(
        "--precision",
        type=click.Choice(["float32", "mixed_bfloat16", "mixed_float16", "auto"]),
        default="float32",
        show_default=True,
        help="Of the networks that are trained; auto: what the device does well, and says so.",
    ),
    "deterministic": click.option(
        "--deterministic", is_flag=True, help="Same bits each time, at a fixed number of threads."
    ),
}

RESULTS = "results"

results_flag = click.option(
    "-o", "--output", envvar="BENCH_RESULTS", default=RESULTS, show_default=True, metavar="DIR", help="For results."
)


def request_flags(*without: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds the flags that a `Request` reads to a command, but for some."""

    def adding(function: Callable[..., Any]) -> Callable[..., Any]:
        for name, flag in reversed(FLAGS.items()):
            function = function if name in without else flag(function)
        return function

    return adding


class Request:
    """The flags of one call of a command that trains, where things lie, and where it says what it does.

    Flags that a command does not have are as if they were not given.
    """

    def __init__(self, flags: dict[str, Any]) -> None:
        from benchmark.storage.places import cache_folder, find_task

        self.path = find_task(flags["task_name"], TASKS)  # a slip of the pen is told before anything large is imported

        from rich.console import Console

        from benchmark.storage.cache import Store
        from benchmark.storage.code import CodeIndex

        self.flags = flags
        self.console = Console(stderr=flags["as_json"])
        self.cache = cache_folder()
        self.index = CodeIndex(self.cache)
        self.store = Store(self.cache)
        self.quick = flags["quick"] if flags["quick"] is not None else flags["data"] is None

    def task(self) -> "tuple[str, Task, dict[str, dict[str, Any]]]":
        """The task's name, the task with the flags in it, and kind -> the options that --set forces."""
        from benchmark.tasks.reading import merge, read_task

        overrides = self.overrides()
        forced = overrides.get("options", {})
        if self.flags.get("folds"):
            overrides = merge({"split": {"folds": self.flags["folds"]}}, overrides)
        if self.flags.get("epochs"):
            epochs = {"epochs": self.flags["epochs"], "minimum_steps": 1}
            overrides = merge({"training": epochs, "segmentation": epochs}, overrides)
        task = read_task(self.path, TASKS / "defaults.toml", quick=self.quick, overrides=overrides)
        return self.path.stem, task, forced

    def overrides(self) -> dict[str, Any]:
        """The tables that --set gives."""
        from benchmark.tasks.reading import merge, parse_assignment
        from registry.errors import ConfigError

        overrides: dict[str, Any] = {}
        for text in self.flags["assignments"]:
            assignment = parse_assignment(text)
            if "quick" in assignment:
                raise ConfigError(
                    f"--set {text!r}: [quick] is laid over the other tables; set the one meant, or use --full"
                )
            overrides = merge(overrides, assignment)
        return overrides

    def runtime(self, jobs: int = 1) -> "Runtime":
        """The backend, and how many threads each of so many workers has where bits must repeat.

        The precision is the one that is asked for, and for `settled` to find where that is ``auto``.
        """
        import os

        import msgspec

        from benchmark.planning.backend import keras_backend
        from benchmark.tasks.spec import Runtime

        deterministic = self.flags.get("deterministic", False)
        threads = max(1, len(os.sched_getaffinity(0)) // jobs)
        found = Runtime(keras_backend(), deterministic, threads if deterministic else None)
        asked = self.flags["precision"]
        return found if asked == AUTO else msgspec.structs.replace(found, precision=asked)

    def settled(self, runtime: "Runtime", worker: "Worker") -> "Runtime":
        """The runtime with the precision that the worker's device does well, where that was asked for; says which."""
        import msgspec

        if self.flags["precision"] != AUTO:
            return runtime
        from benchmark.execution.protocol import Device, Found

        told = worker.ask(Device(), Found)
        say = f"precision {told.precision}, chosen for {told.device}"
        self.console.print(say, highlight=False, markup=False, soft_wrap=True)
        return msgspec.structs.replace(runtime, precision=told.precision)

    def check_folders(self, results: Path, flag: str, *, writes: bool = True) -> None:
        """Cache and results can be written, said before anything is looked at and hours are spent.

        Args:
            flag: which says where the results go.
            writes: whether there will be results.

        Raises:
            StorageError: they cannot.
        """
        from benchmark.storage.cache import check_writable

        check_writable(self.cache, "choose another cache with BENCH_CACHE")
        if writes or results.is_file():
            check_writable(results, f"choose another one with {flag} or BENCH_RESULTS")

    def look(self, worker: "Worker", task: "Task", chosen: "Chosen") -> "tuple[DatasetChoice, Survey, Descriptions]":
        """The data, what a look at them tells, and the chosen components' descriptions; says what the data are."""
        from benchmark.execution.protocol import Look, Seen
        from benchmark.planning.components import Descriptions
        from benchmark.report.progress import surveying

        with surveying(self.console) as watch:
            seen = worker.ask(Look(self._dataset(task), task.split.seed, str(self.cache)), Seen, watch)
            choice, survey = seen.dataset, seen.survey
            described = Descriptions(self.cache / "descriptions", worker, self.index)
            described.fetch(chosen.components())
        drawn = "" if self.flags["data"] else " (no --data: the built-in films)"
        told = (
            f"{survey.name}{drawn}: {survey.images:,} images, {task.images.size} pixels, {self._setting(task)} setting"
        )
        self.console.print(told, highlight=False, markup=False, soft_wrap=True)
        return choice, survey, described

    def seconds(self, flag: str) -> float | None:
        """What a flag such as --timeout says; None where it is not given."""
        from benchmark.cli.durations import parse_duration

        return parse_duration(self.flags[flag], f"--{flag}") if self.flags[flag] else None

    def _dataset(self, task: "Task") -> "DatasetChoice":
        from benchmark.tasks.reading import parse_component
        from benchmark.tasks.spec import DatasetChoice
        from registry.lookup import find

        named = self.flags["dataset"] or ("" if self.flags["data"] else task.dataset)
        reader = parse_component(named) if named else None
        if reader:
            find("dataset", reader.name)
        return DatasetChoice(
            reader.name if reader else "",
            self.flags["data"],
            reader.options if reader else {},
            self.flags["limit"],
            self.flags["skip_bad"],
        )

    def _setting(self, task: "Task") -> str:
        return "tuned" if task.tuned else "quick" if self.quick else "full"
