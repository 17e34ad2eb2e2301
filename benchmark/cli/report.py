"""`bench report`: results as one page, a run as a model card, a table as a paper has it."""

from pathlib import Path
from typing import Any

import click

from benchmark.cli import completing
from benchmark.cli.comparing import Compared, compared, comparing_flags, say_nothing_found, verify_flag
from benchmark.cli.group import Once
from benchmark.cli.waiting import waiting

PAGE, PAPER = Path("report.html"), Path("paper")
OF_RUNS = ("results", "paper", "rows", "tasks", "datasets", "wheres", "since", "metric", "against")  # not of a card


@click.command(cls=Once)
@comparing_flags
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file; with --paper, this folder.")
@click.option("--rows", metavar="PIPELINE", multiple=True, help="Rows with curves and pictures (the start of a name).")
@click.option(
    "--card",
    metavar="RUN",
    shell_complete=completing.runs,
    help="A model card of this run: folder, or beginning of name.",
)
@click.option("--paper", is_flag=True, help="Table, figures, methods and bibliography, as LaTeX.")
@verify_flag
@click.pass_context
def command(context: click.Context, /, output: Path | None, card: str | None, **flags: Any) -> None:
    """Write the runs below RESULTS (a folder, or several; default: BENCH_RESULTS, or results) as one page.

    \b
    bench report results/ -o report.html
    bench report --task binary --where images.size=256 --since 7d

    --task, --dataset, --where and --since mean what they do to bench compare; what was left out is counted.

    Exit code 3: nothing found; 5: a record cannot be trusted, and is left out or not ranked.
    """
    if card is not None:
        if any(flags[name] for name in OF_RUNS):
            raise click.UsageError("--card is of one run; leave RESULTS, --paper, --rows and flags of a comparison out")
        _write_card(card, output, flags["verify"])
        return
    if flags["paper"] and flags["rows"]:
        raise click.UsageError("--rows is for the page; leave it out with --paper")
    found = compared(flags["results"], flags)
    if found.nothing:
        say_nothing_found(found.comparison.selected)
        context.exit(3)
    if flags["paper"]:
        _write_paper(found, output or PAPER)
    else:
        _write_page(found, output or PAGE, flags["rows"])
    if found.distrusted:
        context.exit(5)


def _write_paper(found: Compared, output: Path) -> None:
    from benchmark.report.paper import paper

    with waiting("writing tables, methods and figures"):
        files = paper(found.comparison, found.external, found.found.folder, output)
    for file in files:
        click.echo(file)


def _write_page(found: Compared, output: Path, rows: tuple[str, ...]) -> None:
    from benchmark.report.website import shown_count, website

    comparison = found.comparison
    with waiting("writing the page") as patience:
        text = website(comparison, found.costs, found.external, found.found.folder, rows, patience.tell)
    _write(output, text)
    click.echo(f"{output}: {shown_count(comparison, rows)}; {len(text.encode()) / 1e3:,.0f} kB")


def _write_card(meant: str, output: Path | None, verify: bool) -> None:
    from benchmark.records.files import FILE, read
    from benchmark.records.files import verify as verified
    from benchmark.records.places import results_folder, run_folder
    from benchmark.report.card import card

    run = run_folder(meant, results_folder())
    with waiting("writing the card"):
        record = (verified if verify else read)(run / FILE)
        text = card(record, run, suffix=output.suffix if output else ".md", sealed=verify)
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(output, text)


def _write(output: Path, text: str) -> None:
    from benchmark.storage.files import write_whole
    from registry.errors import StorageError

    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        write_whole(output, text.encode("utf-8"))
    except OSError as error:
        raise StorageError(f"{output} cannot be written ({error.strerror}); choose another file with -o") from error
