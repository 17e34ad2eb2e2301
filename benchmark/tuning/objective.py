"""What a trial scores: the class-balanced log-loss on validation, where an ordinary training ends or pauses.

A trial is the training of a run with these settings.  It pauses where the trial ends, goes on where a longer trial of
the same settings takes it up, and is that run's artefact once it has come to its end: the run trains nothing again.
"""

import contextlib
import itertools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from benchmark.execution.protocol import Event
from benchmark.execution.protocol import Progress as Advance
from benchmark.execution.runner import begun, build, surroundings
from benchmark.models.checkpoints import History
from benchmark.models.schedule import reached
from benchmark.planning.graph import Plan, missing, subject
from benchmark.stages.fit import fit, save
from benchmark.storage.cache import Store, write_duration
from benchmark.storage.code import CodeIndex
from benchmark.tasks.spec import RunSpec
from benchmark.tuning.search import TrialResult
from benchmark.tuning.space import Values
from benchmark.tuning.target import TuningTarget
from registry.backend import device_name

Progress = Callable[[dict[str, Any]], None]


class _PausedError(Exception):
    """The training has not come to its end, so there is no artefact to publish."""


def evaluate(target: Mapping[str, Any], values: Values, epochs: int, seed: int, progress: Progress) -> TrialResult:
    """The score of settings after so many epochs, from where the last trial of the same settings paused.

    Args:
        target: a `TuningTarget`.
        seed: already in the target's specification.

    Raises:
        BenchError: a stage before the training, or the training itself, fails.
    """
    asked = msgspec.convert(target, TuningTarget)
    spec, plan = asked.trained(values, CodeIndex(Path(asked.cache)))
    store = Store(Path(asked.cache))
    with store.in_use():
        history, whole = _history(spec, plan, store, epochs, progress)
    ends = [reached(spec.training, whole, epoch) for epoch in range(epochs + 1)]
    spent = [sum(row["tracing_s"] + row["duration_s"] for row in history[i:j]) for i, j in itertools.pairwise(ends)]
    return TrialResult(_score(history, ends[-1]), epochs, {"device": device_name()}, spent)


def _score(history: History, epochs: int) -> float:
    """The validation loss after so many epochs, or of the nearest validation before, or else of the first.

    A trial that trains is validated where it pauses; a whole training from the cache may have been at other epochs.
    """
    losses = {row["epoch"]: row["val_loss"] for row in history if "val_loss" in row}
    return losses[max((epoch for epoch in losses if epoch <= epochs), default=min(losses))]


def _history(spec: RunSpec, plan: Plan, store: Store, epochs: int, progress: Progress) -> tuple[History, int]:
    """What a training saw up to that rung, or further, and how many epochs it has as a whole."""
    step = plan.step("fit")
    assert step  # a tuning target trains a network
    trained = []

    def tell(event: Event) -> None:
        fields = msgspec.to_builtins(event)
        progress({name: value for name, value in fields.items() if name != "event"})

    def make(folder: Path) -> None:
        begun(step)
        fitted = fit(surroundings(step, store, tell), epochs)
        trained.append((fitted.history, fitted.epochs))
        if len(fitted.history) < fitted.epochs:
            raise _PausedError
        save(fitted, folder)
        write_duration(folder, subject(step), sum(epoch["duration_s"] for epoch in fitted.history))

    for upstream in missing(plan, store.has, step).values():
        tell(Advance(stage=upstream.name))
        build(upstream, store, tell)
    tell(Advance(stage="fit"))
    with contextlib.suppress(_PausedError):
        artefact = store.build("fit", step.key, make)
    if trained:
        return trained[0]
    history = json.loads((artefact / "history.json").read_text())
    return history, len(history)
