"""How a network learnt: loss on both subsets and the learning rate, epoch by epoch."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, Locator, LogLocator, MaxNLocator, NullLocator

from benchmark.figures.sheet import BLUE, GREEN, INK, MARGIN, QUIET, VERMILION, sheet

WIDTH, LEFT, RIGHT = 8.3, 0.85, 0.1  # inches
HEAD, LOSS, BETWEEN, RATE, UNDER = 0.35, 3.2, 0.25, 0.9, 0.55
WIDE_RANGE = 20  # a loss that falls by more than this factor is read on a logarithmic axis
CAPTION = (
    "Training loss: on the batches as trained on, augmented. Validation loss: on images as they are, "
    "so it may be the lower one."
)
RIPENING = " The statistics of batches settle later than weights do: no epoch that ends before that is chosen."


def curves(
    path: Path, history: Sequence[Mapping[str, float]], best_epoch: int | None, title: str, *, ripening: bool = False
) -> None:
    """Write a PNG of loss, validation loss and learning rate.

    Args:
        history: one row per epoch: ``epoch`` (from 1), ``loss``, ``val_loss``, ``learning_rate``.
        best_epoch: the ``epoch`` whose weights were kept; None where there is none.
        ripening: whether some epochs were too early to be chosen.
    """
    table = {
        key: np.array([row[key] for row in history], float) for key in ("epoch", "loss", "val_loss", "learning_rate")
    }
    height = HEAD + LOSS + BETWEEN + RATE + UNDER
    with sheet(path, title=title, caption=CAPTION + (RIPENING if ripening else ""), width=WIDTH, height=height) as page:
        loss = page.axes(MARGIN + LEFT, HEAD, WIDTH - LEFT - RIGHT, LOSS)
        rate = page.axes(MARGIN + LEFT, HEAD + LOSS + BETWEEN, WIDTH - LEFT - RIGHT, RATE)
        _draw_loss(loss, table)
        _draw_rate(rate, table)
        for axes in (loss, rate):
            _frame(axes, len(history))
        loss.tick_params(labelbottom=False)
        if best_epoch is not None:
            value = float(table["val_loss"][table["epoch"] == best_epoch][0])
            _mark_best(loss, rate, best_epoch, value)


def _draw_loss(axes: Axes, table: Mapping[str, np.ndarray]) -> None:
    for name, key, color in (("training", "loss", BLUE), ("validation", "val_loss", VERMILION)):
        axes.plot(table["epoch"], table[key], color=color, linewidth=1.6, marker="o", markersize=2.5, label=name)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, labelcolor="linecolor")
    axes.set_ylabel("loss")
    both = np.concatenate([table["loss"], table["val_loss"]])
    both = both[np.isfinite(both)]
    if both.size and both.min() > 0 and both.max() > WIDE_RANGE * both.min():
        axes.set_ylabel("loss, logarithmic")
        _logarithmic(axes, LogLocator(subs=(1, 2, 5)))


def _draw_rate(axes: Axes, table: Mapping[str, np.ndarray]) -> None:
    rates = sorted(set(table["learning_rate"].tolist()))
    axes.stairs(
        table["learning_rate"],
        np.arange(len(table["epoch"]) + 1) + 0.5,
        baseline=None,
        color=GREEN,
        linewidth=1.8,
    )
    axes.set(xlabel="epoch", ylabel="learning\nrate")
    if rates and rates[0] > 0:
        _logarithmic(axes, FixedLocator(rates))
        axes.set_ylim(rates[0] / 1.5, rates[-1] * 1.5)


def _logarithmic(axes: Axes, ticks: Locator) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(ticks)
    axes.yaxis.set_major_formatter("{x:.3g}")
    axes.yaxis.set_minor_locator(NullLocator())


def _frame(axes: Axes, epochs: int) -> None:
    axes.set_xlim(0.5, max(epochs, 1) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.yaxis.set_label_coords(-0.085, 0.5)


def _mark_best(loss: Axes, rate: Axes, best_epoch: int, value: float) -> None:
    for axes in (loss, rate):
        axes.axvline(best_epoch, color=QUIET, linewidth=0.9, linestyle="dotted")
    loss.plot(best_epoch, value, marker="o", markersize=9, markerfacecolor="none", markeredgecolor=INK)
    label = f"○ weights kept: epoch {best_epoch}, validation loss {value:.3g}"
    loss.text(0, 1.03, label, transform=loss.transAxes, va="bottom")
