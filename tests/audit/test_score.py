"""`bench score`: a record anew beside the run that it is of."""

import json
import shutil

import msgspec
import pytest

from benchmark.audit.score import score_anew
from benchmark.audit.verify import verify
from benchmark.evaluation.recomputing import recompute
from benchmark.evaluation.rescoring import rescore
from benchmark.records import files as records
from benchmark.records.ledger import FOLDER, Ledger, entries
from registry.errors import ConfigError, DataError, DataNotFoundError, VerificationError
from tests import factories
from tests.published import SCORING, index, publish


@pytest.fixture
def results(tmp_path):
    return tmp_path / "results"


@pytest.fixture
def stale(results):
    """A run whose record other code has scored: every number a little lower, and another calibration."""
    folder = publish(results, ledger=Ledger(results))
    record = records.read(folder / records.FILE)
    lower = {name: msgspec.structs.replace(one, low=0.0) for name, one in record.metrics.items() if one.value}
    records.write(msgspec.structs.replace(record, metrics=lower, scoring={SCORING: "0" * 64}), folder)
    shutil.rmtree(results / FOLDER)
    Ledger(results).add_run(records.read(folder / records.FILE), folder)
    return folder, record


def test_a_run_that_is_scored_anew_has_the_numbers_of_todays_code_in_a_folder_of_its_own(results, stale):
    folder, original = stale
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    record, target = score_anew(folder, rescore, index())
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    seal = records.as_written(folder / records.FILE).seal
    assert (target.parent, record.run, record.scored_from) == (folder.parent, target.name, seal)
    assert target.name == f"{folder.name}-scored-{seal[:8]}"
    for name in ("metrics", "controls", "confusion", "calibration", "test"):
        assert getattr(record, name) == getattr(original, name), name
    assert record.scoring == original.scoring
    found = verify(results, recompute, index())
    assert found.trusted
    assert [one.run for one in found.of("stale")] == [folder.name]
    assert {line.run for one in entries(results) for line in one.lines} == {folder.name, target.name}


def test_the_new_record_counts_in_tables_and_the_run_is_there_once(results, stale, bench_in_process):
    score_anew(stale[0], rescore, index())
    code, text, _ = bench_in_process("compare", results, "--json")
    (row,) = [row for row in json.loads(text)["tables"][0]["rows"] if not row["control"]]
    assert code == 0
    assert row["seeds"] == [0]
    assert row["metrics"]["accuracy"]["low"] == stale[1].metrics["accuracy"].low > 0


def test_scoring_twice_replaces_the_first(results, stale, bench_in_process, monkeypatch):
    monkeypatch.setenv("BENCH_RESULTS", str(results))
    for run in (stale[0], stale[0].name):
        code, text, _ = bench_in_process("score", run)
        assert code == 0
        assert "balanced-accuracy" in text
    assert len(list(results.rglob("result.json"))) == 2
    assert verify(results, recompute, index()).trusted


def test_what_was_edited_is_not_scored(stale):
    folder, _ = stale
    path = folder / "predictions.npz"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(VerificationError, match=r"predictions\.npz was changed"):
        score_anew(folder, rescore, index())
    path.unlink()
    with pytest.raises(DataNotFoundError, match=r"no predictions\.npz"):
        score_anew(folder, rescore, index())


def test_what_has_nothing_to_score_says_so(results, stale):
    _, target = score_anew(stale[0], rescore, index())
    with pytest.raises(ConfigError, match="scored anew itself"):
        score_anew(target, rescore, index())
    failed = factories.failed()
    records.write(failed, results / "binary" / failed.run)
    with pytest.raises(ConfigError, match="nothing to score"):
        score_anew(results / "binary" / failed.run, rescore, index())
    with pytest.raises(DataNotFoundError):
        score_anew(results, rescore, index())


def test_folds_are_scored_one_by_one(results, stale):
    folder, record = stale
    calibration = msgspec.structs.replace(record.calibration, batch_prior={})
    records.write(msgspec.structs.replace(record, calibration=calibration), folder)
    with pytest.raises(DataError, match="score the runs that it was pooled of"):
        score_anew(folder, rescore, index())
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
