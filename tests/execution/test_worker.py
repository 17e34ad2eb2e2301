"""What a worker says of a request that failed; whole processes are in test_process."""

import sys
from types import ModuleType, SimpleNamespace

import msgspec
import numpy as np
import pytest

from benchmark.execution import worker
from benchmark.execution.protocol import Device, Done, Failed, encoded
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

DEVICE = encoded(Device())


@pytest.fixture
def served(monkeypatch):
    """Serves one line by a function in place of the operation; gives the last event."""

    def served(serve, line=DEVICE):
        monkeypatch.setitem(sys.modules, "an_operation", SimpleNamespace(serve=serve))
        monkeypatch.setitem(worker.OPERATIONS, Device, "an_operation")
        events = []
        worker._serve(line, events.append)
        (event,) = events
        return event

    return served


@pytest.fixture
def failure(served):
    """The event of a request whose operation raises."""

    def failure(error):
        def serve(request, emit):
            raise error

        event = served(serve)
        assert isinstance(event, Failed)
        return event

    return failure


def test_the_value_of_a_request_is_told_numbers_of_numpy_as_numbers(served):
    event = served(lambda request, emit: {"seconds": np.float32(0.5), "count": np.int64(7)})
    assert isinstance(event, Done)
    assert msgspec.json.decode(event.value) == {"seconds": 0.5, "count": 7}


@pytest.mark.parametrize("line", [b'{"op": "teleport"}', b'{"op": "device", "colour": "blue"}', b"half a li", b"\xff"])
def test_a_line_that_is_no_request_fails_by_its_name_and_no_operation_is_asked(served, line):
    event = served(lambda request, emit: pytest.fail("it was asked"), line)
    assert isinstance(event, Failed)
    assert (event.cause, event.exit_code) == ("exception", 2)
    assert event.message.startswith("no request of this version of bench: ")
    assert "received" in event.message


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
def test_an_error_of_ours_tells_its_cause_and_exit_status(failure, kind, cause, exit_code):
    assert failure(kind("why")) == Failed(cause, "why", exit_code)


def test_any_other_error_is_told_in_one_line(failure):
    assert failure(ValueError("first line\nsecond line")) == Failed("exception", "ValueError: first line", None)


def test_an_accelerator_without_memory_is_out_of_memory(failure, monkeypatch):
    backend = ModuleType("registry.backend")
    backend.is_out_of_memory = lambda error: "RESOURCE" in str(error)
    monkeypatch.setitem(sys.modules, "registry.backend", backend)
    event = failure(RuntimeError("RESOURCE_EXHAUSTED: 20 GiB\nmany lines"))
    assert event == Failed("oom", "memory ran out: RESOURCE_EXHAUSTED: 20 GiB", 1)
    assert failure(RuntimeError("something else")).cause == "exception"


def test_without_a_backend_only_pythons_memory_counts(failure, monkeypatch):
    monkeypatch.delitem(sys.modules, "registry.backend", raising=False)
    assert failure(MemoryError("20 GiB")).cause == "oom"
    assert failure(RuntimeError("RESOURCE_EXHAUSTED")).cause == "exception"
