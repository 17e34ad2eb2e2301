"""The outcome of a search: its cost, its best settings, every trial as a line of CSV."""

import csv
import io
import math

import msgspec

from benchmark.records.record import Tuned
from benchmark.tasks.components import plain_name
from benchmark.tasks.spec import RunSpec
from benchmark.tuning.search import State, TrialState
from benchmark.tuning.space import Dimension, same

FACTS = ("trial", "origin", "parent", "status", "start", "epochs", "score", "best", "duration_s", "cause", "message")


def tuned(state: State, spec: RunSpec) -> Tuned:
    """The best settings of a search and what it has cost so far.

    Args:
        spec: of the default settings.
    """
    best = state.best()
    assert best  # never called on a search in which no trial has finished
    ends = [trial.status for trial in state.trials]
    return Tuned(
        tuner=state.search.tuner,
        pipeline=plain_name(spec),
        values={name: value for name, value in best.values.items() if value is not None},
        trials=len(ends),
        finished=ends.count("finished"),
        failed=ends.count("failed"),
        unfinished=ends.count("running"),
        epochs=state.epochs_trained,
        duration_s=round(state.spent_s, 1),
        default=_default_score(state, best.epochs),
        best=best.score,
        curve=[score for _, score in best_so_far(state)],
        space={dimension.name: span_of(dimension) for dimension in state.search.space.dimensions},
        hardware=str(best.facts.get("device", "")),
        stayed=not changed(state, best),
    )


def _default_score(state: State, epochs: int) -> float | None:
    """What the default settings scored after so many epochs."""
    default = state.search.space.defaults()
    found = (trial.score for trial in state.trials if trial.values == default and trial.epochs == epochs)
    return next((score for score in found if score is not None), None)


def best_so_far(state: State) -> list[tuple[TrialState, float]]:
    """Each trial that has a score, and the score of the best among those up to it.

    As the best of all is one of those that were trained furthest, so is each of these: where a trial goes further than
    all before it, the score may rise.
    """
    found = []
    for number, trial in enumerate(state.trials, 1):
        best = msgspec.structs.replace(state, trials=state.trials[:number]).best()
        if best is not None and best.score is not None and trial.score is not None and math.isfinite(trial.score):
            found.append((trial, best.score))
    return found


def changed(state: State, trial: TrialState) -> dict[str, object]:
    """The settings of a trial that differ from the default."""
    default = state.search.space.defaults()
    return {name: value for name, value in trial.values.items() if not same(value, default[name])}


def trials_csv(state: State) -> str:
    """A line per trial: what it was, how it ended, its settings."""
    best = {trial.number: score for trial, score in best_so_far(state)}
    out = io.StringIO()
    names = [dimension.name for dimension in state.search.space.dimensions]
    writer = csv.DictWriter(out, [*FACTS, *names], lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for trial in state.trials:
        fields = msgspec.structs.asdict(trial)
        writer.writerow({**fields, "trial": trial.number, "best": best.get(trial.number), **trial.values})
    return out.getvalue()


def span_of(dimension: Dimension) -> dict[str, object]:
    """What of a setting is searched, as a task's table says it."""
    if dimension.kind == "choice":
        return {"choices": list(dimension.choices)}
    bounds = {"low": dimension.low, "high": dimension.high, "step": dimension.step, "log": dimension.log or None}
    return {name: value for name, value in bounds.items() if value is not None}
