"""Components that are asked what they are, of which some never answer."""

import pytest

from benchmark.execution.descriptions import LIMIT, check_ends, describing
from benchmark.execution.process import Worker
from benchmark.execution.protocol import Progress
from registry.errors import ConfigError, PluginError

BODY = """
import time
time.sleep({seconds})
def head(feature_shape, num_classes):
    "Says so."
    raise TypeError
"""


@pytest.fixture
def worker(tmp_path):
    """A worker with two heads of another distribution, one of whose modules sleeps for an hour."""
    points = "[cxr_bench.heads]\nquick = quick_head:head\nsleepy = sleepy_head:head\n"
    for name, seconds in (("quick", 0), ("sleepy", 3600)):
        (tmp_path / f"{name}_head.py").write_text(BODY.format(seconds=seconds))
    metadata = tmp_path / "sleepers-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: sleepers\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(points)
    with Worker(tmp_path / "logs", {"PYTHONPATH": str(tmp_path)}) as worker:
        yield worker


def test_a_component_whose_import_does_not_end_is_broken_in_one_line_and_the_others_are_described(worker, monkeypatch):
    seen = []
    (quick,) = describing(worker)([("head", "quick")])  # the worker has started
    monkeypatch.setenv(LIMIT, "0.4")
    sleepy, _ = describing(worker, seen.append)([("head", "sleepy"), ("head", "quick")])
    assert sleepy.error == (
        "head 'sleepy' cannot be described: it does not say what it is within 0.4 s, its import included; "
        "BENCH_DESCRIBE_S=0.8 waits longer"
    )
    monkeypatch.delenv(LIMIT)
    assert describing(worker)([("head", "quick")]) == [quick]
    assert [(one.done, one.total) for one in seen if isinstance(one, Progress)] == [(0, 2), (1, 2)]


def test_a_component_whose_import_does_not_end_is_not_tried(worker, monkeypatch):
    check_ends(worker, "head", "quick")  # broken, but that is for others to say
    monkeypatch.setenv(LIMIT, "0.4")
    with pytest.raises(PluginError, match=r"head 'sleepy' cannot be tried: .* within 0\.4 s"):
        check_ends(worker, "head", "sleepy")


@pytest.mark.parametrize("given", ["0", "-1", "soon", "inf"])
def test_a_limit_that_is_none_is_said(worker, monkeypatch, given):
    monkeypatch.setenv(LIMIT, given)
    with pytest.raises(ConfigError, match="BENCH_DESCRIBE_S is the seconds after which a component is given up"):
        describing(worker)([("head", "quick")])
