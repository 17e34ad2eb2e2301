"""What a worker says of a request that failed; whole processes are in test_executor."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

from benchmark.execution import worker
from registry.errors import (
    BenchError,
    ContractError,
    DataNotFoundError,
    DivergedError,
    PluginError,
    RefusedError,
    StorageError,
    WeightsError,
)


def failure(monkeypatch, error):
    """The last event of a request whose operation raises."""

    def serve(request, emit):
        raise error

    monkeypatch.setitem(sys.modules, "operation_that_fails", SimpleNamespace(serve=serve))
    monkeypatch.setitem(worker.OPERATIONS, "fail", "operation_that_fails")
    events = []
    worker._serve({"op": "fail"}, events.append)
    (event,) = events
    return event


@pytest.mark.parametrize(
    ("kind", "cause", "exit_code"),
    [
        (DivergedError, "nan", 1),
        (StorageError, "storage", 2),
        (RefusedError, "refused", 4),
        (PluginError, "plugin", 2),
        (ContractError, "plugin", 2),
        (DataNotFoundError, "data", 2),
        (WeightsError, "data", 2),
        (BenchError, "data", 2),
    ],
)
def test_an_error_of_ours_tells_its_cause_and_exit_status(monkeypatch, kind, cause, exit_code):
    event = failure(monkeypatch, kind("why"))
    assert event == {"event": "failed", "cause": cause, "message": "why", "exit_code": exit_code}


def test_any_other_error_is_told_in_one_line(monkeypatch):
    event = failure(monkeypatch, ValueError("first line\nsecond line"))
    assert (event["cause"], event["message"], event["exit_code"]) == ("exception", "ValueError: first line", None)


def test_an_accelerator_without_memory_is_out_of_memory(monkeypatch):
    backend = ModuleType("registry.backend")
    backend.is_out_of_memory = lambda error: "RESOURCE" in str(error)
    monkeypatch.setitem(sys.modules, "registry.backend", backend)
    event = failure(monkeypatch, RuntimeError("RESOURCE_EXHAUSTED: 20 GiB\nmany lines"))
    assert (event["cause"], event["message"]) == ("oom", "memory ran out: RESOURCE_EXHAUSTED: 20 GiB")
    assert failure(monkeypatch, RuntimeError("something else"))["cause"] == "exception"


def test_without_a_backend_only_pythons_memory_counts(monkeypatch):
    monkeypatch.delitem(sys.modules, "registry.backend", raising=False)
    assert failure(monkeypatch, MemoryError("20 GiB"))["cause"] == "oom"
    assert failure(monkeypatch, RuntimeError("RESOURCE_EXHAUSTED"))["cause"] == "exception"
