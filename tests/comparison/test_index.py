"""Records that were read before are not parsed again, and say the same."""

import os

import pytest

from benchmark.comparison import index as indexes
from benchmark.comparison.collect import collected
from benchmark.comparison.index import Index
from benchmark.comparison.lean import Lean
from benchmark.records.contents import FileEntry
from benchmark.records.estimate import Estimate
from benchmark.records.files import FILE, PREDICTIONS, write
from benchmark.records.record import SCHEMA, Failure, Record
from benchmark.records.selection import selected
from benchmark.report.pages import page
from benchmark.storage.code import CodeIndex
from benchmark.storage.files import Broken
from tests import factories
from tests.factories import A, B

FORMS = ("csv", "json", "html", "md")


def untested(folder_of):
    raise AssertionError("there are no predictions to test")


@pytest.fixture
def results(tmp_path):
    """Runs of every sort: good, failed, of folds, with notes, undefined metrics, rules of their own and large files."""
    maps = {"lung-enrichment/COVID": Estimate(2.0), "lung-enrichment/Non-COVID": Estimate(1.5)}
    undefined = Estimate(None, note="no image of it", n=3)
    runs = [factories.record(0.9 + seed / 100, pipeline=name, seed=seed) for name in (A, B) for seed in range(3)]
    runs += [
        factories.record(
            0.8, pipeline=A, seed=3, status="failed", failure=Failure("oom", "fit", "no memory"), metrics={}
        ),
        factories.record(0.7, pipeline=B, seed=4, notes=["waited 12% of the time", "x" * 70_000], gradcam=maps),
        factories.record(0.6, pipeline=B, seed=5, created="2026-01-01T00:00:00Z"),
    ]
    runs += [factories.record(0.85, pipeline=B, seed=6, metrics={**runs[0].metrics, "auroc": undefined})]
    for one in runs:
        write(one, tmp_path / "results" / "binary" / one.run)
    return tmp_path / "results"


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(indexes, "FEW", 1)


def compared(results, load=None, **options):
    comparison, _ = collected([results], untested, load=load, **options)
    return comparison


def remembered(results, cache):
    """What a command finds, and its memory for the next."""
    index = Index([results], cache)
    found = compared(results, index.load)
    index.keep()
    return found, index


def refuse(content):
    raise AssertionError("it was parsed")


def test_tables_are_the_same_whether_records_were_parsed_or_remembered(results, tmp_path, monkeypatch):
    first, _ = remembered(results, tmp_path)
    monkeypatch.setattr(indexes, "as_sealed", refuse)
    second, index = remembered(results, tmp_path)
    assert len(index.known) == 10
    parsed = compared(results)
    for form in FORMS:
        assert [*page(first, [], form, [])] == [*page(second, [], form, [])] == [*page(parsed, [], form, [])]


def test_a_remembered_record_holds_the_numbers_of_the_file(results, tmp_path):
    remembered(results, tmp_path)
    index = Index([results], tmp_path)
    for path in results.glob(f"*/*/{FILE}"):
        whole, found = Index([results], tmp_path / "none").load(str(path)).whole(), index.load(str(path))
        assert dict(found.kept.metrics) == whole.metrics
        assert list(found.kept.metrics) == list(whole.metrics)
        assert found.whole() == whole
        assert found.spec() == whole.spec
        assert (found.kept.notes, found.kept.failure, found.kept.cost) == (whole.notes, whole.failure, whole.cost)


def test_an_edit_is_noticed_even_where_size_and_time_are_as_before(results, tmp_path):
    remembered(results, tmp_path)
    path = next(path for path in sorted(results.glob(f"*/*/{FILE}")) if b'"value": 0.91,' in path.read_bytes())
    state = path.stat()
    path.write_bytes(path.read_bytes().replace(b'"value": 0.91,', b'"value": 0.99,', 1))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert path.stat().st_size == state.st_size
    found, _ = remembered(results, tmp_path)
    assert [reason.partition(" ")[0] for reason in found.left_out] == [str(path)]
    assert "was changed after it was sealed" in found.left_out[0]
    assert remembered(results, tmp_path)[0].left_out == found.left_out


def test_what_is_left_out_is_never_remembered(results, tmp_path):
    path = min(results.glob(f"*/*/{FILE}"))
    path.write_bytes(path.read_bytes().replace(b'"seed": 0,', b'"seed": 9,', 1))
    assert len(compared(results, verified=False).left_out) == 0
    remembered(results, tmp_path)
    assert len(remembered(results, tmp_path)[0].left_out) == 1


@pytest.mark.parametrize("share", [0, 0.001, 0.1, 0.5, 0.999])
def test_a_damaged_memory_is_as_good_as_none(results, tmp_path, share):
    first, index = remembered(results, tmp_path)
    content = bytearray(index.path.read_bytes())
    content[int(share * len(content))] ^= 4
    index.path.write_bytes(content)
    second, other = remembered(results, tmp_path)
    assert other.known == {}
    assert [*page(first, [], "json", [])] == [*page(second, [], "json", [])]
    assert len(Index([results], tmp_path).known) == 10


@pytest.mark.parametrize("content", [b"", b"\0" * 8, b"\xff" * 40, b"[]"])
def test_what_is_no_memory_is_as_good_as_none(results, tmp_path, content):
    _, index = remembered(results, tmp_path)
    index.path.write_bytes(content)
    assert Index([results], tmp_path).known == {}


def test_a_memory_that_other_code_has_made_is_as_good_as_none(results, tmp_path, monkeypatch):
    remembered(results, tmp_path)
    monkeypatch.setattr(CodeIndex, "code_digest", lambda *_: "another")
    _, index = remembered(results, tmp_path)
    assert index.known == {}
    assert len(Index([results], tmp_path).known) == 10  # of that code now
    monkeypatch.setattr(CodeIndex, "code_digest", lambda *_: None)
    assert Index([results], tmp_path).known == {}


def test_a_memory_is_written_for_many_records_and_for_many_that_are_new(results, tmp_path, monkeypatch):
    monkeypatch.setattr(indexes, "FEW", 11)
    assert not remembered(results, tmp_path)[1].path.exists()
    monkeypatch.setattr(indexes, "FEW", 1)
    path = remembered(results, tmp_path)[1].path
    file = path.stat().st_ino
    os.utime(path, (0, 0))
    assert remembered(results, tmp_path)[1].path.stat().st_ino == file
    assert path.stat().st_mtime > 0  # it was used, so that `bench cache prune` leaves it
    one = factories.record(0.5, pipeline=A, seed=7)
    write(one, results / "binary" / one.run)
    assert len(Index([results], tmp_path).known) == 10
    remembered(results, tmp_path)  # one in eleven is new
    assert len(Index([results], tmp_path).known) == 11


def test_rules_older_records_and_what_is_no_record_are_never_remembered(tmp_path):
    index = Index([tmp_path], tmp_path)
    rules = factories.record(0.5, spec={"kind": "controls"})
    write(rules, tmp_path)
    assert index.load(str(tmp_path / FILE)).of_controls
    (tmp_path / FILE).unlink()
    write(factories.record(0.5, schema=SCHEMA - 1), tmp_path)
    assert isinstance(index.load(str(tmp_path / FILE)), Record)
    (tmp_path / FILE).write_bytes(b"{}")
    assert isinstance(index.load(str(tmp_path / FILE)), Broken)
    (tmp_path / FILE).unlink()
    assert index.load(str(tmp_path / FILE)) is None
    (tmp_path / FILE).symlink_to(tmp_path / "nowhere")
    assert isinstance(index.load(str(tmp_path / FILE)), Broken)
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).mkdir()
    assert "Is a directory" in index.load(str(tmp_path / FILE)).reason
    (tmp_path / FILE).rmdir()
    os.mkfifo(tmp_path / FILE)
    assert "pipe" in index.load(str(tmp_path / FILE)).reason
    reading, writing = os.open(tmp_path / FILE, os.O_RDONLY | os.O_NONBLOCK), os.open(tmp_path / FILE, os.O_WRONLY)
    os.write(writing, write(factories.record(0.5), tmp_path / "whole").read_bytes())
    assert "pipe" in index.load(str(tmp_path / FILE)).reason  # with a record in it too
    os.close(reading)
    os.close(writing)
    assert index.met == {}


def test_whoever_asks_for_some_runs_or_trusts_no_seal_has_records_whole(results):
    def remembering(path):
        raise AssertionError("a setting may be asked for that no memory holds")

    compared(results, remembering, selection=selected((), (), ["seed=0"], None))
    compared(results, remembering, verified=False)
    with pytest.raises(AssertionError, match="no memory"):
        compared(results, remembering)


def test_a_memory_that_cannot_be_written_costs_time_alone(results, tmp_path):
    (tmp_path / "cache").write_text("")
    found, index = remembered(results, tmp_path / "cache")
    assert len(found.tables) == 1
    assert isinstance(next(iter(index.met.values())), Lean)


def test_a_record_that_no_memory_can_hold_costs_time_alone(results, tmp_path):
    one = factories.record(0.5, pipeline=A, seed=7, files={PREDICTIONS: FileEntry(2**70, "0" * 64)})
    write(one, results / "binary" / one.run)
    found, index = remembered(results, tmp_path)
    assert len(index.met) == 11
    assert not index.path.exists()
    assert [*page(found, [], "json", [])] == [*page(compared(results), [], "json", [])]
