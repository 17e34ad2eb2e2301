"""The picture of a search: every trial and the best so far, in their order and, where they differ, by epochs.

A worker's task: the command line loads no matplotlib.
"""

from collections.abc import Callable
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from benchmark.execution.protocol import DrawSearch, Emit
from benchmark.figures.sheet import BLUE, FAINT, INK, MARGIN, ORANGE, QUIET, VERMILION, sheet
from benchmark.tuning.ledger import read
from benchmark.tuning.outcome import best_so_far
from benchmark.tuning.search import State, TrialState

WIDTH, HEIGHT, HEAD, UNDER, LEFT, BETWEEN = 8.3, 3.4, 0.4, 0.5, 0.8, 0.7  # inches
FILE = "trials.png"


def serve(request: DrawSearch, emit: Emit) -> None:
    """Draw the search in the request's folder."""
    folder = Path(request.folder)
    draw(read(folder), folder / FILE, request.title)


def draw(state: State, path: Path, title: str) -> None:
    """Write a PNG of a search's trials.

    Raises:
        StorageError: the file cannot be written.
    """
    scored = best_so_far(state)
    staged = len({trial.epochs for trial, _ in scored}) > 1
    height = HEAD + HEIGHT + UNDER
    with sheet(path, title=title, caption=_caption(state), width=WIDTH, height=height) as page:
        room = WIDTH - LEFT - 0.1
        wide = (room - BETWEEN) / 2 if staged else room
        order = page.axes(MARGIN + LEFT, HEAD, wide, HEIGHT)
        _draw_order(order, state, scored)
        if staged:
            epochs = page.axes(MARGIN + LEFT + wide + BETWEEN, HEAD, wide, HEIGHT)
            _draw_epochs(epochs, state, [trial for trial, _ in scored])


def _draw_order(axes: Axes, state: State, scored: list[tuple[TrialState, float]]) -> None:
    numbers = [trial.number for trial, _ in scored]
    if scored:
        axes.step(numbers, [score for _, score in scored], where="post", color=INK, linewidth=1.4, label="best so far")
    _draw_points(axes, state, [trial for trial, _ in scored], lambda trial: trial.number)
    _draw_scoreless(axes, state)
    axes.set(xlabel="trial", ylabel="loss on validation", xlim=(-0.6, max(len(state.trials), 1) - 0.4))
    _frame(axes)
    axes.legend(
        loc="lower left", bbox_to_anchor=(-0.01, 1), ncols=6, frameon=False, columnspacing=1.2, handlelength=1.4
    )


def _draw_scoreless(axes: Axes, state: State) -> None:
    """Trials that have no score, at the top of the axes."""
    hollow = {"marker": "o", "markerfacecolor": "none", "markeredgecolor": QUIET, "markersize": 5}
    looks = {"failed": ("failed", {"marker": "x", "color": VERMILION}), "running": ("unfinished", hollow)}
    for status, (label, look) in looks.items():
        numbers = [trial.number for trial in state.trials if trial.status == status]
        if numbers:
            places = [0.97] * len(numbers)  # of the height
            axes.plot(numbers, places, linestyle="", transform=axes.get_xaxis_transform(), label=label, **look)


def _draw_epochs(axes: Axes, state: State, scored: list[TrialState]) -> None:
    """The same trials by how long they were trained; lines join a training that was taken up again."""
    for trial in scored:
        parent = state.trials[trial.parent] if trial.parent is not None else None
        if parent and parent.score is not None:
            axes.plot([parent.reached, trial.reached], [parent.score, trial.score], color=FAINT, linewidth=1, zorder=1)
    _draw_points(axes, state, scored, lambda trial: trial.reached or 0)
    axes.set(xlabel="epochs trained")
    axes.set_xlim(left=0)
    _frame(axes)


def _draw_points(axes: Axes, state: State, scored: list[TrialState], place: Callable[[TrialState], float]) -> None:
    best, full = state.best(), [trial for trial in scored if trial.epochs == state.search.epochs]
    part = [trial for trial in scored if trial.epochs < state.search.epochs]
    kinds = ((full, BLUE, "trained to the end"), (part, ORANGE, "stopped earlier"))
    for trials, color, label in kinds:
        if trials:
            scores = [trial.score for trial in trials]
            axes.plot([place(trial) for trial in trials], scores, "o", color=color, markersize=5, label=label)
    if best:
        axes.plot(
            place(best), best.score, "o", markersize=11, markerfacecolor="none", markeredgecolor=INK, label="chosen"
        )


def _frame(axes: Axes) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelcolor=QUIET)


def _caption(state: State) -> str:
    running = sum(trial.status == "running" for trial in state.trials)
    unfinished = f" ({running} unfinished)" if running else ""
    return (
        f"{state.search.tuner}, {len(state.trials)} trials{unfinished}, {state.epochs_trained} epochs; "
        "trial 0 is the default. "
        "Loss: class-balanced log-loss on validation, in the best epoch; the lowest of many is "
        "optimistic."
    )
