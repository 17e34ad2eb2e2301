"""A request at work: which precision it computes in, without a device."""

from types import SimpleNamespace

import pytest

from benchmark.execution import protocol
from benchmark.execution.session import Session, settled
from benchmark.planning.request import requested


class Device:
    """A worker on an accelerator that does bfloat16 well."""

    def ask(self, request, kind):
        assert request == protocol.Device()
        return kind("Example GPU", "mixed_bfloat16")


@pytest.fixture
def precision():
    """Precision that is asked for -> the one that runs are planned with, and what is shown."""

    def settle(asked, worker=None):
        request = requested(task="binary", cache="cache", results="results", precision=asked)
        shown = []
        display = SimpleNamespace(say=shown.append)
        return settled(Session(request, display, None, SimpleNamespace(workers=[worker]), None)).precision, shown

    return settle


@pytest.mark.parametrize("asked", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_a_precision_that_is_named_is_taken_and_no_device_is_asked(precision, asked):
    assert precision(asked) == (asked, [])


def test_auto_is_what_the_device_does_well_and_is_said(precision):
    assert precision("auto", Device()) == ("mixed_bfloat16", ["precision mixed_bfloat16, chosen for Example GPU"])
