"""`bench run`: from a task to an honest comparison."""

from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.completing import components
from benchmark.cli.flags import engine_flag, request_flags, request_of, results_flag, screen
from benchmark.cli.group import Once
from benchmark.cli.waiting import waiting

if TYPE_CHECKING:
    from benchmark.comparison.tables import Comparison
    from benchmark.execution.session import Finished


@click.command(cls=Once)
@request_flags()
@click.option(
    "--voter",
    multiple=True,
    metavar="NAME[opts]",
    shell_complete=components("voter"),
    help="Joins the pipelines, or a task's one-vs-all models.",
)
@click.option("--seeds", default="0", show_default=True, help="Training seeds, comma-separated.")
@click.option("--folds", type=click.IntRange(2, 20), metavar="K", help="Cross-validate: pooled out-of-fold results.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, metavar="N", help="Workers side by side.")
@engine_flag
@click.option(
    "--timeout", metavar="TIME", help="Bounds one step of a run, such as 20m: it is killed, and runs that need it fail."
)
@click.option("--retry-failed", is_flag=True, help="Run those alone whose last attempt failed.")
@click.option("--plan", "plan_only", is_flag=True, help="Say what would run and what is there already; run nothing.")
@click.option("--json", "as_json", is_flag=True, help="The comparison as JSON.")
@results_flag
@click.pass_context
def command(context: click.Context, /, **flags: Any) -> None:
    """Train, score and explain pipelines on a task, then compare them.

    \b
    bench run --task binary
    bench run --task binary --data DIR --seeds 0,1,2
    bench run --task binary --backbone sepcnn --backbone "xception[cut=36,weights=none]" --head dense

    --segmenter, --backbone, --head and --voter may be repeated: their product is compared.
    """
    request = request_of(flags, flags["output"])

    from benchmark.execution.networks import networks_of
    from benchmark.execution.run import finished_runs, planned_runs
    from benchmark.execution.session import opened
    from benchmark.installation.components import lacking
    from benchmark.planning.request import check_folders
    from benchmark.report.export import to_json
    from benchmark.report.progress import plan_json, print_plan
    from benchmark.report.runs import print_runs

    console, display = screen(flags["as_json"])
    check_folders(request, "-o or BENCH_RESULTS", writes=not flags["plan_only"])
    with opened(request, display) as session:
        planned = planned_runs(session, only_failed=flags["retry_failed"])
        if not planned:
            click.echo("bench: none of these runs has failed, so there is nothing to retry", err=True)
            context.exit(3)
        if flags["plan_only"]:
            if flags["as_json"]:
                click.echo(plan_json(planned))
                return
            print_plan(console, planned)
            with waiting("looking for weights"):
                weights = lacking(networks_of(planned))
            if weights:
                console.print(weights, highlight=False, markup=False, soft_wrap=True)
            return
        finished = finished_runs(session, planned)
    with waiting("comparing"):
        comparison = _compared(finished)
    if flags["as_json"]:
        click.echo(to_json(comparison), nl=False)
    else:
        print_runs(console, comparison, finished)
    context.exit(int(any(record.status == "failed" and not run.of_controls for run, record in finished)))


def _compared(finished: "list[Finished]") -> "Comparison":
    from benchmark.comparison.collect import of_runs
    from benchmark.comparison.statistics import family

    return of_runs({record.run: run.folder for run, record in finished}, [record for _, record in finished], family)
