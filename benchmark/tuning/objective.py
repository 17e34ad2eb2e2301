"""What a trial scores: the class-balanced log-loss on validation, in the best epoch of an ordinary training.

A trial is the training of a run with these settings.  It pauses where the trial ends, goes on where a longer trial of
the same settings takes it up, and is that run's artefact once it has come to its end: the run trains nothing again.
"""

import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from benchmark.execution.protocol import Event
from benchmark.execution.protocol import Progress as Advance
from benchmark.execution.runner import begun, build, surroundings
from benchmark.models.training import History, decide
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
        history, steps = _history(spec, plan, store, epochs, progress)
    seen = history[:epochs]
    best = decide(seen, spec.training, steps).best
    facts = {"best_epoch": best + 1, "device": device_name()}
    epochs_s = [epoch["tracing_s"] + epoch["duration_s"] for epoch in seen]
    return TrialResult(seen[best]["val_loss"], len(seen), facts, epochs_s)


def _history(spec: RunSpec, plan: Plan, store: Store, epochs: int, progress: Progress) -> tuple[History, int]:
    """What a training of at least so many epochs saw, or of as many as it takes, and its steps per epoch."""
    step = plan.step("fit")
    assert step  # a tuning target trains a network
    trained = []

    def tell(event: Event) -> None:
        fields = msgspec.to_builtins(event)
        progress({name: value for name, value in fields.items() if name != "event"})

    def make(folder: Path) -> None:
        begun(step)
        fitted = fit(surroundings(step, store, tell), epochs)
        trained.append((fitted.history, fitted.steps))
        if not decide(fitted.history, spec.training, fitted.steps).stop:
            raise _PausedError
        save(fitted, spec, folder)
        write_duration(folder, subject(step), sum(epoch["duration_s"] for epoch in fitted.history))

    for upstream in missing(plan, store.has, step).values():
        tell(Advance(stage=upstream.name))
        build(upstream, store, tell)
    tell(Advance(stage="fit"))
    with contextlib.suppress(_PausedError):
        artefact = store.build("fit", step.key, make)
    return trained[0] if trained else _stored(artefact)


def _stored(artefact: Path) -> tuple[History, int]:
    """History and steps per epoch of a finished training."""
    history = json.loads((artefact / "history.json").read_text())
    return history, json.loads((artefact / "meta.json").read_text())["steps"] // len(history)
