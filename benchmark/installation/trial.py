"""A run of everything on a few phantoms, in a folder that goes when it ends; then what became of it."""

import math
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmark.audit.verify import verify
from benchmark.comparison.compare import compare
from benchmark.comparison.tables import Comparison
from benchmark.execution.run import finished_runs, planned_runs
from benchmark.execution.session import Display, Finished, opened
from benchmark.installation.findings import Finding
from benchmark.planning.request import Request, requested
from benchmark.records.recomputed import Recompute
from benchmark.records.record import Record
from benchmark.records.verdicts import FamilyTest
from benchmark.storage.code import CodeIndex
from benchmark.tasks.places import EVERYTHING

ABOUT = "run"
AGAIN = "bench run --task binary shows the same at length, with a log"

TestOf = Callable[[Callable[[Record], Path]], FamilyTest]  # from where runs lie, the test of all rows


def look(display: Display, test_of: TestOf, recompute: Recompute) -> Iterator[Finding]:
    """Prepare, train, score, explain, vote, compare and verify, as `bench run` and `bench verify` do.

    Args:
        test_of: makes the test of all rows from where their runs lie.
        recompute: gives what a run's stored outputs say of its record.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cxr-bench-") as name:
        place = Path(name)
        # The laptop setting of the defaults would be laid over the task's own.
        request = requested(
            task=str(EVERYTHING), cache=str(place / "cache"), results=str(place / "results"), quick=False
        )
        finished = _finished(request, display)
        yield from runs(finished)
        folders = {record.run: run.folder for run, record in finished}
        tables = compare([record for _, record in finished], test=test_of(lambda record: folders[record.run]))
        yield from compared(tables, sum(not run.of_controls for run, _ in finished))
        yield from _verified(place / "results", recompute)
    took = time.monotonic() - started
    yield Finding(ABOUT, "ok", f"everything once, {took:.0f} s; its cache and results are gone again")


def _finished(request: Request, display: Display) -> list[Finished]:
    with opened(request, display) as session:
        return finished_runs(session, planned_runs(session))


def runs(finished: Sequence[Finished]) -> Iterator[Finding]:
    """Runs that failed, and runs whose numbers are none."""
    well = []
    for run, record in finished:
        if record.failure:
            what = f"{run.label} failed at {record.failure.stage or 'its beginning'}: {record.failure.message}"
            yield Finding(ABOUT, "wrong", what, AGAIN)
            continue
        ranked = record.controls if record.of_controls else {record.pipeline: record.metrics}
        values = {name: one[record.metric].value for name, one in ranked.items() if record.metric in one}
        wrong = [name for name, value in values.items() if value is None or not math.isfinite(value)]
        if wrong or not values:
            yield Finding(ABOUT, "wrong", f"{run.label}: no number for {', '.join(wrong) or record.metric}", AGAIN)
        elif not run.of_controls:
            well.append(record.pipeline)
    if well:
        yield Finding(ABOUT, "ok", f"trained, scored and explained: {'; '.join(well)}")


def compared(found: Comparison, count: int) -> Iterator[Finding]:
    """Whether all pipelines stand in one table."""
    rows = [len([row for row in table.rows if not row.control]) for table in found.tables]
    if rows != [count]:
        yield Finding(ABOUT, "wrong", f"expected a table of {count} pipelines, received tables of {rows}", AGAIN)
    else:
        yield Finding(ABOUT, "ok", f"compared: {count} pipelines in one table, with the rules they must beat")


def _verified(results: Path, recompute: Recompute) -> Iterator[Finding]:
    found = verify(results, recompute, CodeIndex())
    if found.trusted and found.recomputed:
        yield Finding(
            ABOUT, "ok", f"verified: {found.records} records, {found.recomputed} recomputed from what they stored"
        )
        return
    reasons = "; ".join(f"{one.place}: {one.what}" for one in found.findings) or "nothing could be recomputed"
    yield Finding(ABOUT, "wrong", f"bench verify does not accept what was just written: {reasons}", AGAIN)
