"""Who is where, as a run would divide the images, without any run."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from benchmark.data.division import Placed, read_division
from benchmark.execution.session import Known, Session, settled, summarised
from benchmark.planning.graph import Step
from benchmark.planning.imported import division_steps
from benchmark.planning.request import Asked, task_of
from benchmark.planning.resolve import Chosen, resolved_setting
from benchmark.tasks.spec import ControlsSpec
from registry.errors import ConfigError, StorageError


class Posed(NamedTuple):
    """What is asked of which data; `spec` is of rules, which stand on the split alone."""

    spec: ControlsSpec
    known: Known


class Division(NamedTuple):
    """A task's images, each where its split has it.

    Attributes:
        spec: what divides them, at the task's own settings.
        placed: id -> image.
        paths: id -> path of its file from the folder of the data; "" where it has none.
        digest: of the split.
    """

    spec: ControlsSpec
    known: Known
    placed: Mapping[str, Placed]
    paths: Mapping[str, str]
    digest: str

    @property
    def class_of(self) -> dict[str, str]:
        """Label -> class."""
        return {label: name for name, labels in self.spec.classes.items() for label in labels}


def posed(session: Session, fold: int | None = None) -> Posed:
    """The task and the data of a session's request, before anything is prepared.

    Args:
        fold: whose split, of a cross-validation; None where there is one hold-out.

    Raises:
        ConfigError: there is no such fold, or settings are asked for that change no split.
        BenchError: as of a run, for task and data.
    """
    asked = task_of(session.request)
    chosen = _checked(asked, fold)
    known = summarised(session, asked.task, Chosen([]))
    setting = resolved_setting(
        asked.task, asked.name, known.choice, known.summary, settled(session), session.request.allow_format_differences
    )
    return Posed(ControlsSpec(**setting, seed=0, fold=chosen), known)


def divided(session: Session, asked: Posed) -> Division:
    """The split that runs of the task have; found, or made as they would make it.

    Raises:
        BenchError: an image cannot be used, or the split would mislead.
    """
    steps = division_steps(asked.spec, asked.known.summary, session.index)
    session.index.keep()
    _build(session, steps)
    split, paths = (_artefact(session, steps[role]) for role in ("split", "paths"))
    digest = (split / "digest").read_text()
    found: dict[str, str] = json.loads((paths / "paths.json").read_bytes())  # msgspec takes no half of a pair
    return Division(asked.spec, asked.known, read_division(split), found, digest)


def _checked(asked: Asked, fold: int | None) -> int:
    """The fold that is meant."""
    if asked.forced:
        named = ", ".join(f"{kind}.{name}" for kind, options in asked.forced.items() for name in options)
        raise ConfigError(f"--set {named} is an option of a component, and none is asked for here; leave it out")
    folds = asked.task.split.folds
    if fold is None and folds > 1:
        raise ConfigError(f"the split has {folds} folds, each with a test part of its own; say which, as --fold 0")
    if fold is not None and fold >= folds:
        raise ConfigError(f"fold {fold} is not there; expected 0 to {folds - 1}, or more --folds")
    return fold or 0


def _build(session: Session, steps: Mapping[str, Step]) -> None:
    lacking = {step.key: step for step in steps.values() if not session.store.use(step.name, step.key)}
    with session.display.running(0) as take:
        for happened in session.pool.build(lacking, session.store, session.request.timeout_s):
            take(happened)


def _artefact(session: Session, step: Step) -> Any:
    found = session.store.find(step.name, step.key)
    if found is None:
        raise StorageError(f"the artefact {step.name} has gone from {session.store.root}; run the same line again")
    return found
