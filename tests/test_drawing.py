"""The picture of a search: a mark for every trial, those without a score at the top."""

import pytest
from matplotlib.axes import Axes
from matplotlib.image import imread

from benchmark.tuning.drawing import draw
from tests.test_following import EVENTS, state


@pytest.fixture
def legends(monkeypatch):
    """The labels of every legend that is drawn, and the places of what they name."""
    seen = []
    legend = Axes.legend

    def spied(axes, **look):
        handles, labels = axes.get_legend_handles_labels()
        seen.append({label: list(one.get_xdata()) for one, label in zip(handles, labels, strict=True)})
        return legend(axes, **look)

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
