"""What to try next: Keras Tuner's oracles, rebuilt from a ledger each time they are asked.

A rebuilt oracle answers like one that was there during the whole search, whatever was killed meanwhile.  Nothing
but Keras Tuner's oracles is used: no tuner, no chief, no files.
"""

import math
import warnings
from typing import Any

import numpy as np
from keras_tuner import HyperParameters, Objective
from keras_tuner.oracles import BayesianOptimizationOracle, GridSearchOracle, HyperbandOracle, RandomSearchOracle

from benchmark.tuning.brackets import trials_of
from benchmark.tuning.encoding import Encoding, Listed, choices, place
from benchmark.tuning.search import Created, Failed, Finished, Origin, Search, State
from benchmark.tuning.space import Dimension, Values
from registry.errors import ConfigError

RANDOM_FIRST = 10  # Keras Tuner waits for 3 trials a dimension before it models the scores: longer than most searches
SCORE = "score"


def propose(state: State) -> Created | None:
    """The next trial of a search; None where its tuner has none now, or none any more.

    Raises:
        ConfigError: the ledger cannot come from this tuner, as when another version of Keras Tuner began it.
    """
    with warnings.catch_warnings():
        # Keras Tuner names its threads in a deprecated way; few points make a Gaussian process warn of its bounds.
        warnings.simplefilter("ignore")
        return rebuilt(state).ask()


def rebuilt(state: State) -> "_Ledgered":
    """The oracle of a search after all its events.

    Raises:
        ConfigError: as `propose`.
    """
    oracle = ORACLES[state.search.tuner](state.search)
    for event in state.events:
        if not isinstance(event, Created):
            oracle.end(event)
        elif (answer := oracle.ask(event)) != event:
            proposed = "nothing" if answer is None else answer.values
            raise ConfigError(
                f"trial {event.trial} of this search has {event.values} where its tuner proposes {proposed}; "
                "another version of Keras Tuner began it: go on with that one, or search in another folder"
            )
    return oracle


class _Ledgered:
    """Makes an oracle of Keras Tuner one that is kept in a ledger: silent, without files, the default first."""

    listed: Listed = staticmethod(choices)

    def __init__(self, search: Search, **settings: Any) -> None:
        self.search = search
        self.origin: Origin = "random"
        self.known: Created | None = None
        self.answers: list[Created] = []
        self.encoding = Encoding(search.space.dimensions, self.listed)
        super().__init__(
            objective=Objective(SCORE, "min"),
            hyperparameters=self._hyperparameters(search.space.dimensions),
            seed=search.seed + 1,  # Keras Tuner takes 0 for a random one
            allow_new_entries=False,
            max_consecutive_failed_trials=10**9,  # it raises at so many
            **settings,
        )
        self.max_trials = None  # the caller of `ask` counts them
        self.verbose = 0

    def ask(self, known: Created | None = None) -> Created | None:
        """The next trial; None where there is none now.

        Args:
            known: what was answered once; only what follows from it is done anew.
        """
        self.known = known
        number = len(self.trials)
        trial = self.create_trial(str(number))
        if trial.status != "RUNNING":
            return None
        encoded = dict(trial.hyperparameters.values)
        parent = int(encoded["tuner/trial_id"]) if "tuner/trial_id" in encoded else None
        start, epochs = encoded.get("tuner/initial_epoch", 0), encoded.get("tuner/epochs", self.search.epochs)
        self.answers.append(Created(number, self._values(encoded, parent), start, epochs, parent, self.origin))
        return self.answers[-1]

    def end(self, event: Finished | Failed) -> None:
        """Take in how a trial ended."""
        trial = self.trials[self.start_order[event.trial]]
        trial.status = self._take(trial.trial_id, event)
        self.end_trial(trial)

    def save(self) -> None:
        """The ledger is what is kept."""

    def _save_trial(self, trial: Any) -> None:
        pass

    def _take(self, trial_id: str, event: Finished | Failed) -> str:
        if isinstance(event, Failed):
            return "FAILED"
        self.update_trial(trial_id, {SCORE: event.score})
        return "COMPLETED"

    def _random_values(self) -> dict[str, Any] | None:
        self.origin = "random" if self.start_order else "default"
        return super()._random_values() if self.start_order else self.encoding.encoded(self.search.space.defaults())

    def _hyperparameters(self, dimensions: list[Dimension]) -> HyperParameters:
        found = HyperParameters()
        for each in dimensions:
            listed = self.encoding.listed(each)
            if listed is not None:
                found.Choice(each.name, list(range(len(listed))), default=place(listed, each.default))
            elif each.kind == "int":
                ends = int(each.low), int(each.high)
                found.Int(each.name, *ends, step=each.step, sampling=_sampling(each), default=each.default)
            else:
                found.Float(
                    each.name, each.low, each.high, step=each.step, sampling=_sampling(each), default=each.default
                )
        return found

    def _values(self, encoded: dict[str, Any], parent: int | None) -> Values:
        """A new trial's values: those that were given are not rounded."""
        if self.origin == "default":
            return self.search.space.defaults()
        return self.encoding.decoded(encoded) if parent is None else self.answers[parent].values


class _Random(_Ledgered, RandomSearchOracle):
    pass


class _Grid(_Ledgered, GridSearchOracle):
    listed = staticmethod(Dimension.points)

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        self.origin = "grid" if self.start_order else "default"
        answer = super().populate_space(trial_id)
        if answer["values"] is not None:
            # Keras Tuner waits for the end of each trial, in case it makes new dimensions; ours are all known.
            self._populate_next.append(trial_id)
        return answer


class _Bayesian(_Ledgered, BayesianOptimizationOracle):
    def __init__(self, search: Search) -> None:
        super().__init__(search, num_initial_points=min(3 * len(search.space.dimensions), RANDOM_FIRST))

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        if self.known and self.known.origin != "model":
            return self._random_populate_space()
        self.origin = "model"
        if self.known:  # the model is fitted for new answers only
            return {"status": "RUNNING", "values": self.encoding.encoded(self.known.values)}
        self._random_state = np.random.RandomState([self.seed, len(self.trials)])
        self._model_what_is_known()
        answer = super().populate_space(trial_id)
        if self.origin == "model":
            answer["values"] = self.encoding.encoded(self.encoding.decoded(answer["values"]))
            if self._duplicate(answer["values"]):
                return self._random_populate_space()
        return answer

    def _model_what_is_known(self) -> None:
        """Fit the model to the finished trials: it guesses the scores of those that run."""
        everything = self.trials
        self.trials = {key: trial for key, trial in everything.items() if trial.status == "COMPLETED"}
        if self.ongoing_trials and self.trials:
            self.gpr.fit(*self._vectorize_trials())
        self.trials = everything


class _NoRoomError(Exception):
    """The trials that the cap leaves belong to promotions, which wait for trials at work."""


class _Hyperband(_Ledgered, HyperbandOracle):
    def __init__(self, search: Search) -> None:
        self.failures: set[str] = set()
        self.sampled: dict[int, int] = {}  # bracket -> settings that the space still had for it
        self.exhausted = False
        super().__init__(search, max_epochs=search.epochs, hyperband_iterations=None)

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        try:
            answer = super().populate_space(trial_id)
        except _NoRoomError:
            return {"status": "IDLE"}
        promoted = (answer.get("values") or {}).get("tuner/trial_id")
        if promoted in self.failures:  # none that is left is better
            self._stand_in(trial_id, promoted)
            return self.populate_space(trial_id)
        if answer["status"] != "RUNNING" and self.exhausted and self._shorten_brackets():
            return self.populate_space(trial_id)
        if promoted:
            self.origin = "promoted"
        return answer

    def _take(self, trial_id: str, event: Finished | Failed) -> str:
        """Keras Tuner waits for ever for a failed trial's score: its own is the worst there is."""
        if isinstance(event, Failed):
            self.failures.add(trial_id)
            self.update_trial(trial_id, {SCORE: math.inf})
            return "COMPLETED"
        return super()._take(trial_id, event)

    def _random_values(self) -> dict[str, Any] | None:
        values = super()._random_values()
        self.exhausted = values is None
        return values

    def _stand_in(self, trial_id: str, failed: str) -> None:
        """A failed trial takes the place that it was promoted to, without being run again."""
        places = [place for bracket in self._brackets for places in bracket["rounds"] for place in places]
        next(place for place in places if place["id"] == trial_id)["id"] = failed

    def _shorten_brackets(self) -> bool:
        """Shorten brackets to the settings that they got; gives whether one was still waiting for more."""
        waiting = {
            bracket["bracket_num"]: len(bracket["rounds"][0])
            for bracket in self._brackets
            if len(bracket["rounds"][0]) < self._get_size(bracket["bracket_num"], 0)
        }
        fresh = {number: count for number, count in waiting.items() if number not in self.sampled}
        self.sampled.update(fresh)
        return bool(fresh)

    def _get_size(self, bracket_num: int, round_num: int) -> int:
        size = super()._get_size(bracket_num, round_num)
        if bracket_num in self.sampled:
            return min(size, math.ceil(self.sampled[bracket_num] / self.factor**round_num))
        return size

    def _get_num_brackets(self) -> int:
        """As many as there are for the epochs; none that the cap on trials would end before its last round."""
        number = super()._get_num_brackets()
        while number > 1 and trials_of(number - 1, self.search.epochs) > self.search.trials:
            number -= 1
        return number

    def _increment_bracket_num(self) -> None:
        """On to the next bracket that the cap lets come to its last round; any part of bracket 0 is of use."""
        room = self._room()
        super()._increment_bracket_num()
        while self._current_bracket and trials_of(self._current_bracket, self.search.epochs) > room:
            super()._increment_bracket_num()

    def _random_trial(self, trial_id: str, bracket: dict[str, Any]) -> dict[str, Any]:
        self._room(bracket)  # part of a bracket 0 may be all that fitted
        answer: dict[str, Any] = super()._random_trial(trial_id, bracket)
        return answer

    def _room(self, besides: dict[str, Any] | None = None) -> int:
        """How many trials the cap leaves when the brackets that are open, but for one, have theirs.

        Raises:
            _NoRoomError: none.
        """
        owed = sum(
            max(0, self._get_size(bracket["bracket_num"], round_num) - len(places))
            for bracket in self._brackets
            if bracket is not besides
            for round_num, places in enumerate(bracket["rounds"])
        )
        room = self.search.trials - len(self.trials) - owed
        if room <= 0:
            raise _NoRoomError
        return room


ORACLES = {"hyperband": _Hyperband, "bayesian": _Bayesian, "random": _Random, "grid": _Grid}


def _sampling(dimension: Dimension) -> str:
    return "log" if dimension.log else "linear"
