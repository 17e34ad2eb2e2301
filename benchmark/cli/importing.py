"""`bench import`: predictions of other programs beside runs of our own."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.flags import request_flags, request_of, results_flag, screen
from benchmark.cli.group import Once
from benchmark.cli.waiting import waiting

if TYPE_CHECKING:
    from benchmark.execution.importing import Import
    from benchmark.planning.request import Request
    from benchmark.tasks.spec import Classifier

OUTPUTS = "--outputs"
OF_CLASSIFIER = {  # parameter -> flag
    "value_range": "--range", "size": "--size", "channels": "--channels", "classes": "--classes", "outputs": OUTPUTS,
}  # fmt: skip
UNUSED = ("segmenter", "backbone", "head", "epochs", "precision", "deterministic")


@click.command(cls=Once)
@click.argument("files", metavar="[FILE...]", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--onnx",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A whole classifier makes the predictions, one file for each training seed; with the next five.",
)
@click.option(
    "--range", "value_range", metavar="RANGE", help="What grey levels become: 0..1, -1..1, 0..255 or mean,deviation."
)
@click.option("--size", type=click.IntRange(16, 2048), metavar="N", help="Side of its images in pixels.")
@click.option("--channels", type=click.Choice(["1", "3"]), help="Of its images; three hold the same grey.")
@click.option(
    "--classes",
    metavar="CLASS,...",
    help="Its columns: every class of the task, in its order; a single answer is the second's.",
)
@click.option("--outputs", type=click.Choice(["logits", "probabilities"]), help="What it answers.  [default: logits]")
@click.option("--name", required=True, metavar="TEXT", help="What tables call the model.")
@click.option(
    "--shares",
    type=click.Choice(["equal", "training"]),
    help="Class shares that the probabilities refer to; by default they are taken as they are.",
)
@click.option("--seeds", metavar="N,...", help="Of each file's training; 0, 1, 2 in the order of files by default.")
@request_flags(*UNUSED)
@click.option("--json", "as_json", is_flag=True, help="The comparison as JSON.")
@results_flag
@click.pass_context
def command(context: click.Context, /, **flags: Any) -> None:
    """Bring the predictions of another program, CSV files, into the tables of a task, one FILE for each training seed.

    \b
    bench import predictions.csv --task binary --data DIR --name "their model"
    bench import first.csv second.csv --task binary --data DIR --name "their model"
    bench import --onnx FILE --range 0..1 --size 224 --channels 3 --classes COVID,Non-COVID --task binary --data DIR
        --name "their model"

    Columns: id, and one for each class with its probability; `bench data split` writes the ids.  Where a file holds
    the images of select and fit beside those of test, it is calibrated as every row is; with test images alone the
    likeliest class is decided as it stands.  Intervals, tests and controls are those of any row; there is no mask and
    no map.
    """
    files = _files(flags)
    count = len(files)
    request = request_of({**flags, "seeds": flags["seeds"] or ",".join(map(str, range(count)))}, flags["output"])

    from benchmark.execution.importing import Import, check_import

    how = {"classifier": _classifier(flags), "size": flags["size"]} if flags["onnx"] else {}
    asked = Import(name=flags["name"], files=files, shares=flags["shares"], **how)
    check_import(asked, request)
    context.exit(_imported(asked, request, flags["as_json"]))


def _files(flags: dict[str, Any]) -> tuple[Path, ...]:
    """What is imported; tables of predictions, or classifiers with all that they need."""
    tables, networks = flags["files"], flags["onnx"]
    if bool(tables) == bool(networks):
        received = "both" if tables else "none"
        raise click.UsageError(
            f"expected files of predictions, such as predictions.csv, or --onnx FILE, received {received}"
        )
    given = [name for name in OF_CLASSIFIER if flags[name] is not None]
    if tables and given:
        raise click.UsageError(f"{OF_CLASSIFIER[given[0]]} is of --onnx FILE, and predictions need none of it")
    lacking = [flag for name, flag in OF_CLASSIFIER.items() if flags[name] is None and flag != OUTPUTS]
    if networks and lacking:
        raise click.UsageError(f"--onnx needs {', '.join(lacking)}: how the file's images and columns are meant")
    files: tuple[Path, ...] = tables or networks
    return files


def _classifier(flags: dict[str, Any]) -> "Classifier":
    from benchmark.tasks.spec import Classifier

    order = [name.strip() for name in flags["classes"].split(",")]
    return Classifier(flags["value_range"], int(flags["channels"]), flags["outputs"] or "logits", order)  # type: ignore[arg-type]


def _imported(asked: "Import", request: "Request", as_json: bool) -> int:
    """Import, and show what came of it; gives the exit status."""
    from benchmark.comparison.collect import of_runs
    from benchmark.comparison.statistics import family
    from benchmark.execution.importing import imported_runs
    from benchmark.execution.session import executed, opened
    from benchmark.planning.request import check_folders
    from benchmark.report.export import to_json
    from benchmark.report.runs import print_runs

    console, display = screen(as_json)
    check_folders(request, "-o or BENCH_RESULTS")
    with opened(request, display) as session:
        finished = executed(session, imported_runs(session, asked))
    with waiting("comparing"):
        folders = {record.run: run.folder for run, record in finished}
        comparison = of_runs(folders, [record for _, record in finished], family)
    if as_json:
        click.echo(to_json(comparison), nl=False)
    else:
        print_runs(console, comparison, finished)
        display.say(f"bench compare {request.results} shows it; runs on the same images stand beside it there.")
    return int(any(record.status == "failed" and not run.of_controls for run, record in finished))
