"""What a trial scores: the class-balanced log-loss of the *select* part, in the best epoch of an ordinary training.

A trial is the training of a run with these settings.  It pauses where the trial ends, goes on where a longer trial of
the same settings takes it up, and is that run's artefact once it has come to its end: the run trains nothing again.
"""

import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from benchmark.config import RunSpec
from benchmark.context import Context
from benchmark.pipeline import run_stages
from benchmark.plan import Plan
from benchmark.provenance import CodeIndex
from benchmark.session import begin
from benchmark.stages.fit import fit, save
from benchmark.store import Store
from benchmark.training import History, decide
from benchmark.tuning.search import Told
from benchmark.tuning.space import Values
from benchmark.tuning.subject import Subject
from registry.backend import device_name

Progress = Callable[[dict[str, Any]], None]


class _PausedError(Exception):
    """The training has not come to its end, so there is no artefact to publish."""


def evaluate(subject: Mapping[str, Any], values: Values, epochs: int, seed: int, progress: Progress) -> Told:
    """The score of settings after so many epochs, from where the last trial of the same settings paused.

    Args:
        subject: a `Subject`.
        seed: already in the subject's specification.

    Raises:
        BenchError: a stage before the training, or the training itself, fails.
    """
    asked = msgspec.convert(subject, Subject)
    spec, plan = asked.trained(values, CodeIndex(Path(asked.cache)))
    if spec.runtime.deterministic:  # before any stage: a backend that has computed takes no other number of threads
        begin(spec.seed, spec.runtime)
    store = Store(Path(asked.cache))
    with store.in_use():
        history, steps = _history(spec, plan, store, epochs, progress)
    seen = history[:epochs]
    best = decide(seen, spec.training, steps).best
    facts = {"best_epoch": best + 1, "device": device_name()}
    return Told(seen[best]["val_loss"], len(seen), facts, [epoch["duration_s"] for epoch in seen])


def _history(spec: RunSpec, plan: Plan, store: Store, epochs: int, progress: Progress) -> tuple[History, int]:
    """What a training of at least so many epochs saw, or of as many as it takes, and its steps per epoch."""
    stage = plan.stage("fit")
    assert stage  # as a subject trains a network
    before = msgspec.structs.replace(plan, stages=plan.stages[: plan.stages.index(stage)])
    context, _ = run_stages(spec, before, store, progress)
    key, trained = stage.key, []

    def make(folder: Path) -> None:
        fitted = fit(Context(spec, context.artefacts, store.partial("fit", key), progress), epochs)
        trained.append((fitted.history, fitted.steps))
        if not decide(fitted.history, spec.training, fitted.steps).stop:
            raise _PausedError
        save(fitted, spec, folder)

    progress({"event": "stage", "stage": "fit", "status": "building"})
    with contextlib.suppress(_PausedError):
        artefact = store.build("fit", key, make)
    return trained[0] if trained else _stored(artefact)


def _stored(artefact: Path) -> tuple[History, int]:
    """History and steps per epoch of a finished training."""
    history = json.loads((artefact / "history.json").read_text())
    return history, json.loads((artefact / "meta.json").read_text())["steps"] // len(history)
