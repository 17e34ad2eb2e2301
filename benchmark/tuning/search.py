"""A search and what has become of it: the header and the events of a ledger, and the state that they add up to.

The smaller score is the better one.
"""

import math
from typing import Annotated, Any, Literal

import msgspec

from benchmark.tuning.space import Space, Values

Tuner = Literal["hyperband", "bayesian", "random", "grid"]
Origin = Literal["default", "random", "grid", "model", "promoted"]


class Search(msgspec.Struct, frozen=True, tag_field="event", tag="search"):
    """What is searched and how; the first line of a ledger.

    Attributes:
        seed: of the tuner, and of every trial's training.
        trials: cap on the trials created, trial 0 included.
        epochs: of a full training.
        subject: digest of everything else that scores depend on: task, pipeline, data.
    """

    tuner: Tuner
    space: Space
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**32 - 1)]
    trials: Annotated[int, msgspec.Meta(ge=1)]
    epochs: Annotated[int, msgspec.Meta(ge=1)]
    subject: str


class TrialResult(msgspec.Struct, frozen=True):
    """The result of a setting's trial.

    Attributes:
        epochs: how many the model has been trained in the end, those of its parent included.
        epoch_s: seconds that each of these epochs took, whenever that was; empty where that is not known.
        facts: for the report; not the duration, which the ledger measures.
    """

    score: float
    epochs: int
    facts: dict[str, Any] = {}
    epoch_s: list[float] = []


class Created(msgspec.Struct, frozen=True, tag_field="event", tag="created"):
    """A trial that has begun.

    Attributes:
        start: epochs that its parent was trained for.
        epochs: train up to this epoch.
        parent: the trial whose training it continues, with the same values.
    """

    trial: int
    values: Values
    start: int
    epochs: int
    parent: int | None
    origin: Origin


class Finished(msgspec.Struct, frozen=True, tag_field="event", tag="finished", rename={"facts": "told"}):
    """A trial that has its score; see `TrialResult` and `TrialState`."""

    trial: int
    score: float
    epochs: int
    duration_s: float
    facts: dict[str, Any]


class Failed(msgspec.Struct, frozen=True, tag_field="event", tag="failed"):
    """A trial that can have no score."""

    trial: int
    cause: str
    message: str
    duration_s: float


Event = Created | Finished | Failed


class TrialState(msgspec.Struct, frozen=True):
    """One trial, as far as it has come.

    Attributes:
        start, epochs: trained from, and meant to be trained up to; in epochs of the model, its parent's included.
        reached: epochs that the model has been trained in the end (training may stop early); None unless finished.
        status: ``running`` too where its worker died and no other has taken it over yet.
        duration_s: seconds spent on it, those of workers that were killed included; while it is ``running``, None or
            as many as are known.
    """

    number: int
    values: Values
    start: int
    epochs: int
    parent: int | None
    origin: Origin
    status: Literal["running", "finished", "failed"] = "running"
    score: float | None = None
    reached: int | None = None
    duration_s: float | None = None
    facts: dict[str, Any] = {}
    cause: str = ""
    message: str = ""


class State(msgspec.Struct, frozen=True):
    """A search as its ledger has it.

    Attributes:
        trials: by their number.
        events: all of them, in the order in which they happened.
    """

    search: Search
    trials: list[TrialState]
    events: list[Event]

    def best(self) -> TrialState | None:
        """The finished trial with the smallest score; None while there is none.

        Only fully trained ones are compared, else those that were trained furthest; of equals the earlier one.
        """
        finished = [trial for trial in self.trials if trial.score is not None and math.isfinite(trial.score)]
        furthest = max((trial.epochs for trial in finished), default=0)
        compared = [trial for trial in finished if trial.epochs == furthest]
        return min(compared, key=lambda trial: (trial.score, trial.number), default=None)

    @property
    def spent_s(self) -> float:
        """Seconds of all trials, as far as they are known."""
        return sum(trial.duration_s or 0.0 for trial in self.trials)

    @property
    def epochs_trained(self) -> int:
        """Epochs of all finished trials, those that a trial took over from its parent counted once."""
        return sum(max(0, (trial.reached or 0) - self._inherited(trial)) for trial in self.trials if trial.reached)

    def _inherited(self, trial: TrialState) -> int:
        return 0 if trial.parent is None else self.trials[trial.parent].reached or 0


def state_after(search: Search, events: list[Event]) -> State:
    """The state that a ledger's events add up to.

    Raises:
        ValueError: an event of a trial that was not created, or has ended, or that is none of this search; says which.
    """
    trials: list[TrialState] = []
    for event in events:
        if isinstance(event, Created):
            if event.trial != len(trials):
                raise ValueError(f"trial {event.trial} follows trial {len(trials) - 1}")
            _check(search, trials, event)
            trials.append(TrialState(event.trial, *_content(event)))
            continue
        if not 0 <= event.trial < len(trials) or trials[event.trial].status != "running":
            raise ValueError(f"trial {event.trial} ends without being at work")
        trials[event.trial] = _ended(trials[event.trial], event)
    return State(search, trials, events)


def _check(search: Search, trials: list[TrialState], event: Created) -> None:
    """A trial is one of its search, and what it continues has ended before it."""
    names = [dimension.name for dimension in search.space.dimensions]
    if not set(event.values) <= set(names):
        raise ValueError(f"trial {event.trial} has settings that are not those of the search")
    if not 0 <= event.start < event.epochs <= search.epochs:
        raise ValueError(f"trial {event.trial} begins at epoch {event.start} and ends at {event.epochs}")
    if event.parent is not None and not (0 <= event.parent < len(trials) and trials[event.parent].status == "finished"):
        raise ValueError(f"trial {event.trial} continues trial {event.parent}, which has not finished")


def _content(event: Created) -> tuple[Any, ...]:
    return event.values, event.start, event.epochs, event.parent, event.origin


def _ended(trial: TrialState, event: Finished | Failed) -> TrialState:
    replace = msgspec.structs.replace
    if isinstance(event, Failed):
        found = {"cause": event.cause, "message": event.message, "duration_s": event.duration_s}
        return replace(trial, status="failed", **found)
    found = {"score": event.score, "reached": event.epochs, "duration_s": event.duration_s, "facts": event.facts}
    return replace(trial, status="finished", **found)
