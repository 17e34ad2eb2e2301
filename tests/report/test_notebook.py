"""What is shown in a notebook's cell while runs are at work."""

import html
from types import SimpleNamespace

import pytest

from benchmark.report import notebook
from benchmark.report.display import ConsoleDisplay
from benchmark.report.notebook import Page


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


def run(name="a"):
    return SimpleNamespace(plan=SimpleNamespace(run=name), label="unet+sepcnn+dense", state="to run", folds=[])


def test_lines_stay_and_the_bar_of_the_moment_stands_under_them(cell, now):
    display = ConsoleDisplay(Page(cell))
    display.say("phantom: 96 images")
    with display.running(1) as take:
        take("begin", run(), None)
        take("event", run(), {"event": "stage", "stage": "fit", "status": "building"})
        now[0] = 1.0
        take("event", run(), {"event": "progress", "done": 3, "total": 16, "loss": 0.5})
        first, second, bar = cell.text.splitlines()
        assert (first, second) == ("phantom: 96 images", "[1/1] unet+sepcnn+dense")
        assert "training" in bar and "3/16" in bar and "loss 0.500" in bar
        take("event", run(), {"event": "stage", "stage": "fit", "status": "built"})
    assert cell.text == "phantom: 96 images\n[1/1] unet+sepcnn+dense\n"


def test_a_bar_is_not_drawn_for_every_step(cell, now):
    with ConsoleDisplay(Page(cell)).running(1) as take:
        take("begin", run(), None)
        take("event", run(), {"event": "stage", "stage": "fit", "status": "building"})
        before = cell.drawn
        for step in range(1000):  # ten seconds
            now[0] = 1 + 0.01 * step
            take("event", run(), {"event": "progress", "done": step, "total": 1000})
        assert cell.drawn - before <= 10 / notebook.PAUSE_S + 1


def test_what_is_looked_at_is_a_line_that_goes_when_it_is_over(cell, now):
    display = ConsoleDisplay(Page(cell))
    with display.summarising() as watch:
        assert cell.text == "looking at the dataset"
        now[0] = 1.0
        watch({"event": "progress", "done": 500, "total": 21000})
        assert cell.text == "reading 21000 files for their digest: 500"
    assert cell.text == ""


def test_what_is_shown_is_escaped_and_has_no_control_codes(cell):
    ConsoleDisplay(Page(cell)).say("<img src=x> [bold]& more")
    assert cell.text == "<img src=x> [bold]& more\n"
    assert "<img" not in cell.html
    assert html.escape("<img src=x> [bold]& more") in cell.html
    assert "\x1b" not in cell.html
