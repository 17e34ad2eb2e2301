"""`bench list`: what is asked of components is said, and only where it is asked."""

import contextlib
import json

import msgspec
import pytest

from benchmark.cli.list import command
from benchmark.execution import process
from benchmark.execution.process import Outcome
from benchmark.planning.description import Description


class FakeWorker(contextlib.nullcontext):
    """Describes components without importing them."""

    def __init__(self, *_):
        super().__init__(self)

    def serve(self, request, watch=None, timeout_s=None):
        return Outcome(msgspec.Raw(msgspec.json.encode([Description(*one) for one in request.components])))


@pytest.fixture
def listed(tmp_path, monkeypatch, capsys):
    """The streams of `bench list` with these arguments."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(process, "Worker", FakeWorker)

    def call(*arguments):
        command.main([*arguments], standalone_mode=False)
        return capsys.readouterr()

    return call


def test_what_takes_long_the_first_time_is_said_beside_the_answer(listed):
    told = listed("heads", "--json")
    rows = json.loads(told.out)["components"]
    assert len(rows) > 1
    assert told.err.startswith(f"describing {len(rows)} components not in the cache yet")
    assert told.err.count("\n") == 1


def test_nothing_is_said_where_the_cache_knows_all(listed):
    listed("heads")
    assert listed("heads", "--json").err == ""
    assert listed("tasks").err == ""
