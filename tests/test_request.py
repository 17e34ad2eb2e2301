"""Which precision a command computes in, without a device."""

import io

import pytest
from rich.console import Console

from benchmark.cli.request import Request


class Device:
    """A worker on an accelerator that does bfloat16 well."""

    def ask(self, request):
        assert request == {"op": "device"}
        return {"device": "Example GPU", "precision": "mixed_bfloat16"}


@pytest.fixture
def settled(tmp_path, monkeypatch):
    """--precision -> the precision that runs are planned with, and what is printed."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))

    def settle(asked, worker=None):
        request = Request(
            {
                "task_name": "binary",
                "quick": None,
                "data": None,
                "as_json": False,
                "deterministic": False,
                "precision": asked,
            }
        )
        request.console = Console(file=io.StringIO(), width=80)
        return request.settled(request.runtime(), worker).precision, request.console.file.getvalue()

    return settle


@pytest.mark.parametrize("asked", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_a_precision_that_is_named_is_taken_and_no_device_is_asked(settled, asked):
    assert settled(asked) == (asked, "")


def test_auto_is_what_the_device_does_well_and_is_said(settled):
    assert settled("auto", Device()) == ("mixed_bfloat16", "precision mixed_bfloat16, chosen for Example GPU\n")
