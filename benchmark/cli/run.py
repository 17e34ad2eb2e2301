"""`bench run`: from a task to an honest comparison."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.request import Request, request_flags, results_flag

if TYPE_CHECKING:
    from benchmark.execution.pool import Pool
    from benchmark.planning.runs import Planned
    from benchmark.records.record import Record
    from benchmark.tasks.spec import Runtime

FIGURES = ("gradcam.png", "mean-heat.png", "network-view.png", "masks.png", "curves.png")


@click.command()
@request_flags()
@click.option(
    "--voter", multiple=True, metavar="NAME[opts]", help="Joins the pipelines, or a task's one-vs-all models."
)
@click.option("--seeds", default="0", show_default=True, help="Training seeds, comma-separated.")
@click.option("--folds", type=click.IntRange(2, 20), metavar="K", help="Cross-validate: pooled out-of-fold results.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, metavar="N", help="Workers side by side.")
@click.option("--timeout", metavar="TIME", help="Kill a run that takes longer, such as 20m; it becomes a failed row.")
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
    context.exit(_Run(flags).go())


class _Run:
    """One call of the command: its flags, where things lie, and what is said meanwhile."""

    def __init__(self, flags: dict[str, Any]) -> None:
        self.flags = flags
        self.request = Request(flags)
        self.results = Path(flags["output"])
        self.cache = self.request.cache
        self.store = self.request.store
        self.console = self.request.console

    def go(self) -> int:
        """Plan, run what is missing, compare; gives the exit status."""
        from benchmark.execution.heads import try_heads
        from benchmark.execution.pool import Pool
        from benchmark.execution.process import side_by_side

        self.request.check_folders(self.results, "-o", writes=not self.flags["plan_only"])
        timeout_s = self.request.seconds("timeout")
        runtime = self.request.runtime(self.flags["jobs"])
        environment = {"KERAS_BACKEND": runtime.backend}
        workers = side_by_side(self.flags["jobs"], self.cache / "logs", environment)
        with self.store.in_use(), Pool(workers) as crew:
            worker = crew.workers[0]
            runtime = self.request.settled(runtime, worker)
            planned = self._plan(worker, runtime)
            if self.flags["retry_failed"]:
                planned = _failed(planned)
            if runtime.deterministic:  # describing may have started the backend, which then takes no other threads
                worker.stop()
            try_heads(planned, worker)
            if self.flags["plan_only"]:
                return self._show_plan(planned)
            finished = self._execute(planned, crew, timeout_s)
        self._compare(finished)
        return int(any(record.status == "failed" for _, record in finished))

    def _plan(self, worker: Any, runtime: "Runtime") -> "list[Planned]":
        from benchmark.planning.resolve import choose, resolve
        from benchmark.planning.runs import plan_runs

        seeds = _seeds(self.flags["seeds"])
        name, task, forced = self.request.task()
        chosen = choose(task, {kind: self.flags[kind] for kind in ("segmenter", "backbone", "head", "voter")}, forced)
        choice, survey, described = self.request.look(worker, task, chosen)
        specs = resolve(task, name, chosen, choice, survey, described, forced=forced, seeds=seeds, runtime=runtime)
        return plan_runs(specs, survey, described, self.store, self.results, self.request.index)

    def _execute(
        self, planned: "list[Planned]", crew: "Pool", timeout_s: float | None
    ) -> "list[tuple[Planned, Record]]":
        """Every run with its record, in the order of the plan."""
        from benchmark.execution.pool import Recorded
        from benchmark.report.progress import Progress

        records = {}
        with Progress(self.console, len(planned)) as progress:
            for happened in crew.run(planned, self.store, timeout_s):
                progress.take(happened)
                if isinstance(happened, Recorded):
                    records[happened.run.plan.run] = happened.record
        return [(run, records[run.plan.run]) for run in planned]

    def _show_plan(self, planned: "list[Planned]") -> int:
        from benchmark.report.progress import print_plan

        if self.flags["as_json"]:
            import msgspec

            told = [
                {"run": one.plan.run, "pipeline": one.pipeline, "state": one.state, "to_build": one.to_build}
                for one in planned
            ]
            click.echo(msgspec.json.encode({"runs": told}).decode())
        else:
            print_plan(self.console, planned)
        return 0

    def _compare(self, finished: "list[tuple[Planned, Record]]") -> None:
        from benchmark.cli.compare import paired_difference
        from benchmark.comparison.compare import compare
        from benchmark.report.export import to_json
        from benchmark.report.terminal import print_comparison

        folders = {record.run: run.folder for run, record in finished}
        difference = paired_difference(lambda record: folders[record.run])
        comparison = compare([record for _, record in finished], metric=None, difference=difference)
        if self.flags["as_json"]:
            click.echo(to_json(comparison), nl=False)
            return
        print_comparison(self.console, comparison)
        self._show_samples(finished)

    def _show_samples(self, finished: "list[tuple[Planned, Record]]") -> None:
        """Samples of the maps of every pipeline's first run, under the table."""
        import json

        from benchmark.report.thumbnails import blocks

        colour = self.console.color_system is not None and not self.console.no_color
        shown: set[str] = set()
        for run, record in finished:
            path = run.folder / "gradcam.json"
            if colour and record.status == "ok" and record.pipeline_digest not in shown and path.is_file():
                shown.add(record.pipeline_digest)
                heading = f"\n{record.map_method} · {run.label}"
                self.console.print(heading, highlight=False, markup=False, soft_wrap=True)
                pictures = json.loads(path.read_bytes())
                self.console.print(blocks(pictures, self.console.width, colour=colour), end="", soft_wrap=True)
        self._say_where(finished)

    def _say_where(self, finished: "list[tuple[Planned, Record]]") -> None:
        """Where everything is, and how to try again what failed."""
        places = ", ".join(dict.fromkeys(str(run.folder.parent) for run, _ in finished))
        there = [name for name in FIGURES if any((run.folder / name).is_file() for run, _ in finished)]
        what = f"Records, models and figures ({', '.join(there)})" if there else "Records"
        self.console.print(f"\n{what}: {places}", highlight=False, soft_wrap=True)
        failed = sum(record.status == "failed" for _, record in finished)
        if failed:
            runs = "1 run" if failed == 1 else f"{failed} runs"
            again = f"{runs} failed; the same line runs what is missing, --retry-failed what failed alone."
            self.console.print(again, highlight=False, soft_wrap=True)


def _failed(planned: "list[Planned]") -> "list[Planned]":
    """The runs whose last attempt failed, and what is pooled of them."""
    names = {run.plan.run for run in planned if run.state == "failed"}
    chosen = [run for run in planned if run.plan.run in names or any(name in names for name in run.names.values())]
    if not chosen:
        click.echo("bench: none of these runs has failed, so there is nothing to retry", err=True)
        raise SystemExit(3)
    return chosen


def _seeds(text: str) -> list[int]:
    from registry.errors import ConfigError

    try:
        seeds = [int(part) for part in text.split(",")]
    except ValueError:
        seeds = []
    if not seeds or min(seeds) < 0 or max(seeds) >= 2**32 or len(set(seeds)) != len(seeds):
        raise ConfigError(
            f"--seeds {text!r} cannot be used; expected different whole numbers from 0 to {2**32 - 1}, such as 0,1,2"
        )
    return seeds
