"""Checks a dataset in a worker, from the command's side."""

from pathlib import Path

from benchmark.execution.process import Worker
from benchmark.execution.protocol import CheckData, Checked, Summarise, Summarised
from benchmark.execution.session import Display
from benchmark.planning.keys import search_memory
from benchmark.records.data_check import DataReport
from benchmark.storage.cache import Store
from benchmark.storage.code import CodeIndex
from benchmark.tasks.schema import Component
from benchmark.tasks.spec import DatasetChoice

SEED = 0  # nothing is drawn, as there is no limit
MANY = 2000  # films


def check_data(
    cache: Path, data: DatasetChoice, external: DatasetChoice | None, sheet: Path | None, display: Display
) -> DataReport:
    """What is found in a dataset, in an external one, and in both.

    Args:
        sheet: file for the pictures of the odd ones; None draws none.

    Raises:
        BenchError: a dataset cannot be read, or a folder cannot be written.
    """
    store = Store(cache)
    with store.in_use(), Worker(cache / "logs") as worker:
        with display.summarising() as watch:
            asked = [Summarise(choice, SEED, str(cache)) for choice in (data, external) if choice]
            found = [worker.ask(one, Summarised, watch) for one in asked]
        source = Component(found[0].dataset.name, found[0].summary.options)
        count = sum(one.summary.images for one in found)
        if count > MANY:
            display.note(f"looking at {count:,} films and searching copies among them takes minutes")
        memory = search_memory(source, CodeIndex(cache))
        with display.working("looking at the films") as watch:
            checked = worker.ask(CheckData(found, str(cache), memory, str(sheet or "")), Checked, watch)
    first, *others = checked.found
    return DataReport(first, others[0] if others else None, checked.common, str(sheet or ""))
