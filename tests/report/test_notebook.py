"""What is shown in a notebook's cell while runs are at work."""

import html

import pytest

from benchmark.execution.pool import Begun, Ended, Reported
from benchmark.execution.protocol import Progress as Advance
from benchmark.planning.graph import Step
from benchmark.report import notebook
from benchmark.report.display import ConsoleDisplay
from benchmark.report.notebook import Page
from tests.specs import spec

FIT = Step("fit", "stages.fit", "k" * 64, spec())


class Cell:
    """A cell's output, and how often it was drawn."""

    def __init__(self):
        self.text, self.html, self.drawn = "", "", 0

    def __call__(self, text, page):
        self.text, self.html, self.drawn = text, page, self.drawn + 1


@pytest.fixture
def cell():
    return Cell()


@pytest.fixture
def now(monkeypatch):
    """A clock that the test turns."""
    now = [0.0]
    monkeypatch.setattr(notebook.time, "monotonic", lambda: now[0])
    return now


def test_lines_stay_and_the_bar_of_the_moment_stands_under_them(cell, now):
    display = ConsoleDisplay(Page(cell))
    display.say("phantom: 96 images")
    with display.running(1) as take:
        take(Begun(0, FIT))
        now[0] = 1.0
        take(Reported(0, FIT, Advance("fit", 3, 16, loss=0.5)))
        first, bar = cell.text.splitlines()
        assert first == "phantom: 96 images"
        assert "training" in bar and "3/16" in bar and "loss 0.500" in bar
        take(Ended(0, FIT, "built", 1.0, 1, 1))
    assert cell.text.startswith("phantom: 96 images\n")
    assert "training" not in cell.text


def test_a_bar_is_not_drawn_for_every_step(cell, now):
    with ConsoleDisplay(Page(cell)).running(1) as take:
        take(Begun(0, FIT))
        before = cell.drawn
        for step in range(1000):  # ten seconds
            now[0] = 1 + 0.01 * step
            take(Reported(0, FIT, Advance("fit", step, 1000)))
        assert cell.drawn - before <= 10 / notebook.PAUSE_S + 1


def test_the_summary_of_a_dataset_is_a_line_that_goes_when_it_is_over(cell, now):
    display = ConsoleDisplay(Page(cell))
    with display.summarising() as watch:
        assert cell.text == "summarising the dataset"
        now[0] = 1.0
        watch(Advance("summarise", 500, 21000))
        assert cell.text == "summarising the dataset: 500 of 21,000"
        now[0] = 3.0
        watch(Advance("summarise", 2500, 21000))
        assert cell.text == "summarising the dataset: 2,500 of 21,000, about 14.8 s left"
    assert cell.text == ""


def test_what_is_shown_is_escaped_and_has_no_control_codes(cell):
    ConsoleDisplay(Page(cell)).say("<img src=x> [bold]& more")
    assert cell.text == "<img src=x> [bold]& more\n"
    assert "<img" not in cell.html
    assert html.escape("<img src=x> [bold]& more") in cell.html
    assert "\x1b" not in cell.html
