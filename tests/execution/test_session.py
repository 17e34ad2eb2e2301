"""A request at work, without a device: which precision it computes in, and what it writes down."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from benchmark.execution import protocol
from benchmark.execution.pool import Recorded
from benchmark.execution.session import Session, executed, settled
from benchmark.planning.request import requested
from benchmark.records.files import FILE, as_written, write
from benchmark.records.ledger import entries
from tests import factories


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


def planned(record, folder, found=None):
    """A run without steps; `found` is the record that lay there."""
    plan = SimpleNamespace(run=record.run, key=record.key, steps={})
    summary = SimpleNamespace(name="phantom")
    return SimpleNamespace(
        plan=plan, folder=folder, record=found, of_controls=False, pipeline=record.pipeline, summary=summary
    )


def session(results, happenings, take):
    """One in whose pool just this happens, shown to `take`."""
    pool = SimpleNamespace(run=lambda *_: iter(happenings))
    display = SimpleNamespace(running=lambda total: nullcontext(take))
    store = SimpleNamespace(root=results / "cache")
    return Session(requested(task="binary", cache="cache", results=str(results)), display, store, pool, None)


def test_each_run_that_is_made_is_a_line_of_the_ledger_and_one_that_is_found_is_none(tmp_path):
    made, found, failing = (factories.record(seed=0), factories.record(seed=1), factories.failed(seed=2))
    runs = []
    for record in (made, found, failing):
        folder = tmp_path / record.task / record.run
        write(record, folder)
        runs.append((planned(record, folder, found if record is found else None), record))
    happenings = [Recorded(run, record, made=record is not found) for run, record in runs]
    asked = session(tmp_path, happenings, lambda happened: None)
    assert [record for _, record in executed(asked, [run for run, _ in runs])] == [made, found, failing]
    (one,) = entries(tmp_path)
    assert [(line.run, line.status) for line in one.lines] == [(made.run, "ok"), (failing.run, "failed")]
    assert [line.record for line in one.lines] == [as_written(runs[k][0].folder / FILE).seal for k in (0, 2)]


def test_a_run_is_in_the_ledger_before_anything_is_shown_of_it(tmp_path):
    record = factories.record()
    folder = tmp_path / record.task / record.run
    write(record, folder)
    run = planned(record, folder)

    def take(happened):
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        executed(session(tmp_path, [Recorded(run, record)], take), [run])
    (one,) = entries(tmp_path)
    assert [line.record for line in one.lines] == [as_written(folder / FILE).seal]
