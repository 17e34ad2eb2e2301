"""A search on trainings that sleep for each epoch and leave a checkpoint after it: see `tests.perf.deaths`.

As `benchmark.tuning.objective` does, a trial is a training under a claim of the store, and pauses where the trial ends.
The score is drawn from what was learnt, so it shows whether an epoch is lacking or was trained twice.
"""

import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmark.storage.cache import Store
from benchmark.storage.digests import canonical, digest
from benchmark.tuning.ledger import FILE, read
from benchmark.tuning.search import Search, TrialResult
from benchmark.tuning.space import Dimension, Space, Values
from registry.errors import StorageError
from tests.perf.checkpointing import after, trained

SPACE = Space([Dimension("rate", 1e-3, "float", 1e-4, 1e-1, log=True), Dimension("units", 16, "int", 8, 64, step=8)])
EPOCHS = 4


def search(tuner: str, trials: int) -> Search:
    """A search of that tuner."""
    return Search(tuner, SPACE, 0, trials, EPOCHS, "trainings that sleep")


class _PausedError(Exception): ...


def evaluate(
    target: Mapping[str, Any], values: Values, epochs: int, seed: int, progress: Callable[[dict[str, Any]], None]
) -> TrialResult:
    """The score of settings after so many epochs, from where the last trial of the same settings paused."""
    store, key = Store(Path(target["cache"])), subject(values)
    learnt: list[str] = []

    def tell(fields: dict[str, Any]) -> None:
        if store.lost("fit", key):
            raise StorageError("another process has taken it over")
        progress(fields)

    def make(folder: Path) -> None:
        learnt.append(trained(store.partial("fit", key), key, epochs, tell, Path(target["log"])))
        if epochs < EPOCHS:
            raise _PausedError
        (folder / "weights").write_text(learnt[-1])

    with store.in_use(), contextlib.suppress(_PausedError):
        found = store.build("fit", key, make)
        learnt.append((found / "weights").read_text())
    return TrialResult(_score(learnt[-1]), epochs)


def subject(values: Values) -> str:
    """What settings are called in the cache and in the log."""
    return digest(canonical(values))


def fault(folder: Path, tuner: str, log: Path, blows: int) -> str:
    """What does not hold of a search after it has ended; empty where everything does."""
    state = read(folder)
    if len(state.trials) != state.search.trials or any(trial.status != "finished" for trial in state.trials):
        return f"trials of {tuner}: {[trial.status for trial in state.trials]} of {state.search.trials}"
    for trial in state.trials:
        learnt = subject(trial.values)
        for epoch in range(1, trial.epochs + 1):
            learnt = after(learnt, epoch)
        if trial.score != _score(learnt):
            return f"trial {trial.number} of {tuner} has learnt something else"
    ended = [line for line in (folder / FILE).read_text().splitlines() if json.loads(line)["event"] == "finished"]
    if len(ended) != len(state.trials):
        return f"{len(ended)} ends of {len(state.trials)} trials of {tuner}"
    lines = log.read_text().splitlines()
    needed = {f"{subject(trial.values)} {epoch}" for trial in state.trials for epoch in range(1, trial.epochs + 1)}
    there = {line.rpartition(" ")[0] for line in lines}
    if there != needed:
        return f"epochs that are lacking or were not asked for: {sorted(there ^ needed)}"
    if len(lines) - len(needed) > blows:
        return f"{len(lines) - len(needed)} epochs of {tuner} were repeated after {blows} blows"
    left = [str(path) for path in (*folder.glob("leases/*"), *folder.glob("running/*"))]
    return f"left over: {left}" if left else ""


def repeated(log: Path) -> int:
    """How many epochs a log has more than once."""
    lines = [line.rpartition(" ")[0] for line in log.read_text().splitlines()]
    return len(lines) - len(set(lines))


def _score(learnt: str) -> float:
    return int(learnt[:8], 16) / 2**32
