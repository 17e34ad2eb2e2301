"""What a command meets outside itself: no home, other encodings, a full disk behind its output."""

import pwd
from pathlib import Path

import pytest

from benchmark.api import compare

RESULTS = Path(__file__).parents[2] / "results"


@pytest.fixture
def no_home(monkeypatch):
    """As in a container that was started with a number for a user."""

    def unknown(number: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    for name in ("HOME", "BENCH_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


@pytest.mark.parametrize("line", [("list", "tasks"), ("--help",), ("compare", "reference")], ids=" ".join)
def test_without_a_home_components_and_results_can_be_looked_at(no_home, bench_in_process, monkeypatch, line):
    monkeypatch.chdir(RESULTS)
    code, told, complaint = bench_in_process(*line)
    assert (code, complaint) == (0, "")
    assert told


def test_so_they_can_from_python(no_home):
    assert compare(RESULTS / "reference").tables


@pytest.mark.parametrize(
    "line", [("run", "--task", "binary", "--plan"), ("cache", "ls"), ("tune", "--task", "binary")], ids=" ".join
)
def test_without_a_home_what_needs_a_cache_says_so_in_one_line(no_home, bench_in_process, line):
    code, told, complaint = bench_in_process(*line)
    assert (code, told, complaint.count("\n")) == (2, "", 1)
    assert "set BENCH_CACHE" in complaint
