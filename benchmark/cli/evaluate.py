"""`bench evaluate`: finished runs on images that they never saw."""

from pathlib import Path

import click

from benchmark.cli.flags import results_flag, screen


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--data", metavar="DIR", help="Folder of X-rays that the runs never saw.")
@click.option("--dataset", metavar="NAME[opts]", help="Which registered dataset reads them; recognised by default.")
@click.option(
    "--map",
    "maps",
    multiple=True,
    metavar="LABEL=CLASS,...",
    help="Their labels to the runs' classes, or to labels of these; by name where nothing is said. LABEL= leaves out.",
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
def command(
    runs: tuple[Path, ...],
    data: str | None,
    dataset: str | None,
    maps: tuple[str, ...],
    recalibrate: int | None,
    masks: bool,
    skip_bad: bool,
    form: str,
    as_json: bool,
    output: str,
) -> None:
    """Evaluate RUN (the folder of a run, or several) on images of elsewhere; nothing is trained.

    \b
    bench evaluate results/binary/unet-sepcnn-dense-s*-f0-* --data DIR --map "Pneumonia=Viral Pneumonia"
    bench evaluate results/binary/unet-sepcnn-dense-s0-f0-e047cdfd --data DIR --masks

    Images are prepared as each run prepared its own, masks are drawn by its own segmenter, calibration and thresholds
    are carried over.  A record in OUTPUT/external keeps what was found, in tables of their own: metrics, the drop
    against the run's own test, every source and trait of the images, how many local images would be needed.  Images of
    no class are left out and counted, and so are films that the run learnt from.

    Exit code 2: usage or input; 5: a run's record or model was changed after it was sealed.
    """
    from benchmark.cli.elsewhere import tables
    from benchmark.comparison.external import Found
    from benchmark.execution.external import Asked, evaluated
    from benchmark.report.external import external_page, print_external
    from benchmark.storage.places import cache_folder
    from benchmark.storage.refusals import check_writable

    form = "json" if as_json else form
    console, display = screen(form != "table")
    results, cache = Path(output), cache_folder()
    check_writable(cache, "choose another cache with BENCH_CACHE")
    check_writable(results, "choose another one with -o or BENCH_RESULTS")
    asked = Asked(
        runs=runs,
        data=data,
        dataset=dataset,
        results=results,
        cache=cache,
        maps=maps,
        recalibrate=recalibrate or 0,
        masks=masks,
        skip_bad=skip_bad,
    )
    found = evaluated(asked, display)
    shown = tables([Found(one.external, one.folder) for one in found])
    if form == "table":
        console.print()
        print_external(console, shown)
    else:
        click.echo(external_page(shown, form), nl=False)
    cached = sum(one.cached for one in found)
    display.say(f"\nRecords: {results / 'external'}" + (f" ({cached} of {len(found)} cached)" if cached else ""))
