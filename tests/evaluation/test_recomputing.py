"""Numbers anew from stored outputs: of any number of classes, of pooled folds, of rules, and of records of any age."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from benchmark.audit.verify import verify
from benchmark.evaluation.controls import judge_controls
from benchmark.evaluation.estimates import Outputs, evaluate
from benchmark.evaluation.metrics import log_odds
from benchmark.evaluation.recomputing import recompute
from benchmark.evaluation.trust import distrust
from benchmark.records import files as records
from benchmark.records.record import Record
from tests import factories
from tests.published import RESAMPLES, index, publish

OLD = Path(__file__).parents[1] / "reference_schema_1"
COMMITTED = Path(__file__).parents[2] / "results" / "reference"
THREE = {"Normal": ["Normal"], "COVID": ["COVID"], "Viral Pneumonia": ["Viral Pneumonia"]}


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """A run of three classes."""
    folder = publish(tmp_path_factory.mktemp("several"), classes=THREE, task="multiclass")
    return records.read(folder / records.FILE), folder


def plainly(record: Record, **changes: object) -> Record:
    """As it would be read again."""
    changed = msgspec.structs.replace(record, **changes)
    return msgspec.json.decode(msgspec.json.encode(changed, enc_hook=lambda number: number.item()), type=Record)


def test_of_several_classes_every_metric_and_interval_is_found_again(several):
    found = recompute(*several, True)
    assert (found.contradictions, found.unchecked) == ([], [])


@pytest.mark.parametrize("name", ["auroc/COVID", "auprc", "ece-floor", "specificity/Normal", "n/COVID"])
def test_a_metric_of_several_classes_that_was_changed_is_named(several, name):
    record, folder = several
    other = msgspec.structs.replace(record.metrics[name], value=record.metrics[name].value + 1e-7)
    found = recompute(plainly(record, metrics={**record.metrics, name: other}), folder, True)
    assert [text.partition(":")[0] for text in found.contradictions] == [name]


def test_a_metric_that_is_lacking_or_has_another_interval_is_named_only_where_the_code_is_the_same(several):
    record, folder = several
    wider = msgspec.structs.replace(record.metrics["mcc"], low=-1.0)
    kept = {name: one for name, one in record.metrics.items() if name != "brier"}
    other = plainly(record, metrics={**kept, "mcc": wider})
    assert [text.partition(":")[0] for text in recompute(other, folder, True).contradictions] == ["mcc", "brier"]
    found = recompute(other, folder, False)
    assert found.contradictions == []
    assert any(text.startswith("intervals") for text in found.unchecked)


def test_without_the_split_the_source_oracle_alone_is_unchecked(tmp_path):
    folder = publish(tmp_path)
    (folder / "split.csv").unlink()
    found = recompute(records.read(folder / records.FILE), folder, True)
    assert found.contradictions == []
    assert [text.partition(":")[0] for text in found.unchecked] == ["the source oracle"]


def test_predictions_that_do_not_fit_are_a_contradiction_and_no_traceback(several, tmp_path):
    record, folder = several
    whole = (folder / "predictions.npz").read_bytes()
    header = whole.replace(b"'shape': (", b"'shape': \"")
    for content in (b"", b"no archive", whole[:500], header, whole[:-30]):
        (tmp_path / "predictions.npz").write_bytes(content)
        assert "cannot be read" in recompute(record, tmp_path, True).contradictions[0]
        assert "cannot be read" in distrust(msgspec.structs.replace(record, files=None), tmp_path, "accuracy")
    two = publish(tmp_path / "two")
    assert recompute(record, two, True).contradictions


def test_a_run_is_distrusted_for_the_metric_that_its_predictions_do_not_give_and_for_no_other(several):
    record, folder = several
    assert [distrust(record, folder, name) for name in record.metrics] == [""] * len(record.metrics)
    other = msgspec.structs.replace(record.metrics["auroc"], value=0.999)
    changed = plainly(record, metrics={**record.metrics, "auroc": other})
    assert "do not give its auroc" in distrust(changed, folder, "auroc")
    assert distrust(changed, folder, "accuracy") == distrust(changed, folder, "no-such-metric") == ""
    assert distrust(record, folder / "nowhere", "auroc") == ""


@pytest.fixture
def pooled(several, tmp_path):
    """Two folds as one result: their metrics, and rules that learn from the other fold."""
    record, folder = several
    with np.load(folder / "predictions.npz") as stored:
        arrays = {name: stored[name][stored["subsets"] == "test"] for name in stored.files}
    arrays["fold"] = np.arange(len(arrays["ids"])) % 2
    np.savez(tmp_path / "predictions.npz", **arrays)
    targets, groups = arrays["targets"], arrays["groups"]
    corrected, probabilities = arrays["corrected_logits"], arrays["probabilities"]
    outputs = Outputs(corrected.argmax(axis=1), log_odds(corrected), probabilities)
    shares = np.empty((len(targets), 3))
    for fold in (0, 1):
        counts = np.bincount(targets[arrays["fold"] != fold], minlength=3) + 1 / 3
        overall = counts / counts.sum()
        shares[arrays["fold"] == fold] = (counts - 1 / 3 + overall) / (counts.sum())
    about = record.classes, None, targets
    calibration = msgspec.structs.replace(record.calibration, method=None, thresholds={})
    changes = {
        "fold": None,
        "test": "",
        "metrics": evaluate(*about, outputs, groups, 0, RESAMPLES),
        "controls": judge_controls(*about, {"majority": shares}, groups, 0, RESAMPLES),
        "split": msgspec.structs.replace(record.split, counts={"test": record.split.counts["test"]}, folds=2),
        "calibration": calibration,
    }
    return plainly(record, **changes), tmp_path


def test_pooled_folds_are_found_again_and_so_are_their_rules(pooled):
    record, folder = pooled
    found = recompute(record, folder, True)
    assert found.contradictions == []
    assert [text.partition(" of")[0] for text in found.unchecked] == ["thresholds and uncalibrated metrics"]
    other = {"majority": {**record.controls["majority"], "accuracy": factories.estimate(0.9)}}
    assert recompute(plainly(record, controls=other), folder, True).contradictions


def test_a_record_of_rules_is_found_again_rule_by_rule(several, tmp_path):
    record, folder = several
    with np.load(folder / "predictions.npz") as stored:
        arrays = {name: stored[name] for name in stored.files}
    columns = {name: arrays[name] for name in ("ids", "groups", "targets", "subsets")}
    columns |= {f"{kind}@border": arrays[kind] for kind in ("corrected_logits", "probabilities")}
    np.savez(tmp_path / "predictions.npz", **columns)
    metrics = record.metrics
    spec = {**record.spec, "kind": "controls"}
    rules = plainly(record, spec=spec, metrics={}, confusion=[], controls={"border": metrics})
    assert recompute(rules, tmp_path, True).contradictions == []
    other = {**metrics, "auroc": msgspec.structs.replace(metrics["auroc"], value=0.6)}
    found = recompute(plainly(rules, controls={"border": other}), tmp_path, True).contradictions
    assert [text.partition(":")[0] for text in found] == ["control border, auroc"]


@pytest.mark.parametrize("root", [OLD, COMMITTED], ids=["schema-1", "committed"])
def test_committed_records_verify_through_the_upgrade_and_say_what_could_not_be_checked(root):
    found = verify(root, recompute, index())
    assert found.trusted
    assert found.records == found.recomputed == len(list(root.rglob("result.json")))
    assert {one.kind for one in found.findings} <= {"unchecked", "older", "left-out", "stale"}


def test_records_from_before_the_list_of_files_say_so():
    unchecked = {one.what.partition(":")[0] for one in verify(OLD, recompute, index()).of("unchecked")}
    assert {"files other than predictions", "intervals", "by what code it was scored"} <= unchecked
