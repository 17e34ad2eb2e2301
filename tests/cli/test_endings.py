"""How the command ends when somebody ends it."""

import os
import signal
import time

import pytest

from benchmark.cli import main


@pytest.fixture
def ending(monkeypatch, bench_in_process):
    """Calls `bench` with a command that does what is given instead; the handlers of signals are put back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def call(work):
        monkeypatch.setattr(main, "bench", lambda **_: work())
        return bench_in_process("run")

    yield call
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "ended from outside (SIGTERM)")],
)
def test_who_ends_the_command_is_told_how_to_go_on(ending, number, code, words):
    cleaned = []

    def work():
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            os.kill(os.getpid(), number)
            time.sleep(10)
        finally:
            cleaned.append(True)

    told = ending(work)
    assert told == (code, "", f"bench: {words}; run the same line again to go on from the last finished epoch\n")
    assert cleaned == [True]


@pytest.mark.parametrize("closed", [False, True])
def test_what_ends_without_taking_its_memory_apart_has_its_own_status_with_standard_error_closed_too(
    monkeypatch, closed
):
    said = []
    monkeypatch.setattr(main.atexit, "_run_exitfuncs", lambda: said.append("cleaned"))
    monkeypatch.setattr(main.os, "_exit", said.append)
    if closed:
        monkeypatch.setattr(main.sys, "stderr", None)
    main._leave(5)
    assert said == ["cleaned", 5]
