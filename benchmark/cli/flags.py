"""The flags of commands that train or measure, and the request that they make."""

import shlex
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli import completing

if TYPE_CHECKING:
    from rich.console import Console

    from benchmark.planning.request import Request
    from benchmark.report.display import ConsoleDisplay

RESULTS = "results"
SAME = (  # flags that are fields of a request
    "data", "dataset", "ignore", "segmenter", "backbone", "head", "voter", "limit", "skip_bad",
    "allow_format_differences", "quick", "epochs", "folds", "precision", "deterministic", "jobs",
)  # fmt: skip
SEEDS = 2**32  # each lies below


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
        shell_complete=completing.tasks,
        help="A task's name or a TOML file of your own.",
    ),
    "data": click.option(
        "--data",
        metavar="DIR",
        envvar="BENCH_DATA",
        shell_complete=completing.folders,
        help="Folder of X-rays; without it, synthetic radiographs.",
    ),
    "dataset": click.option(
        "--dataset",
        metavar="NAME[opts]",
        shell_complete=completing.components("dataset"),
        help="Which registered dataset reads them; recognised by default.",
    ),
    "ignore": click.option(
        "--ignore", multiple=True, metavar="LABEL", help="Leave images of this label out (recorded)."
    ),
    "segmenter": click.option(
        "--segmenter",
        multiple=True,
        metavar="NAME[opts]",
        shell_complete=completing.components("segmenter"),
        help="Instead of the task's own; so the next two.",
    ),
    "backbone": click.option(
        "--backbone",
        multiple=True,
        metavar="NAME[opts]",
        shell_complete=completing.components("backbone"),
        help="Options: name[option=value,...].",
    ),
    "head": click.option(
        "--head",
        multiple=True,
        metavar="NAME[opts]",
        shell_complete=completing.components("head"),
        help="See: bench list.",
    ),
    "assignments": click.option(
        "--set", "assignments", multiple=True, metavar="TABLE.KEY=VALUE", help="For instance images.size=96."
    ),
    "limit": click.option(
        "--limit", type=click.IntRange(min=8), metavar="N", help="About N images: stratified, whole groups."
    ),
    "epochs": click.option(
        "--epochs", type=click.IntRange(min=1), metavar="N", help="Exactly so many, of every network."
    ),
    "quick": click.option("--quick/--full", default=None, help="Laptop setting; the default without --data."),
    "skip_bad": click.option(
        "--skip-bad", is_flag=True, help="Leave unreadable images out (recorded) instead of stopping."
    ),
    "allow_format_differences": click.option(
        "--allow-format-differences",
        is_flag=True,
        help="Go on where the format of the files (PNG, JPEG, ...) alone tells a class (recorded).",
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

engine_flag = click.option(
    "--engine",
    default="local",
    show_default=True,
    metavar="NAME[opts]",
    help="Who holds the workers: local, ray or slurm, as slurm[partition=gpu,slots=8].",
)

results_flag = click.option(
    "-o",
    "--output",
    envvar="BENCH_RESULTS",
    default=RESULTS,
    show_default=True,
    metavar="DIR",
    shell_complete=completing.folders,
    help="For results.",
)


def request_flags(*without: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds the flags that every request has to a command, but for some."""

    def adding(function: Callable[..., Any]) -> Callable[..., Any]:
        for name, flag in reversed(FLAGS.items()):
            function = function if name in without else flag(function)
        return function

    return adding


def request_of(flags: dict[str, Any], results: str) -> "Request":
    """What a command's flags ask for; flags that a command does not have are as if they were not given.

    Args:
        results: folder of the records.

    Raises:
        BenchError: a flag's value cannot be read, or there is no such task.
    """
    from benchmark.storage.places import cache_folder
    from benchmark.tasks.places import find_task

    find_task(flags["task_name"])  # a typo is reported before anything large is imported

    from benchmark.execution.engines import engine_of
    from benchmark.planning.request import requested

    engine = flags.get("engine", "local")

    return requested(
        task=flags["task_name"],
        cache=str(cache_folder()),
        results=results,
        settings=flags["assignments"],
        seeds=(flags["seed"],) if "seed" in flags else _seeds(flags.get("seeds", "0")),
        timeout_s=seconds(flags, "timeout"),
        engine="local" if flags.get("plan_only") else engine,
        cores=engine_of(engine).cores,
        line=tuple(sys.argv[1:]),
        **{name: flags[name] for name in SAME if name in flags},
    )


def seconds(flags: dict[str, Any], name: str) -> float | None:
    """What a flag such as --timeout says; None where it is not given."""
    from benchmark.planning.durations import parse_duration

    return parse_duration(flags[name], f"--{name}") if flags.get(name) else None


def screen(as_data: bool) -> "tuple[Console, ConsoleDisplay]":
    """Where a command shows what it does: standard error where its answer is data, else standard output."""
    from rich.console import Console

    from benchmark.report.display import ConsoleDisplay

    console = Console(stderr=as_data)
    return console, ConsoleDisplay(console)


def line_of(request: "Request", file: str, backend: str) -> str:
    """The line that runs the task in a file on what a request asks for: same backend, data, precision and folder."""
    from benchmark.planning.backend import DEFAULT

    words = [f"KERAS_BACKEND={backend}"] if backend != DEFAULT else []
    words += ["bench", "run", "--task", file]
    words += ["-o", request.results] if request.results != RESULTS else []
    if request.data:
        words += ["--data", request.data]
        words += ["--dataset", request.dataset] if request.dataset else []
    words += [word for label in request.ignore for word in ("--ignore", label)]
    words += ["--limit", str(request.limit)] if request.limit else []
    words += ["--skip-bad"] * request.skip_bad + ["--deterministic"] * request.deterministic
    words += ["--allow-format-differences"] * request.allow_format_differences
    words += ["--precision", request.precision] if request.precision != "float32" else []
    words += ["--seeds", ",".join(map(str, request.seeds))] if request.seeds != (0,) else []
    return shlex.join(words)


def _seeds(text: str) -> tuple[int, ...]:
    from registry.errors import ConfigError

    try:
        seeds = tuple(int(part) for part in text.split(","))
    except ValueError:
        seeds = ()
    if not seeds or min(seeds) < 0 or max(seeds) >= SEEDS or len(set(seeds)) != len(seeds):
        raise ConfigError(
            f"--seeds {text!r} cannot be used; expected different whole numbers from 0 to {SEEDS - 1}, such as 0,1,2"
        )
    return seeds
