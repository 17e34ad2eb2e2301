from pathlib import Path

import msgspec
import numpy as np
import pytest

from benchmark.evaluation.metrics import metric_named
from benchmark.evaluation.paired import paired_test
from benchmark.records.estimate import Estimate
from benchmark.records.record import Record
from tests import factories

CLASSES = ["Non-COVID", "COVID"]


def run(folder: Path, name: str, wrong: int, *, seed: int = 0, order: int = 0, n: int = 200) -> Record:
    """A run whose first `wrong` test images are misjudged; its images are shuffled by `order`."""
    ids = np.array([f"image-{place:03}" for place in range(n)])
    targets = np.arange(n) % 2
    sure = np.where(np.arange(n) < wrong, -2.0, 2.0) * (2 * targets - 1)
    logits = np.stack([-sure / 2, sure / 2], axis=1).astype(np.float32)
    mixed = np.random.default_rng(order).permutation(n)
    subsets = np.where(np.arange(n) < 10, "calibration", "test")[mixed]
    folder.mkdir(parents=True)
    np.savez(
        folder / "predictions.npz", ids=ids[mixed], groups=ids[mixed], targets=targets[mixed], subsets=subsets,
        corrected_logits=logits[mixed], probabilities=1 / (1 + np.exp(-logits[mixed])),
    )  # fmt: skip
    test = np.arange(n) >= 10
    value = float(metric_named("accuracy", CLASSES).compute(targets[test], logits[test], np.ones((1, n - 10)))[0])
    metrics = {"accuracy": Estimate(value, n=n - 10), "unheard": Estimate(0.5, n=n - 10)}
    return factories.record(pipeline=name, seed=seed, run=folder.name, key=folder.name, metrics=metrics)


def test_the_difference_is_that_of_the_recorded_metrics_whatever_the_order_of_images(tmp_path: Path) -> None:
    good = [run(tmp_path / f"a{seed}", "a", 14 + seed, seed=seed, order=seed) for seed in range(2)]
    bad = [run(tmp_path / "b0", "b", 60, order=9)]
    found = paired_test(lambda one: tmp_path / one.run)(good, bad, "accuracy")
    assert found.n == 190
    assert found.value == pytest.approx((50 - 4.5) / 190)
    assert found.low is not None and found.high is not None and 0 < found.low < found.value < found.high


def as_of_schema_1(folder: Path) -> None:
    """Give the predictions in a run's folder the names that schema 1 had, with some images of validation."""
    with np.load(folder / "predictions.npz") as stored:
        columns = dict(stored)
    parts, evidence = columns.pop("subsets"), columns.pop("corrected_logits")
    parts = np.where(parts == "calibration", "fit", parts)
    parts[np.flatnonzero(parts == "fit")[::2]] = "select"
    np.savez(folder / "predictions.npz", parts=parts, evidence=evidence, **columns)


def test_predictions_of_schema_1_are_read_by_its_names(tmp_path: Path) -> None:
    pair = [run(tmp_path / "a", "a", 14)], [run(tmp_path / "b", "b", 30)]
    today = paired_test(lambda one: tmp_path / one.run)(*pair, "accuracy")
    assert today.value is not None
    for name in ("a", "b"):
        as_of_schema_1(tmp_path / name)
    assert paired_test(lambda one: tmp_path / one.run)(*pair, "accuracy") == today
    for subset in ("validation", "calibration"):  # by today's names
        found = paired_test(lambda one: tmp_path / one.run, subset=subset)(*pair, "accuracy")
        assert found.n == 5
    beside = run(tmp_path / "c", "c", 30)  # whose predictions have today's names
    assert paired_test(lambda one: tmp_path / one.run)(pair[0], [beside], "accuracy").value == today.value


def test_a_test_repeats_bit_for_bit(tmp_path: Path) -> None:
    pair = [run(tmp_path / "a", "a", 14)], [run(tmp_path / "b", "b", 30)]
    test = paired_test(lambda one: tmp_path / one.run)
    assert test(*pair, "accuracy") == test(*pair, "accuracy")


def test_what_cannot_be_tested_says_why(tmp_path: Path) -> None:
    a, b = run(tmp_path / "a", "a", 14), run(tmp_path / "b", "b", 30)
    smaller = run(tmp_path / "c", "c", 30, n=150)
    test = paired_test(lambda one: tmp_path / one.run)
    assert "different images" in test([a], [smaller], "accuracy").note
    assert "cannot be resampled" in test([a], [b], "unheard").note
    (tmp_path / "b" / "predictions.npz").write_bytes(b"no archive")
    assert "cannot be read" in test([a], [b], "accuracy").note
    (tmp_path / "b" / "predictions.npz").unlink()
    assert test([a], [b], "accuracy").note == "no predictions.npz of b"


def test_predictions_that_do_not_give_the_recorded_number_are_not_used(tmp_path: Path) -> None:
    a, b = run(tmp_path / "a", "a", 14), run(tmp_path / "b", "b", 30)
    other = factories.record(pipeline="a", run="a", metrics={"accuracy": Estimate(0.5, n=190)})
    found = paired_test(lambda one: tmp_path / one.run)([other], [b], "accuracy")
    assert "do not give its recorded accuracy" in found.note
    assert paired_test(lambda one: tmp_path / one.run)([a], [b], "accuracy").value is not None


def test_folds_that_were_pooled_are_tested_on_all_their_images(tmp_path: Path) -> None:
    whole = [run(tmp_path / name, name, wrong) for name, wrong in (("a", 14), ("b", 30))]
    pooled = []
    for one in whole:
        folder = tmp_path / one.run
        with np.load(folder / "predictions.npz") as stored:
            kept = {name: stored[name][stored["subsets"] == "test"] for name in stored.files}
        np.savez(folder / "predictions.npz", fold=np.arange(190) % 5, **kept)
        pooled.append(msgspec.structs.replace(one, fold=None))
    found = paired_test(lambda one: tmp_path / one.run)([pooled[0]], [pooled[1]], "accuracy")
    assert (found.n, found.value) == (190, pytest.approx(16 / 190))


def test_the_minimum_detectable_difference_is_that_of_the_interval_s_standard_error(tmp_path: Path) -> None:
    pair = [run(tmp_path / "a", "a", 14)], [run(tmp_path / "b", "b", 30)]
    found = paired_test(lambda one: tmp_path / one.run)(*pair, "accuracy")
    assert found.low is not None and found.high is not None
    error = (found.high - found.low) / 2 / 1.959964
    assert found.minimum_detectable == pytest.approx((1.959964 + 0.841621) * error)


def test_a_pipeline_is_read_and_resampled_once_however_often_it_is_tested(tmp_path: Path) -> None:
    a, b, c = (run(tmp_path / name, name, wrong) for name, wrong in (("a", 14), ("b", 30), ("c", 44)))
    test = paired_test(lambda one: tmp_path / one.run)
    first = test([a], [b], "accuracy")
    for name in ("a", "b"):
        (tmp_path / name / "predictions.npz").unlink()
    assert test([a], [b], "accuracy") == first
    assert test([a], [c], "accuracy").value == pytest.approx(30 / 190)
    assert test([a], [b], "mcc").note == "no predictions.npz of a"


def test_the_same_images_in_other_groups_are_other_images(tmp_path: Path) -> None:
    a, b = run(tmp_path / "a", "a", 14), run(tmp_path / "b", "b", 30)
    with np.load(tmp_path / "b" / "predictions.npz") as stored:
        columns = {**stored, "groups": np.array([name[:-1] for name in stored["groups"]])}
    np.savez(tmp_path / "b" / "predictions.npz", **columns)
    found = paired_test(lambda one: tmp_path / one.run)([a], [b], "accuracy")
    assert found.value is None and "different images" in found.note
