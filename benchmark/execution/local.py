"""The engine ``local``: worker processes on this machine, as many as --jobs says."""

from collections.abc import Iterator
from contextlib import contextmanager

from benchmark.execution.engines import Given
from benchmark.execution.pool import Pool
from benchmark.execution.process import side_by_side


@contextmanager
def opened_pool(given: Given) -> Iterator[Pool]:
    """A pool of processes, each with its share of the cores.

    Raises:
        ConfigError: there are fewer cores than jobs.
    """
    with Pool(side_by_side(given.request.jobs, given.store.root / "logs", given.environment)) as pool:
        yield pool
