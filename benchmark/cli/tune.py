"""`bench tune`: from a pipeline to settings that were searched for, and what they are worth on test."""

from pathlib import Path
from typing import Any

import click

from benchmark.cli.flags import RESULTS, engine_flag, line_of, request_flags, request_of, screen, seconds
from benchmark.cli.group import Once

TUNERS = ("hyperband", "bayesian", "random", "grid")


@click.command(cls=Once)
@request_flags()
@click.option("--tuner", type=click.Choice(TUNERS), help="Who proposes settings; by default the task's, hyperband.")
@click.option("--trials", type=click.IntRange(min=1), metavar="N", help="At most, that of the default included.")
@click.option("--budget", metavar="TIME", help="Search no longer than that, such as 30m; the same line goes on later.")
@engine_flag
@click.option("--timeout", metavar="TIME", help="Kill a trial that takes longer, such as 20m; it has failed.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 2), default=0, show_default=True, help="Of tuner and training.")
@click.option("--json", "as_json", is_flag=True, help="What was found as JSON.")
@click.option(
    "--results",
    envvar="BENCH_RESULTS",
    default=RESULTS,
    show_default=True,
    metavar="DIR",
    help="For runs and searches.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="For the task file that is found."
)
@click.pass_context
def command(context: click.Context, /, **flags: Any) -> None:
    """Search the settings of one pipeline, by the loss on validation; compare with the default.

    \b
    bench tune --task binary --backbone sepcnn --trials 6
    bench tune --task binary --data DIR --tuner bayesian --trials 40 --budget 8h

    The task's first pipeline is tuned, with --segmenter, --backbone and --head put in. What a flag says is not
    searched; [tuning] in a task file says what is. A line that was interrupted goes on when it is given again, and
    two of the same share the trials.
    """
    request = request_of(flags, flags["results"])

    import msgspec

    from benchmark.comparison.statistics import paired
    from benchmark.execution.session import opened
    from benchmark.planning.request import check_folders, runtime_of
    from benchmark.report.tuning import print_report
    from benchmark.tasks.places import find_task
    from benchmark.tuning.tune import check_file, tune

    console, display = screen(flags["as_json"])
    budget_s, file = seconds(flags, "budget"), flags["output"]
    check_folders(request, "--results or BENCH_RESULTS")
    if file:
        check_file(file, find_task(request.task))
    asked = {"tuner": flags["tuner"], "trials": flags["trials"], "budget_s": budget_s, "file": file}
    with opened(request, display) as session:
        found, records = tune(session, display, paired, **asked)
    found = msgspec.structs.replace(found, again=line_of(request, found.file, runtime_of(request).backend))
    if flags["as_json"]:
        from benchmark.report.markup import visible_json

        click.echo(visible_json(msgspec.json.format(msgspec.json.encode(found), indent=1).decode()))
    else:
        print_report(console, found)
    context.exit(int(any(record.status == "failed" for record in records)))
