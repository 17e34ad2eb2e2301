"""What a long piece of work says: nothing before it lasts, a bar in a terminal, a line every ten seconds in a file."""

import io
import time

import pytest
from rich.console import Console

from benchmark.cli import waiting
from benchmark.execution.protocol import Progress as Advance
from benchmark.execution.protocol import Ready
from benchmark.report import working
from benchmark.report.display import Aside, ConsoleDisplay
from benchmark.report.working import Work

PATIENCE_S = 20


@pytest.fixture
def page():
    return Console(file=io.StringIO(), width=120)


@pytest.fixture
def now(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(working.time, "monotonic", lambda: now[0])
    return now


def until(true):
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_time_left_is_that_of_the_part_at_its_own_pace(page, now):
    work = Work(page, "looking")
    assert work.line() == "looking: begun 0.0 s ago"
    now[0] = 30.0  # starting took long, and is no measure of what follows
    work.tell("films", 0, 400)
    assert work.line() == "looking: films: 0 of 400"
    now[0] = 40.0
    work.tell("films", 100, 400)
    assert work.line() == "looking: films: 100 of 400, about 30.0 s left"
    work.tell("copies", 0, 1000)
    now[0] = 45.0
    work.tell("copies", 500, 1000)
    assert work.line() == "looking: copies: 500 of 1,000, about 5.0 s left"
    work.tell("drawing")
    assert work.line() == "looking: drawing: begun 45.0 s ago"


def test_parts_of_a_search_among_films_are_told_in_percent_and_images_by_their_number(page, now):
    work = Work(page, "a run")
    now[0] = 1.0
    work.watch(Advance(stage="copies", what="looking for films", done=0, total=1000))
    now[0] = 11.0
    work.watch(Advance(stage="copies", what="looking for films", done=250, total=1000))
    assert work.line() == "a run: looking for films: 25 %, about 30.0 s left"
    work.watch(Advance(stage="prepare", what="images", done=250, total=1000))
    assert work.line() == "a run: images: 250 of 1,000"


def test_a_worker_says_how_far_it_is_by_its_events(page, now):
    work = Work(page, "a run")
    work.watch(Ready(7))
    assert work.line() == "a run: begun 0.0 s ago"
    now[0] = 1.0
    work.watch(Advance(stage="evaluate", what="images", done=0, total=8))
    now[0] = 3.0
    work.watch(Advance(stage="evaluate", what="images", done=2, total=8))
    assert work.line() == "a run: images: 2 of 8, about 6.0 s left"


def test_a_file_is_told_every_ten_seconds(page, now):
    work = Work(page, "reading")
    for second in range(36):
        now[0] = float(second)
        work.tell("records", second, 100)
        work.report()
    assert page.file.getvalue().splitlines() == [
        "  reading: records: 10 of 100, about 90.0 s left",
        "  reading: records: 20 of 100, about 80.0 s left",
        "  reading: records: 30 of 100, about 70.0 s left",
    ]


def test_a_file_is_told_while_whoever_works_says_nothing(page, monkeypatch):
    monkeypatch.setattr(working, "AFTER_S", 0.01)
    monkeypatch.setattr(working, "QUIET_S", 0.1)
    with ConsoleDisplay(page).working("thinking"):
        until(page.file.getvalue)
    assert page.file.getvalue().startswith("  thinking: begun ")


def test_several_short_pieces_of_work_are_one_silence(page, monkeypatch):
    monkeypatch.setattr(working, "AFTER_S", 0.01)
    display = ConsoleDisplay(page)
    display.said -= 9.5
    with display.working("reading"):
        time.sleep(0.1)
    assert page.file.getvalue() == ""
    with display.working("looking"):
        until(page.file.getvalue)
    assert page.file.getvalue().startswith("  looking: begun ")
    assert time.monotonic() - display.said < PATIENCE_S


def test_what_is_soon_over_says_nothing(page):
    terminal = Console(file=io.StringIO(), width=120, force_terminal=True)
    for console in (page, terminal):
        with ConsoleDisplay(console).summarising() as watch:
            watch(Advance(done=1, total=2))
        assert console.file.getvalue() == ""


def test_a_terminal_has_a_bar_with_what_is_done_which_goes_at_the_end(monkeypatch):
    monkeypatch.setattr(working, "AFTER_S", 0.01)
    terminal = Console(file=io.StringIO(), width=120, force_terminal=True)
    with ConsoleDisplay(terminal).working("[1/2] a+b[c=1]") as watch:
        watch(Advance(what="films", done=3, total=16))
        until(lambda: "3/16" in terminal.file.getvalue())
        watch(Advance(what="copies", done=5, total=9))
        until(lambda: "5/9" in terminal.file.getvalue())
    shown = terminal.file.getvalue()
    assert "[1/2] a+b[c=1]: films" in shown and "[1/2] a+b[c=1]: copies" in shown
    assert "\x1b[2K" in shown  # taken away again


def test_work_of_the_command_itself_is_shown_on_standard_error_once_it_lasts(monkeypatch, capsys):
    monkeypatch.setattr(waiting, "AFTER_S", 0.01)
    monkeypatch.setattr(working, "AFTER_S", 0.01)
    monkeypatch.setattr(working, "QUIET_S", 0.05)
    heard = ""

    def listening():
        nonlocal heard
        heard += capsys.readouterr().err
        return "records: 7 of 9" in heard

    with waiting.waiting("comparing") as patience:
        patience.tell("records", 7, 9)
        until(listening)
    assert heard.startswith("  comparing: records: 7 of 9")


def test_work_that_fails_ends_what_shows_it(page):
    with pytest.raises(ZeroDivisionError), waiting.waiting("comparing") as patience:
        raise ZeroDivisionError
    assert patience.over.is_set()


def test_beside_other_work_only_progress_is_shown(page):
    display = Aside(page)
    display.say("a line")
    display.note("a note")
    assert page.file.getvalue() == ""
