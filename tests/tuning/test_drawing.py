"""The picture of a search: a mark for every trial, those without a score at the top."""

import pytest
from matplotlib.axes import Axes
from matplotlib.image import imread

from benchmark.tuning.drawing import draw
from benchmark.tuning.search import Finished
from tests.report.test_tuning_progress import EVENTS, state


@pytest.fixture
def legends(monkeypatch):
    """The labels of every legend that is drawn, and the places of what they name."""
    seen = []
    legend = Axes.legend

    def spied(axes, **style):
        handles, labels = axes.get_legend_handles_labels()
        seen.append({label: list(one.get_xdata()) for one, label in zip(handles, labels, strict=True)})
        return legend(axes, **style)

    monkeypatch.setattr(Axes, "legend", spied)
    return seen


def test_trials_that_failed_and_trials_that_have_not_finished_have_marks_of_their_own(tmp_path, legends):
    draw(state(), tmp_path / "trials.png", "unet+sepcnn+dense on phantom, seed 0")
    (marks,) = legends
    assert list(marks) == ["best so far", "trained to the end", "stopped earlier", "chosen", "failed", "unfinished"]
    assert (marks["failed"], marks["unfinished"]) == ([2], [4])
    assert imread(tmp_path / "trials.png").std() > 0


def test_no_mark_is_explained_that_is_not_there(tmp_path, legends):
    draw(state(EVENTS[:4]), tmp_path / "trials.png", "a title")
    assert not {"failed", "unfinished"} & set(legends[0])


def test_the_chosen_trial_lies_on_the_line_of_the_best_so_far(tmp_path, monkeypatch):
    lines = {}
    plot, step = Axes.plot, Axes.step
    monkeypatch.setattr(Axes, "plot", lambda axes, *given, **style: _noted(lines, plot(axes, *given, **style)))
    monkeypatch.setattr(Axes, "step", lambda axes, *given, **style: _noted(lines, step(axes, *given, **style)))
    rises = [*EVENTS[:7], Finished(3, 0.45, 9, 24.0, {})]  # trained furthest, and no lower than the others
    draw(state(rises), tmp_path / "trials.png", "a title")
    (chosen,) = lines["chosen"]
    assert chosen == (3, 0.45)
    assert chosen in lines["best so far"]


def _noted(lines, artists):
    for line in artists:
        lines.setdefault(line.get_label(), list(zip(*line.get_data(), strict=True)))
    return artists
