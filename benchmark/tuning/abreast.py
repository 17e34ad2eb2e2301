"""The trials of one search in several workers at once, which share them through the ledger."""

import contextlib
import queue
import threading
from collections.abc import Iterator, Sequence

from benchmark.execution.losses import NoNodesError
from benchmark.execution.protocol import Event, Watch
from benchmark.tuning.runner import TrialRunner
from benchmark.tuning.search import TrialState

CLOSING_S = 5.0  # in which a runner notes that its trial was cut


def trials_of(
    runners: Sequence[TrialRunner], watch: Watch, *, timeout_s: float | None = None, budget_s: float | None = None
) -> Iterator[TrialState]:
    """Each trial that ends here, whoever ran it; see `TrialRunner.run`.

    Raises:
        BenchError: the data or the disk make every trial impossible, or every node is gone.
    """
    happened: queue.SimpleQueue[Event | TrialState | BaseException | None] = queue.SimpleQueue()

    def run(runner: TrialRunner) -> None:
        try:
            for trial in runner.run(happened.put, timeout_s=timeout_s, budget_s=budget_s):
                happened.put(trial)
        except BaseException as error:  # it belongs to whoever waits for the trials
            happened.put(error)
        happened.put(None)

    threads = [threading.Thread(target=run, args=(runner,), daemon=True) for runner in runners]
    for thread in threads:
        thread.start()
    left, is_over = len(threads), False
    try:
        while left:
            one = happened.get()
            if one is None:
                left -= 1
            elif isinstance(one, BaseException):
                raise one
            elif isinstance(one, TrialState):
                yield one
            else:
                watch(one)
        is_over = True
    finally:
        for runner, thread in zip(runners, threads, strict=True) if not is_over else ():
            with contextlib.suppress(OSError):
                runner.worker.close()
            thread.join(CLOSING_S)
    if all(runner.is_lost for runner in runners):
        raise NoNodesError
