import io
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.cli import streams
from tests.warm import connection as warm

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
BENCH = f"{sys.executable} -m benchmark"


def bench(line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A line of a shell in which {bench} is the command, started as users start it; workers below it are forks."""
    return subprocess.run(
        ["bash", "-c", line.format(bench=BENCH)],
        capture_output=True,
        env=warm.variables(COLUMNS="100", **environment),
        cwd=Path(__file__).parents[2],
        check=False,
    )


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> str:
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def whole(cache) -> str:
    """A comparison in an encoding that lacks nothing."""
    return bench(f"{{bench}} compare {REFERENCE}", PYTHONIOENCODING="utf-8", BENCH_CACHE=cache).stdout.decode()


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "ascii"])
def test_what_an_encoding_lacks_is_written_as_ascii_that_looks_like_it(cache, whole, encoding):
    told = bench(f"{{bench}} compare {REFERENCE}", PYTHONIOENCODING=encoding, BENCH_CACHE=cache)
    assert (told.returncode, told.stderr) == (0, b"")
    shown = told.stdout.decode(encoding)
    assert "-" * 60 in shown
    assert "─" * 60 in whole
    assert len(shown.splitlines()) == len(whole.splitlines())


def test_an_ascii_terminal_is_given_no_other_bytes(cache):
    told = bench("{bench} run --task binary --plan -o nowhere", PYTHONIOENCODING="ascii", BENCH_CACHE=cache)
    assert (told.returncode, told.stderr) == (0, b"")
    assert told.stdout.isascii()


@pytest.mark.parametrize("command", ["--help", "list tasks", f"compare {REFERENCE}", "cache ls"])
def test_an_output_on_a_full_disk_is_one_line(cache, command):
    told = bench(f"{{bench}} {command} > /dev/full", BENCH_CACHE=cache)
    assert told.returncode == 2
    assert told.stderr == b"bench: standard output cannot be written (No space left on device)\n"


@pytest.mark.parametrize(
    "line",
    [
        "set -o pipefail; {bench} list tasks | true",
        "{bench} list tasks >&-",
        "{bench} list tasks 2>&-",
        "{bench} list tasks 0<&- 1>&- 2>&-",
        "{bench} list nothing 2>/dev/full",
        "{bench} list tasks > /dev/full 2> /dev/full",
    ],
)
def test_a_closed_pipe_or_stream_ends_in_no_traceback(cache, line):
    told = bench(line, BENCH_CACHE=cache)
    assert told.returncode in (0, 1, 2)
    assert told.stderr == b""


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        ("a ─ b … é", "ascii", b"a - b ... e"),
        ("a ─ b … é", "latin-1", b"a - b ... \xe9"),
        ("… 5 × 4 ─ ≥", "cp1252", b"\x85 5 \xd7 4 - >="),
        ("名.png", "ascii", b"?.png"),
        ("we\udcff\udcfe─", "utf-8", b"we\xff\xfe\xe2\x94\x80"),
        ("we\udcff─", "ascii", b"we\xff-"),
    ],
)
def test_characters_are_replaced_one_by_one(text, encoding, expected):
    streams.codecs.register_error(streams.LOOK_ALIKE, streams.look_alike)
    assert text.encode(encoding, streams.LOOK_ALIKE) == expected


def test_what_the_user_has_asked_for_stays(cache):
    told = bench("{bench} compare results/reference", PYTHONIOENCODING="ascii:replace", BENCH_CACHE=cache)
    assert b"?" * 60 in told.stdout


def test_a_stream_that_tests_or_notebooks_put_there_stays(monkeypatch):
    ours = io.StringIO()
    monkeypatch.setattr(sys, "stdout", ours)
    streams.settle()
    assert sys.stdout is ours
