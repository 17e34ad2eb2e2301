"""`bench speed`: what the pipelines of a task cost on this machine."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.request import Request, request_flags, results_flag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.comparison.costs import CostTable
    from benchmark.execution.process import Outcome, Worker
    from benchmark.planning.runs import Planned
    from benchmark.records.speed import Speed
    from benchmark.tasks.spec import Runtime


@click.command()
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
    context.exit(_Measuring(flags).go())


class _Measuring:
    """One call of the command."""

    def __init__(self, flags: dict[str, Any]) -> None:
        self.flags = flags
        self.form = "json" if flags["as_json"] else flags["form"]
        self.results = Path(flags["output"])
        self.request = Request({**flags, "as_json": self.form != "table"})
        self.console = self.request.console

    def go(self) -> int:
        """Measure every pipeline in a process of its own, show them; gives the exit status."""
        from benchmark.execution.process import Outcome, Worker

        self.request.check_folders(self.results, "-o")
        runtime = self.request.runtime()
        with Worker(self.request.cache / "logs", {"KERAS_BACKEND": runtime.backend}) as worker:
            pipelines = self._planned(worker, self.request.settled(runtime, worker))
            found = [self._measured(place, len(pipelines), one, worker) for place, one in enumerate(pipelines, 1)]
        speeds = [one for one in found if not isinstance(one, Outcome)]
        if speeds:
            self._show(speeds)
        failed = [one for one in found if isinstance(one, Outcome)]
        return max((1 + _is_input(one) for one in failed), default=0)

    def _planned(self, worker: "Worker", runtime: "Runtime") -> "list[Planned]":
        """Each pipeline once, whatever its task trains and joins."""
        import msgspec

        from benchmark.planning.resolve import choose, resolve
        from benchmark.planning.runs import plan_runs
        from benchmark.tasks.schema import Split

        name, task, forced = self.request.task()
        task = msgspec.structs.replace(task, scheme="direct", voters=[], split=Split())
        kinds = {kind: self.flags[kind] for kind in ("segmenter", "backbone", "head")}
        chosen = choose(task, {**kinds, "voter": ()}, forced)
        choice, survey, described = self.request.look(worker, task, chosen)
        specs = resolve(task, name, chosen, choice, survey, described, forced=forced, seeds=[0], runtime=runtime)
        return plan_runs(specs, survey, described, self.request.store, self.results, self.request.index)

    def _measured(self, place: int, total: int, planned: "Planned", worker: "Worker") -> "Speed | Outcome":
        """One pipeline's record, written; where it could not be measured, why, which is said."""
        import msgspec
        from rich.markup import escape

        from benchmark.execution.protocol import Measure
        from benchmark.records.speed import Speed, write
        from benchmark.tasks.spec import RunSpec

        worker.stop()  # the most memory that a process held is that of all it ever did
        label = f"[{place}/{total}] {planned.pipeline}"
        started = time.monotonic()
        assert isinstance(planned.spec, RunSpec)  # nobody votes
        request = Measure(planned.spec, planned.pipeline, self.flags["batch"], self.flags["repeats"])
        with self.console.status(escape(label)) as status:
            outcome = worker.serve(
                request, lambda event: status.update(escape(f"{label}: {getattr(event, 'what', '')}"))
            )
        if _is_input(outcome):
            click.echo(f"bench: {label}: {outcome.message}", err=True)
            return outcome
        if outcome.cause:
            smaller = "; try a smaller --batch" * (outcome.cause == "oom")
            self._say(f"{label}: failed ({outcome.cause}) {outcome.message}{smaller}")
            return outcome
        speed = msgspec.json.decode(outcome.value, type=Speed)
        write(speed, self.results)
        self._say(f"{label}: {speed.inference.median:,.0f} images/s ({time.monotonic() - started:.0f} s)")
        return speed

    def _show(self, speeds: "Sequence[Speed]") -> None:
        """What was measured, beside the scores of the runs in the results folder."""
        from benchmark.comparison.compare import compare
        from benchmark.comparison.costs import cost_tables
        from benchmark.records.files import scan
        from benchmark.records.record import Record
        from benchmark.records.speed import FOLDER

        runs = (found for _, found in scan(self.results) if isinstance(found, Record))
        tables = cost_tables(compare(runs).tables, speeds)
        self._print(tables)
        self._say(f"\nRecords: {self.results / FOLDER}")

    def _print(self, tables: "list[CostTable]") -> None:
        from benchmark.report.cost_export import costs_csv, costs_json
        from benchmark.report.costs import costs_markdown, print_costs

        if self.form == "table":
            self.console.print()
            print_costs(self.console, tables)
            return
        click.echo({"md": costs_markdown, "csv": costs_csv, "json": costs_json}[self.form](tables), nl=False)

    def _say(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


def _is_input(outcome: "Outcome") -> bool:
    """Whether a pipeline failed for what the user asked for, and not for what the machine or the program did."""
    return outcome.exit_code == 2
