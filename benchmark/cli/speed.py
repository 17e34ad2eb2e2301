"""`bench speed`: what the pipelines of a task cost on this machine."""

import time
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.flags import request_flags, request_of, results_flag, screen
from benchmark.cli.group import Once

if TYPE_CHECKING:
    from benchmark.execution.process import Outcome
    from benchmark.execution.session import Session
    from benchmark.planning.runs import Planned
    from benchmark.records.speed import Speed
    from benchmark.report.display import ConsoleDisplay


@click.command(cls=Once)
@request_flags("epochs", "deterministic")
@click.option("--batch", type=click.IntRange(1, 65536), metavar="N", help="Images at once in inference; default 64.")
@click.option(
    "--repeats", type=click.IntRange(1, 1000), default=5, show_default=True, metavar="N", help="Of which the median is."
)
@click.option("--format", "form", type=click.Choice(["table", "md", "csv", "json"]), default="table", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@results_flag
@click.pass_context
def command(context: click.Context, /, **flags: Any) -> None:
    """Measure pipelines of a task, untrained: speed does not depend on weights.

    \b
    bench speed --task binary
    bench speed --task binary --backbone sepcnn --backbone "xception[weights=none]" --head dense --batch 128

    Per pipeline: parameters, multiply-accumulates of one image, bytes as saved, images/s of training and inference,
    latency of one image, peak memory.  A record in OUTPUT/speed keeps them with device, precision and backend;
    the table below puts them beside the scores that runs in OUTPUT have, and so does bench compare.

    Exit code 2: usage or input, such as a file of one pipeline that is not there; else 1: a pipeline could not be
    measured. The others are measured and shown all the same.
    """
    request = request_of(flags, flags["output"])

    from benchmark.comparison.collect import beside_runs
    from benchmark.execution.session import opened
    from benchmark.planning.request import check_folders
    from benchmark.records.speed import FOLDER, Speed
    from benchmark.report.costs import print_costs
    from benchmark.report.pages import costs_page
    from benchmark.speed.pipelines import pipelines

    form = "json" if flags["as_json"] else flags["form"]
    console, display = screen(form != "table")
    check_folders(request, "-o or BENCH_RESULTS")
    with opened(request, display) as session:
        planned = pipelines(session)
        found = [_measured(session, display, f"[{k}/{len(planned)}]", one, flags) for k, one in enumerate(planned, 1)]
    speeds = [one for one in found if isinstance(one, Speed)]
    if speeds:
        tables = beside_runs(session.results, speeds)
        if form == "table":
            console.print()
            print_costs(console, tables)
        else:
            click.echo(costs_page(tables, form), nl=False)
        display.say(f"\nRecords: {session.results / FOLDER}")
    failed = [one for one in found if not isinstance(one, Speed)]
    context.exit(max((1 + _is_input(one) for one in failed), default=0))


def _measured(
    session: "Session", display: "ConsoleDisplay", place: str, planned: "Planned", flags: dict[str, Any]
) -> "Speed | Outcome":
    """One pipeline's record, or how it ended; says which."""
    from benchmark.execution.process import Outcome
    from benchmark.report.markup import visible
    from benchmark.speed.pipelines import measured

    label = f"{place} {planned.pipeline}"
    started = time.monotonic()
    with display.working(label) as watch:
        found = measured(session, planned, watch, batch=flags["batch"], repeats=flags["repeats"])
    if not isinstance(found, Outcome):
        rate = f"{found.inference.median:,.0f} images/s"
        display.say(f"{label}: {rate} ({time.monotonic() - started:.0f} s)")
    elif _is_input(found):
        click.echo(visible(f"bench: {label}: {found.message}"), err=True)
    else:
        smaller = "; try a smaller --batch" * (found.cause == "oom")
        display.say(f"{label}: failed ({found.cause}) {found.message}{smaller}")
    return found


def _is_input(outcome: "Outcome") -> bool:
    """Whether a pipeline failed for what the user asked for, and not for what the machine or the program did."""
    return outcome.exit_code == 2
