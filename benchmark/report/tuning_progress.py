"""What `bench tune` prints while it searches: a line per trial, bars with trials and time left in a terminal."""

import time

from rich.console import Console
from rich.progress import TaskID

from benchmark.execution.protocol import Event, TrialBegan
from benchmark.execution.protocol import Progress as Advance
from benchmark.report.markup import visible
from benchmark.report.progress import WORDS, bars_on
from benchmark.report.wording import duration
from benchmark.tuning.outcome import changed
from benchmark.tuning.search import State, TrialState


class TuningProgress:
    """Follows the trials of a search."""

    def __init__(self, console: Console, trials: int, budget_s: float | None) -> None:
        self.console = console
        self.deadline = time.monotonic() + budget_s if budget_s else None
        self.bars = bars_on(console)
        self.trials = self.bars.add_task("trials", total=trials, note="")
        self.stage: TaskID | None = None
        self.named = ""

    def __enter__(self) -> "TuningProgress":
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def resume(self, state: State) -> None:
        """Print what the ledger has already."""
        done = [trial for trial in state.trials if trial.status != "running"]
        if done:
            self.say(f"in the ledger already: {len(done)} of {state.search.trials} trials; {_best(state)}")
        self.bars.update(self.trials, completed=len(done))

    def watch(self, event: Event) -> None:
        """Take an event of a trial's worker."""
        if isinstance(event, TrialBegan):
            self._clear()
        elif isinstance(event, Advance) and event.total is None and event.stage:
            self._clear()
            self.named = WORDS.get(event.stage, event.stage)
        elif isinstance(event, Advance) and event.total:
            if self.stage is None:
                self.stage = self.bars.add_task(f"trial {event.trial}: {self.named}", total=event.total, note="")
            self.bars.update(self.stage, completed=event.done, total=event.total)

    def end(self, trial: TrialState, state: State) -> None:
        """Print how a trial ended."""
        self._clear()
        values = ", ".join(f"{name.partition('.')[2]} {_shown(value)}" for name, value in changed(state, trial).items())
        setting = f"trial {trial.parent} goes on" if trial.parent is not None else values or "the default"
        start = f"[{trial.number + 1}/{state.search.trials}] trial {trial.number}, {setting}: "
        if trial.status == "failed":
            self.say(f"{start}failed ({trial.cause}) {trial.message}")
        else:
            spent = duration(trial.duration_s)
            self.say(f"{start}{_loss(trial.score)} after {trial.reached} epochs ({spent}); {_best(state)}")
        note = f"best {_loss(best.score)}" if (best := state.best()) else ""
        done = sum(one.status != "running" for one in state.trials)
        self.bars.update(self.trials, completed=done, note=note + self._left())

    def out_of_time(self, state: State) -> None:
        """Say that the budget is spent, how many trials have ended, and what was spent on the others."""
        self.say(f"the time of --budget is up, {ended(state)}; the same line goes on")

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        self.console.print(visible(text), highlight=False, markup=False, soft_wrap=True)

    def _left(self) -> str:
        return f"  budget {duration(max(0.0, self.deadline - time.monotonic()))}" if self.deadline else ""

    def _clear(self) -> None:
        if self.stage is not None:
            self.bars.remove_task(self.stage)
            self.stage = None


def ended(state: State) -> str:
    """How many of a search's trials have come to an end, in words, and what was spent on the others."""
    running = [trial for trial in state.trials if trial.status == "running"]
    text = f"{len(state.trials) - len(running)} of at most {state.search.trials} trials have ended"
    spent = duration(sum(trial.duration_s or 0.0 for trial in running))
    return f"{text}, {len(running)} unfinished after {spent}" if running else text


def _best(state: State) -> str:
    best = state.best()
    return f"best {_loss(best.score)} (trial {best.number})" if best else "none has finished"


def _loss(value: float | None) -> str:
    """With the digit by which one trial beats another."""
    return "–" if value is None else f"{value:.4f}"


def _shown(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
