"""`bench data split`: which image a run would train on, and which it would be tested on, for other programs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.flags import request_flags, request_of, screen
from benchmark.cli.group import Once

if TYPE_CHECKING:
    from benchmark.execution.dividing import Division

UNUSED = ("segmenter", "backbone", "head", "epochs", "precision", "deterministic")


@click.command(cls=Once, short_help="Say which images a task trains on and is tested on.")
@request_flags(*UNUSED)
@click.option("--folds", type=click.IntRange(2, 20), metavar="K", help="Of a cross-validation.")
@click.option(
    "--fold", type=click.IntRange(min=0), metavar="N", help="Whose test part it is, of several folds, from 0."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="A CSV file; else it is printed.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def split(**flags: Any) -> None:
    """Say of every image that a task uses whether runs train on it or are tested on it.

    \b
    bench data split --task binary --data DIR -o split.csv

    Columns: id, path (from DIR; empty where the image has no file), class, group (images of one patient, and copies of
    one film), label, source, and part: train, select (validation: when to stop, which settings), fit (calibration,
    thresholds) and test.  Runs of the same task, data and flags have exactly this split, and `bench import` brings what
    another program then says of these images into their tables.

    A cell that a spreadsheet would take for a formula begins with an apostrophe; a path of such a name begins with ./.
    """
    request = request_of(flags, "results")

    from benchmark.execution.dividing import divided, posed
    from benchmark.execution.session import opened
    from benchmark.storage.refusals import check_can_be_written, check_writable

    check_writable(Path(request.cache), "choose another cache with BENCH_CACHE")
    output: Path | None = flags["output"]
    if output:
        check_can_be_written(output.absolute().parent, "choose another file with -o")
    _, display = screen(output is None)
    with opened(request, display) as session:
        found = divided(session, posed(session, flags["fold"]))
    _write(found, output, flags["as_json"])
    display.say(_told(found, output))


def _write(found: "Division", output: Path | None, as_json: bool) -> None:
    from benchmark.report.division import to_csv, to_json
    from benchmark.storage.files import write_whole
    from benchmark.storage.refusals import storage_errors

    text = to_json(found) if as_json else to_csv(found)
    if output is None:
        click.echo(text, nl=False)
        return
    with storage_errors(output):
        write_whole(output, text)


def _told(found: "Division", output: Path | None) -> str:
    from benchmark.report.division import counted

    return f"{counted(found)}{f': {output}' if output else ''}"
