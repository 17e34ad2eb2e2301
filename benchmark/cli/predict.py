"""`bench predict`: what a finished run says of images."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli import completing
from benchmark.cli.flags import screen
from benchmark.cli.group import Once
from benchmark.cli.waiting import waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.execution.image_files import ImageFile
    from benchmark.execution.predicting import Engine, Pipeline
    from benchmark.execution.streaming import Predicted
    from benchmark.records.prediction import Answered
    from benchmark.records.record import Record
    from benchmark.report.display import ConsoleDisplay

FOLDER, TABLE = "predictions", "predictions.csv"


@click.command(cls=Once)
@click.argument("images", metavar="IMAGE|FOLDER...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--run",
    "run",
    required=True,
    metavar="RUN",
    shell_complete=completing.runs,
    help="Folder of a run, or the beginning of its name.",
)
@click.option("-o", "--output", metavar="DIR", help="For pictures and the table.  [default: predictions/RUN]")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.option("--no-map", is_flag=True, help="No heat maps and no pictures, which take longer than all else.")
def command(images: tuple[Path, ...], run: str, output: str | None, as_json: bool, no_map: bool) -> int:
    """Predict IMAGE, or every image below FOLDER, by a finished run; not for diagnosis.

    \b
    bench predict film.png --run results/binary/unet-sepcnn-dense-s0-f0-e047cdfd
    bench predict FOLDER --run unet-sepcnn-dense-s0 --no-map --json

    Images are prepared, masked and calibrated as the run's own were, and decided by its rule.  A picture of each shows
    the film, its mask, and a heat map of the class decided; folders get a table, predictions.csv.  Masks that cannot be
    two lungs, and images unlike those that the run learnt from, are told.  With --no-map ONNX Runtime computes where
    it is installed and gives what Keras gives; it starts sooner, and who computed is said.

    Exit code 1: an image cannot be used (its line says why); 2: usage or input; 5: the run was changed.
    """

    from benchmark.execution.image_files import image_files
    from benchmark.execution.predicting import loaded
    from benchmark.records.places import results_folder, run_folder
    from benchmark.report.opening import left_aside
    from benchmark.storage.places import cache_folder
    from benchmark.storage.refusals import check_writable

    _, display = screen(as_json)
    folder = run_folder(run, results_folder())
    with loaded(folder, cache_folder()) as pipeline:
        target = Path(output or Path(FOLDER, pipeline.record.run)).absolute()
        listing = image_files(images, target)
        tabled = output is not None or len(listing.images) > 1 or any(path.is_dir() for path in images)
        if tabled or not no_map:
            check_writable(target, "choose another folder with -o")
        if listing.passed_over:
            display.note(f"passed over: {'; '.join(map(left_aside, listing.passed_over))}")
        return _predict(pipeline, listing.images, target, display, maps=not no_map, tabled=tabled, as_json=as_json)


def _predict(
    pipeline: "Pipeline",
    images: "Sequence[ImageFile]",
    target: Path,
    display: "ConsoleDisplay",
    *,
    maps: bool,
    tabled: bool,
    as_json: bool,
) -> int:
    from benchmark.execution.quick import keras_of, quickened
    from benchmark.execution.streaming import opened, predicted
    from benchmark.report import predictions as words

    record = pipeline.record
    with waiting(f"loading {record.pipeline}") as loading:
        engine = keras_of(pipeline) if maps else quickened(pipeline, loading.watch)
        answered = opened(pipeline)
    _open(record, answered, engine, display)
    done: list[Predicted] = []
    try:
        with waiting("predicting") as patience:
            patience.tell("", 0, len(images))
            for piece in predicted(pipeline, images, target if maps else None):
                done += piece
                patience.tell("", len(done), len(images))
    finally:
        if tabled and done:
            _write(target / TABLE, words.predictions_csv(record, done))
    for line in words.lines_of(record, done):
        display.say(line)
    display.say(words.summary(record, done))
    output = str(target) if tabled or any(one.picture for one in done) else ""
    if output:
        display.say(f"Written to {output}")
    if as_json:
        click.echo(words.predictions_json(record, str(pipeline.folder), output, answered, engine, done))
    return int(any(one.answer.problem for one in done))


def _open(record: "Record", answered: "Answered", engine: "Engine", display: "ConsoleDisplay") -> None:
    """Say what must be known before any number."""
    from benchmark.report import predictions as words

    if engine.refusal:
        display.note(f"ONNX Runtime does not predict here: {engine.refusal}; {engine.name} does")
    for line in words.opening(record, answered, engine):
        display.say(line)


def _write(path: Path, text: str) -> None:
    from benchmark.storage.files import write_whole
    from benchmark.storage.refusals import storage_errors

    with storage_errors(path):
        write_whole(path, text.encode("utf-8"))
