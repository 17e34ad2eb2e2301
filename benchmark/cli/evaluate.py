"""`bench evaluate`: finished runs on images that they never saw."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli import completing
from benchmark.cli.flags import results_flag, screen
from benchmark.cli.group import Once

if TYPE_CHECKING:
    from rich.console import Console

    from benchmark.execution.external import Asked, Evaluated


@click.command(cls=Once)
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, shell_complete=completing.runs)
@click.option(
    "--data", metavar="DIR", shell_complete=completing.folders, help="Folder of X-rays that the runs never saw."
)
@click.option(
    "--dataset",
    metavar="NAME[opts]",
    shell_complete=completing.components("dataset"),
    help="Which registered dataset reads them; recognised by default.",
)
@click.option(
    "--map",
    "maps",
    multiple=True,
    metavar="LABEL=CLASS,...",
    help="Their labels to the classes, or labels, of the runs; else by name. LABEL= leaves it out, * is every other.",
)
@click.option(
    "--recalibrate",
    type=click.IntRange(min=2),
    metavar="N",
    help="A second row, recalibrated on about N of the images; both rows are of the rest.",
)
@click.option("--masks", is_flag=True, help="The segmenter alone, against the masks there; no labels needed.")
@click.option("--skip-bad", is_flag=True, help="Leave unreadable images out (recorded) instead of stopping.")
@click.option("--format", "form", type=click.Choice(["table", "md", "csv", "json"]), default="table", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@results_flag
def command(**flags: Any) -> None:
    """Evaluate RUN (a folder, or the beginning of a name) on images of elsewhere; nothing is trained.

    A beginning that several runs share means all of them where they differ in their seed alone.

    \b
    bench evaluate unet-sepcnn-dense-s --data DIR --map "Pneumonia=Viral Pneumonia"
    bench evaluate results/binary/unet-sepcnn-dense-s0-f0-e047cdfd --data DIR --masks

    Images are prepared as each run prepared its own, masks are drawn by its own segmenter, calibration and thresholds
    are carried over.  A record in OUTPUT/external keeps what was found, in tables of their own: metrics, the drop
    against the run's own test, every source and trait of the images, how many local images would be needed.  Images of
    no class are left out and counted, and so are films that the run learnt from.

    Exit code 2: usage or input; 5: a run's record or model was changed after it was sealed.
    """
    from benchmark.execution.external import evaluated
    from benchmark.records.external import FOLDER
    from benchmark.storage.refusals import check_writable

    form = "json" if flags["as_json"] else flags["form"]
    console, display = screen(form != "table")
    asked = _asked(flags)
    check_writable(asked.cache, "choose another cache with BENCH_CACHE")
    check_writable(asked.results, "choose another one with -o or BENCH_RESULTS")
    found = evaluated(asked, display)
    _show(found, form, console)
    cached = sum(one.cached for one in found)
    display.say(f"\nRecords: {asked.results / FOLDER}" + (f" ({cached} of {len(found)} cached)" if cached else ""))


def _asked(flags: dict[str, Any]) -> "Asked":
    from benchmark.execution.external import Asked
    from benchmark.records.places import run_folders
    from benchmark.storage.places import cache_folder

    results = Path(flags["output"])
    same = ("data", "dataset", "maps", "masks", "skip_bad")
    return Asked(
        runs=tuple(dict.fromkeys(folder for run in flags["runs"] for folder in run_folders(run, results))),
        results=results,
        cache=cache_folder(),
        recalibrate=flags["recalibrate"] or 0,
        **{name: flags[name] for name in same},
    )


def _show(found: "list[Evaluated]", form: str, console: "Console") -> None:
    from benchmark.comparison.external import external_tables
    from benchmark.comparison.external_tables import Found
    from benchmark.comparison.statistics import elsewhere
    from benchmark.report.external import print_external
    from benchmark.report.pages import external_page

    shown = external_tables([Found(one.external, one.folder) for one in found], elsewhere)
    if form == "table":
        console.print()
        print_external(console, shown)
    else:
        click.echo(external_page(shown, form), nl=False)
