"""Predictions of another program, judged: a planted table by hand, and a run of ours that comes back as it went."""

import csv
from hashlib import sha256

import msgspec
import numpy as np
import pytest

from benchmark.data.splits import write_csv
from benchmark.evaluation.recomputing import recompute
from benchmark.evaluation.rescoring import rescore
from benchmark.evaluation.scoring import score
from benchmark.records.files import FILE, verify
from benchmark.report.card import card
from benchmark.stages import import_predictions, record_imported, score_imported
from benchmark.stages.context import Context, RunFacts
from benchmark.tasks.spec import AnySize, ImportedSpec, Setting
from registry.errors import DataError
from tests.specs import spec, summary
from tests.stages.test_controls import COUNT, LABELS, SIZE, SUBSETS, TARGETS, TESTED, artefacts

CLASSES = ["rest", "COVID"]
IDS = [f"radiograph-{row}" for row in range(COUNT)]
GROUPS = [f"patient-{row}" for row in range(COUNT)]
OUTSIDE = SUBSETS != "train"


def given(folder, probabilities, rows, **changes):
    """The step's surroundings, where a file holds these probabilities (N, 2) of some rows."""
    folder.mkdir(exist_ok=True)
    path = folder / "theirs.csv"
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "COVID", "rest"])
        table.writerows([IDS[row], *map(float, probabilities[row][::-1])] for row in np.flatnonzero(rows)[::-1])
    shared = {name: getattr(spec(resamples=200), name) for name in Setting.__struct_fields__}
    own = {"name": "theirs", "file": str(path), "sha256": sha256(path.read_bytes()).hexdigest()}
    own |= {"subsets": "all" if rows.sum() > TESTED.sum() else "test", "shares": "equal", "images": AnySize(size=SIZE)}
    made = artefacts(folder / "made")
    write_csv(made["split"] / "split.csv", IDS, LABELS, [None] * COUNT, GROUPS, SUBSETS)
    return Context(ImportedSpec(**{**shared, **own, **changes}), made, folder, lambda told: None)


def written(context):
    """Both steps, and the run's folder with its record."""
    for name, module in (("predict", import_predictions), ("score", score_imported)):
        context.artefacts[name] = context.partial / name
        context.artefacts[name].mkdir()
        module.build(context, context.artefacts[name])
    code = {"dataset": "digest"}
    facts = RunFacts("imported-theirs", "d", "p", "k", "theirs", code, summary(), trainings=["one"])
    target = context.partial / "results" / "imported-theirs"
    record_imported.write_run(context, facts, {"": "theirs"}, target)
    return verify(target / FILE), target


def split_odds(rows):
    """(N, 2) probabilities: .9 for the true class, but for the first of these rows of either class, which get .2."""
    true = np.full(COUNT, 0.9)
    for k in (0, 1):
        true[np.flatnonzero(rows & (k == TARGETS))[:5]] = 0.2
    return np.stack([np.where(TARGETS == 0, true, 1 - true), np.where(TARGETS == 1, true, 1 - true)], axis=1)


def test_one_answer_for_all_images_is_noted_with_what_can_mend_an_import(tmp_path):
    same = np.tile([0.1, 0.9], (COUNT, 1))
    (note,) = (one for one in written(given(tmp_path / "a", same, TESTED))[0].notes if "nearly" in one)
    assert note.startswith("answers COVID for (nearly) every test image: it has not learnt")
    assert note.endswith(": look at the file, and --shares") and "--epochs" not in note and ".png" not in note


def test_a_planted_table_has_the_metrics_that_a_hand_works_out(tmp_path):
    """20 test images of COVID and 40 others; of each 5 are wrong: sensitivity 15/20, specificity 35/40."""
    record, folder = written(given(tmp_path / "a", split_odds(TESTED), TESTED))
    value = {name: one.value for name, one in record.metrics.items()}
    assert record.confusion == [[35, 5], [5, 15]]
    assert value["sensitivity"] == 0.75
    assert value["specificity"] == 0.875
    assert value["balanced-accuracy"] == pytest.approx(0.8125)
    assert value["accuracy"] == pytest.approx(50 / 60)
    assert value["log-loss"] == pytest.approx(-(50 * np.log(0.9) + 10 * np.log(0.2)) / 60, abs=1e-6)
    assert value["brier"] == pytest.approx((50 * 0.1**2 + 10 * 0.8**2) / 60, abs=1e-6)
    # COVID at .9 (15) stands above .8 (5 others) and .1 (35); COVID at .2 (5) above .1 alone.
    assert value["auroc"] == pytest.approx((15 * 40 + 5 * 35) / (20 * 40))
    assert value["sensitivity@specificity-95"] is None
    assert record.calibration.method == "identity"
    assert "from .5 on" in record.calibration.decisions
    assert any("not calibrated" in note for note in record.notes)
    assert record.trainings == ["one"]
    assert recompute(record, folder, True).contradictions == []


def test_with_select_and_fit_it_is_calibrated_as_every_row_is(tmp_path):
    sure = split_odds(OUTSIDE)
    record, folder = written(given(tmp_path / "a", sure, OUTSIDE, shares="training"))
    assert record.calibration.method == "platt"
    assert record.calibration.n == 50
    assert record.metrics["sensitivity@specificity-95"].value is not None
    assert any("as every row is" in note for note in record.notes)
    assert recompute(record, folder, True).contradictions == []
    shares = [float(np.mean(TARGETS[SUBSETS == "train"] == k)) for k in (0, 1)]
    expected = scored(np.log(np.maximum(sure, 1e-12)).astype(np.float32), shares)
    assert record.metrics["log-loss"] == expected.metrics["log-loss"]
    assert list(record.calibration.data_prior.values()) == pytest.approx(shares)


def scored(logits, batch_prior):
    """Logits (N, 2) judged as a run's are."""
    shares = [float(np.mean(TARGETS[SUBSETS == "train"] == k)) for k in (0, 1)]
    return score(
        classes=CLASSES, positive="COVID", targets=TARGETS, logits=np.where(OUTSIDE[:, None], logits, 0),
        subsets=SUBSETS, groups=np.array(GROUPS), data_prior=shares, batch_prior=batch_prior, seed=0, resamples=200,
    )  # fmt: skip


def test_a_run_of_ours_comes_back_with_the_same_decisions_and_metrics(tmp_path):
    """Its calibrated probabilities, of test images alone, told to refer to the class shares of the training data."""
    logits = np.random.default_rng(1).normal(size=(COUNT, 2)) + 1.5 * np.eye(2)[TARGETS]
    ours = scored(logits, [0.5, 0.5])
    record, folder = written(given(tmp_path / "a", ours.probabilities, TESTED, shares="training"))
    assert record.confusion == ours.confusion
    for name in ("balanced-accuracy", "sensitivity", "auroc", "log-loss", "brier", "ece", "mcc"):
        assert record.metrics[name].value == pytest.approx(ours.metrics[name].value, abs=1e-6)
        assert record.metrics[name].low == pytest.approx(ours.metrics[name].low, abs=1e-5)
    with np.load(folder / "predictions.npz", allow_pickle=False) as stored:
        own = ours.corrected_logits[TESTED]
        assert np.array_equal(stored["corrected_logits"].argmax(1), own.argmax(1))
        np.testing.assert_allclose(np.diff(stored["corrected_logits"]), np.diff(own), atol=1e-5)


def test_zeros_and_ones_are_taken_for_nearly_that_and_counted(tmp_path):
    record, _ = written(given(tmp_path / "a", np.eye(2)[TARGETS], TESTED))
    assert record.metrics["auroc"].value == 1
    assert any("60 images have a probability below 1e-12" in note for note in record.notes)


def test_a_file_that_was_changed_meanwhile_is_not_read(tmp_path):
    context = given(tmp_path / "a", split_odds(TESTED), TESTED, sha256="0" * 64)
    with pytest.raises(DataError, match="was changed"):
        import_predictions.build(context, tmp_path)


def test_its_numbers_come_anew_from_what_was_stored_and_its_card_says_what_nobody_knows(tmp_path):
    record, folder = written(given(tmp_path / "a", split_odds(TESTED), TESTED))
    anew = tmp_path / "anew"
    anew.mkdir()
    found = rescore(record, folder, anew)
    assert found["metrics"] == record.metrics
    assert msgspec.json.encode(found["calibration"]) == msgspec.json.encode(record.calibration)
    text = card(record, folder)
    assert "theirs.csv, SHA-256" in text
    assert "Only its makers know." in text
    assert "drawn at random by training seed" not in text
