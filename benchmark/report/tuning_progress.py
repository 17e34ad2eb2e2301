"""What `bench tune` prints while it searches: a line per trial, bars with trials and time left in a terminal."""

import time

from rich.console import Console
from rich.progress import TaskID

from benchmark.execution.protocol import Event, TrialBegan
from benchmark.execution.protocol import Progress as Advance
from benchmark.report.progress import WORDS, bars_on
from benchmark.report.wording import duration
from benchmark.tuning.outcome import changed
from benchmark.tuning.search import State, TrialState


class Following:
    """Follows the trials of a search."""

    def __init__(self, console: Console, trials: int, budget_s: float | None) -> None:
        self.console = console
        self.deadline = time.monotonic() + budget_s if budget_s else None
        self.bars = bars_on(console)
        self.trials = self.bars.add_task("trials", total=trials, note="")
        self.stage: TaskID | None = None
        self.named = ""

    def __enter__(self) -> "Following":
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def resume(self, state: State) -> None:
        """Print what the ledger has already."""
        ended = [trial for trial in state.trials if trial.status != "running"]
        if ended:
            self.say(f"in the ledger already: {len(ended)} of {state.search.trials} trials; {_best(state)}")
        self.bars.update(self.trials, completed=len(ended))

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
        told = f"[{trial.number + 1}/{state.search.trials}] trial {trial.number}, {setting}: "
        if trial.status == "failed":
            self.say(f"{told}failed ({trial.cause}) {trial.message}")
        else:
            spent = duration(trial.duration_s)
            self.say(f"{told}{_loss(trial.score)} after {trial.reached} epochs ({spent}); {_best(state)}")
        note = f"best {_loss(best.score)}" if (best := state.best()) else ""
        ended = sum(one.status != "running" for one in state.trials)
        self.bars.update(self.trials, completed=ended, note=note + self._left())

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _left(self) -> str:
        return f"  budget {duration(max(0.0, self.deadline - time.monotonic()))}" if self.deadline else ""

    def _clear(self) -> None:
        if self.stage is not None:
            self.bars.remove_task(self.stage)
            self.stage = None


def _best(state: State) -> str:
    best = state.best()
    return f"best {_loss(best.score)} (trial {best.number})" if best else "none has finished"


def _loss(value: float | None) -> str:
    """With the digit by which one trial beats another."""
    return "–" if value is None else f"{value:.4f}"


def _shown(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
