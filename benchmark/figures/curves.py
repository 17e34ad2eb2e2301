"""How a network learnt: loss on both subsets and the learning rate, epoch by epoch."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import Locator, LogLocator, MaxNLocator, NullLocator

from benchmark.figures.sheet import BLUE, GREEN, MARGIN, QUIET, VERMILION, sheet

WIDTH, LEFT, RIGHT = 8.3, 0.85, 0.1  # inches
HEAD, LOSS, BETWEEN, RATE, UNDER = 0.35, 3.2, 0.25, 0.9, 0.55
WIDE_RANGE = 20  # a loss that falls by more than this factor is read on a logarithmic axis
CAPTION = (
    "Training loss: mean over each epoch's batches as trained on, augmented. Validation loss (class-balanced): on "
    "images as they are, so it may be the lower one."
)


def curves(
    path: Path,
    history: Sequence[Mapping[str, float]],
    learning_rates: np.ndarray,
    title: str,
    *,
    chance: float,
    notes: Sequence[str] = (),
) -> None:
    """Write a PNG of loss, validation loss and learning rate.

    Args:
        history: one row per epoch: ``epoch`` (from 1), ``loss`` and, where it was validated, ``val_loss``.
        learning_rates: (steps,) of every step of all epochs.
        chance: the loss of whoever knows nothing.
        notes: what a reader must know of the training, one line each.
    """
    caption = "\n".join([CAPTION, *(f"Note: {note}." for note in notes)])
    height = HEAD + LOSS + BETWEEN + RATE + UNDER
    with sheet(path, title=title, caption=caption, width=WIDTH, height=height) as page:
        loss = page.axes(MARGIN + LEFT, HEAD, WIDTH - LEFT - RIGHT, LOSS)
        rate = page.axes(MARGIN + LEFT, HEAD + LOSS + BETWEEN, WIDTH - LEFT - RIGHT, RATE)
        _draw_loss(loss, history, chance)
        _draw_rate(rate, learning_rates, len(history))
        for axes in (loss, rate):
            _frame(axes, len(history))
        loss.tick_params(labelbottom=False)


def _draw_loss(axes: Axes, history: Sequence[Mapping[str, float]], chance: float) -> None:
    drawn = [np.array([chance])]
    for name, key, color in (("training", "loss", BLUE), ("validation", "val_loss", VERMILION)):
        rows = [row for row in history if key in row]
        epochs, losses = np.array([[row["epoch"], row[key]] for row in rows], float).reshape(-1, 2).T
        axes.plot(epochs, losses, color=color, linewidth=1.6, marker="o", markersize=2.5, label=name)
        drawn.append(losses)
    axes.axhline(chance, color=QUIET, linewidth=0.9, linestyle="dotted", label=f"knows nothing ({chance:.3f})")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, frameon=False, labelcolor="linecolor")
    axes.set_ylabel("loss")
    values = np.concatenate(drawn)
    values = values[np.isfinite(values)]
    if values.min() > 0 and values.max() > WIDE_RANGE * values.min():
        axes.set_ylabel("loss, logarithmic")
        _logarithmic(axes, LogLocator(subs=(1, 2, 5)))


def _draw_rate(axes: Axes, rates: np.ndarray, epochs: int) -> None:
    axes.plot(epochs * (np.arange(len(rates)) + 1) / max(1, len(rates)), rates, color=GREEN, linewidth=1.8)
    axes.set(xlabel="epoch", ylabel="learning\nrate")
    if rates.any():
        axes.set_ylim(0, 1.1 * float(rates.max()))
        axes.set_yticks([0, float(rates.max())])
        axes.yaxis.set_major_formatter("{x:.3g}")


def _logarithmic(axes: Axes, ticks: Locator) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(ticks)
    axes.yaxis.set_major_formatter("{x:.3g}")
    axes.yaxis.set_minor_locator(NullLocator())


def _frame(axes: Axes, epochs: int) -> None:
    axes.set_xlim(0, max(epochs, 1) * 1.02)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.yaxis.set_label_coords(-0.085, 0.5)
