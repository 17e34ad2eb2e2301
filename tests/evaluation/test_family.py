"""The verdicts on a table, from predictions in folders; the old reference results among them."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest

from benchmark.evaluation.family import family_test
from benchmark.evaluation.intervals import proportion
from benchmark.evaluation.metrics import metric_named
from benchmark.records.calibration import CalibrationInfo, Threshold
from benchmark.records.estimate import Estimate
from benchmark.records.files import scan
from benchmark.records.record import Record
from benchmark.records.verdicts import Contender, Verdicts, images_needed, trainings_needed
from tests import factories

CLASSES = ["Non-COVID", "COVID"]
N, CALIBRATION = 300, 40
WHOLE, LUNGS = "none+sepcnn+dense", "unet+sepcnn+dense"
OLD = Path(__file__).parent.parent / "reference_schema_1"


def outputs(wrong: Sequence[int], targets: np.ndarray) -> np.ndarray:
    """Logits that decide rightly but for these images."""
    sure = np.where(np.isin(np.arange(len(targets)), wrong), -2.0, 2.0) * (2 * targets - 1)
    return np.stack([-sure / 2, sure / 2], axis=1)


def run(
    folder: Path,
    name: str,
    wrong: Sequence[int],
    *,
    seed: int = 0,
    order: int = 0,
    groups: Sequence[int] = (),
    logits: np.ndarray | None = None,
    rules: dict[str, np.ndarray] | None = None,
    folds: int = 1,
    **changes: object,
) -> Record:
    """A run with its predictions; every third image is positive, the first ones are of the calibration subset."""
    targets = (np.arange(N) % 3 == 0).astype(int)
    logits = outputs(wrong, targets) if logits is None else logits
    mixed = np.random.default_rng(order).permutation(N)
    test = np.arange(N) >= (CALIBRATION if folds == 1 else 0)
    columns = {
        "ids": np.array([f"image-{place:03}" for place in range(N)]),
        "groups": np.array([f"g{group:03}" for group in (groups if len(groups) else range(N))]),
        "targets": targets,
        "subsets": np.where(test, "test", "calibration"),
        "corrected_logits": logits,
        "probabilities": np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True),
    }
    columns |= {f"corrected_logits@{rule}": values for rule, values in (rules or {}).items()}
    columns |= {"fold": np.arange(N) // 3 % folds} if folds > 1 else {}
    (folder / f"{name}-{seed}").mkdir(parents=True)
    np.savez(folder / f"{name}-{seed}" / "predictions.npz", **{key: values[mixed] for key, values in columns.items()})
    values = {metric: float(metric_named(metric, CLASSES, "COVID").compute(targets[test], logits[test])) for metric in (
        "accuracy", "balanced-accuracy", "auroc", "mcc",
    )}  # fmt: skip
    metrics = {
        metric: Estimate(0.0 if np.isnan(value) else value, max(value - 0.03, 0), min(value + 0.03, 1), int(test.sum()))
        for metric, value in values.items()
    }
    key = f"{name}-{seed}"
    return factories.record(
        pipeline=name, seed=seed, run=key, key=key, trainings=[key], metrics=metrics, classes=CLASSES, **changes
    )


def several(folder: Path, name: str, counts: Sequence[int], start: int = 50, **changes: object) -> Contender:
    """A row of several trainings, each with so many wrong images."""
    runs = [
        run(folder, name, range(start + seed, start + seed + count), seed=seed, order=seed + start, **changes)  # type: ignore[arg-type]
        for seed, count in enumerate(counts)
    ]
    return Contender(name, runs)


def verdicts_of(
    folder: Path, rows: Sequence[Contender], metric: str = "balanced-accuracy", reference: int = 0, named: bool = False
) -> Verdicts:
    return family_test(lambda one: folder / one.run)(rows, metric, reference, named)


def test_a_difference_is_that_of_the_printed_numbers_whatever_the_order_of_images(tmp_path: Path) -> None:
    rows = [several(tmp_path, "a", (12, 14, 16)), several(tmp_path, "b", (40, 44, 42), 120)]
    found = verdicts_of(tmp_path, rows, "accuracy")
    verdict = found.differences[1]
    means = [np.mean([one.metrics["accuracy"].value for one in row.runs]) for row in rows]
    assert verdict.value == pytest.approx(means[1] - means[0])
    assert verdict.low < verdict.value < verdict.high < 0 and verdict.p < 0.05  # type: ignore[operator]
    assert verdict.error**2 == pytest.approx(verdict.image_error**2 + verdict.training_error**2)  # type: ignore[operator]
    assert verdict.high - verdict.value == pytest.approx(verdict.critical * verdict.error)  # type: ignore[operator]
    assert (found.pairs, found.groups, found.note) == (1, {"Non-COVID": 174, "COVID": 86}, "")
    assert found.differences[0].value is None
    standing = found.standings[0]
    assert (standing.trainings, standing.retrained, standing.borrowed, standing.constant) == (3, True, False, False)
    assert standing.first_low < standing.low < means[0] < standing.high < standing.first_high  # type: ignore[operator]
    assert trainings_needed(verdict, 0.1) == 2
    images, trainings = images_needed(verdict, 0.01)  # type: ignore[misc]
    assert images > 260 and trainings > 2


def test_a_table_is_tested_again_to_the_bit(tmp_path: Path) -> None:
    rows = [several(tmp_path, "a", (12, 14)), several(tmp_path, "b", (20, 24), 100)]
    assert verdicts_of(tmp_path, rows) == verdicts_of(tmp_path, rows)


def test_rows_of_one_training_speak_of_these_trainings_alone(tmp_path: Path) -> None:
    rows = [several(tmp_path, "a", (12,)), several(tmp_path, "b", (60,), 120)]
    found = verdicts_of(tmp_path, rows, "accuracy")
    verdict, standing = found.differences[1], found.standings[1]
    assert verdict.these_trainings and verdict.training_error == 0 and verdict.training_variance is None
    assert trainings_needed(verdict, 0.01) is None
    images, trainings = images_needed(verdict, 0.01)  # type: ignore[misc]
    assert images > 260 and trainings == 0  # the images are all there is to the error
    assert not standing.retrained
    recorded = rows[1].runs[0].metrics["accuracy"]
    assert (standing.low, standing.high) == pytest.approx((recorded.low, recorded.high))


def test_one_training_beside_rows_of_several_borrows_their_spread(tmp_path: Path) -> None:
    rows = [
        several(tmp_path, name, counts, 50 + 70 * place)
        for place, (name, counts) in enumerate({"a": (12, 20, 16), "b": (30, 22, 35), "c": (40,)}.items())
    ]
    found = verdicts_of(tmp_path, rows)
    assert [one.borrowed for one in found.standings] == [False, False, True]
    assert not found.differences[2].these_trainings and found.differences[2].training_error > 0  # type: ignore[operator]
    few = verdicts_of(tmp_path, [rows[0], rows[2]])
    assert few.differences[1].these_trainings and not few.standings[1].borrowed


def test_the_majority_has_its_score_whatever_the_images(tmp_path: Path) -> None:
    row = several(tmp_path, "a", (12, 14, 20))
    rows = [row, Contender("majority", row.runs[:1], "majority")]
    found = verdicts_of(tmp_path, rows)
    assert (found.standings[1].low, found.standings[1].high, found.standings[1].constant) == (0.5, 0.5, True)
    assert found.standings[1].trainings == 0 and not found.standings[1].retrained
    assert found.differences[1].high < 0  # type: ignore[operator]
    share = verdicts_of(tmp_path, rows, "accuracy").standings[1]
    wilson = proportion(np.arange(260) < 174, np.arange(260))
    assert (share.low, share.high) == pytest.approx((wilson.low, wilson.high))
    assert verdicts_of(tmp_path, rows, "mcc").differences[1].value == pytest.approx(
        -np.mean([one.metrics["mcc"].value for one in row.runs])  # type: ignore[arg-type]
    )


def test_a_network_with_one_answer_for_all_images_is_like_the_constant_rule(tmp_path: Path) -> None:
    none = np.tile([1.0, -1.0], (N, 1))
    stuck = Contender("stuck", [run(tmp_path, "stuck", (), seed=seed, logits=none) for seed in range(2)])
    row = several(tmp_path, "a", (12, 14))
    found = verdicts_of(tmp_path, [row, stuck, Contender("majority", row.runs, "majority")], reference=1)
    assert (found.standings[1].low, found.standings[1].high, found.standings[1].constant) == (0.5, 0.5, True)
    same = found.differences[2]
    assert same.identical and same.value == 0 and same.low is None and same.p is None
    recorded = stuck.runs[0].metrics["accuracy"]
    share = verdicts_of(tmp_path, [row, stuck], "accuracy").standings[1]
    assert (share.low, share.high) == pytest.approx((recorded.low, recorded.high))


def test_rows_with_the_same_decisions_are_the_same(tmp_path: Path) -> None:
    rows = [several(tmp_path, "a", (12, 14)), several(tmp_path, "b", (12, 14))]
    found = verdicts_of(tmp_path, rows)
    assert found.differences[1].identical and found.pairs == 0 and found.differences[1].n == 260


def test_rules_are_read_from_the_record_that_holds_their_outputs(tmp_path: Path) -> None:
    targets = (np.arange(N) % 3 == 0).astype(int)
    rules = {"border": outputs(range(60, 100), targets), "8x8": outputs(range(100, 180), targets)}
    kept = run(tmp_path, "controls", (), rules=rules, controls={"border": {"accuracy": Estimate(0.84, 0.8, 0.88)}})
    rows = [several(tmp_path, "a", (12, 14)), *(Contender(rule, [kept], rule) for rule in ("border", "8x8", "gone"))]
    found = verdicts_of(tmp_path, rows, "accuracy")
    assert found.pairs == 2
    assert [one.trainings for one in found.standings] == [2, 0, 0, 0]
    assert (found.standings[1].low, found.standings[1].high) == pytest.approx((0.846 - 0.046, 0.88), abs=1e-3)
    assert found.differences[2].value == pytest.approx(180 / 260 - 247 / 260)
    assert found.differences[3].value is None and "cannot be read" in found.differences[3].note
    between = verdicts_of(tmp_path, rows, "accuracy", reference=1)
    assert between.differences[2].low is None and "not tested against each other" in between.differences[2].note


def test_a_row_named_before_has_a_family_of_its_own(tmp_path: Path) -> None:
    rows = [several(tmp_path, name, (12, 14), 50 + 40 * place) for place, name in enumerate("abcde")]
    whole, named = (verdicts_of(tmp_path, rows, named=named) for named in (False, True))
    assert (whole.pairs, named.pairs) == (10, 4)
    assert named.differences[1].quantile < whole.differences[1].quantile  # type: ignore[operator]


def test_rows_on_other_images_are_untested_with_the_reason(tmp_path: Path) -> None:
    a, b = several(tmp_path, "a", (12, 14)), several(tmp_path, "b", (20, 24), 100)
    paired = several(tmp_path, "paired", (20, 24), 100, groups=np.arange(N) // 2)
    found = verdicts_of(tmp_path, [a, paired, b])
    assert found.differences[1].value is None and "other images" in found.differences[1].note
    assert found.differences[2].value is not None
    recorded = found.standings[1]
    assert recorded.low is not None and not recorded.retrained and "other images" in recorded.note
    behind = verdicts_of(tmp_path, [a, paired, b], reference=1)
    assert behind.differences[1].n == 260 and {one.note for one in behind.differences} >= {
        "its predictions are of other images"
    }


def test_what_cannot_be_tested_says_why(tmp_path: Path) -> None:
    a, b, c = (several(tmp_path, name, (12, 14), 50 + 50 * place) for place, name in enumerate("abc"))
    (tmp_path / "b-1" / "predictions.npz").write_bytes(b"no archive")
    (tmp_path / "c-0" / "predictions.npz").unlink()
    found = verdicts_of(tmp_path, [a, b, c, Contender("empty", [])])
    assert [one.value for one in found.differences] == [None] * 4
    notes = [one.note for one in found.differences]
    assert "cannot be read" in notes[1] and notes[2] == "no predictions.npz of c-0" and "no numbers" in notes[3]
    assert found.standings[0].retrained  # what it is by itself is known
    lacking = verdicts_of(tmp_path, [b, a])
    assert all(one.note for one in lacking.differences) and "cannot be read" in lacking.note
    assert verdicts_of(tmp_path, [a], "unheard").note == "unheard cannot be tested"
    assert verdicts_of(tmp_path, []).note == "no pipeline has numbers"
    assert verdicts_of(tmp_path, [b, c]).note


def test_predictions_that_do_not_give_the_recorded_number_are_not_used(tmp_path: Path) -> None:
    a, b = several(tmp_path, "a", (12,)), several(tmp_path, "b", (20,), 100)
    forged = msgspec.structs.replace(b.runs[0], metrics={"balanced-accuracy": Estimate(0.99, 0.98, 1.0, 260)})
    found = verdicts_of(tmp_path, [a, Contender("b", [forged])])
    assert "do not give its recorded balanced-accuracy" in found.differences[1].note


def test_with_fewer_than_ten_groups_of_a_class_there_is_no_verdict(tmp_path: Path) -> None:
    targets = (np.arange(N) % 3 == 0).astype(int)
    groups = np.where(targets, np.arange(N) % 8, np.arange(N))
    rows = [several(tmp_path, "a", (12, 14), groups=groups), several(tmp_path, "b", (30, 34), 100, groups=groups)]
    found = verdicts_of(tmp_path, rows)
    assert found.groups["COVID"] < 10
    verdict = found.differences[1]
    assert verdict.value is not None and verdict.low is None and "fewer than ten groups of COVID" in verdict.note
    assert found.standings[0].low is not None and found.standings[0].note == verdict.note == found.note


def test_rows_on_common_trainings_are_compared_by_their_common_seeds(tmp_path: Path) -> None:
    a = several(tmp_path, "a", (12, 14, 20))
    runs = [
        msgspec.structs.replace(one, trainings=[f"a-{one.seed}", "x"])
        for one in several(tmp_path, "v", (11, 15), 51).runs
    ]
    found = verdicts_of(tmp_path, [a, Contender("v", runs)], "accuracy")
    assert found.differences[1].value == pytest.approx((26 / 2 - 26 / 2) / 260)
    assert found.differences[1].common_trainings and not found.differences[1].these_trainings
    single = verdicts_of(tmp_path, [a, Contender("v", runs[:1])], "accuracy")
    assert single.differences[1].these_trainings and single.differences[1].value == pytest.approx(1 / 260)


def test_folds_are_tested_by_what_they_differ_in(tmp_path: Path) -> None:
    rows = [
        Contender(name, [run(tmp_path, name, range(start, start + count), folds=5, fold=None)])
        for name, start, count in (("a", 50, 20), ("b", 120, 60))
    ]
    kept = run(tmp_path, "controls", (), rules={"border": outputs(range(90), (np.arange(N) % 3 == 0).astype(int))})
    with np.load(tmp_path / "controls-0" / "predictions.npz") as stored:  # it knows of no folds
        columns = {**stored, "subsets": np.full(N, "test")}
    np.savez(tmp_path / "controls-0" / "predictions.npz", **columns)
    rows = [Contender("border", [kept], "border"), *rows, Contender("majority", rows[0].runs, "majority")]
    found = verdicts_of(tmp_path, rows, reference=1)
    verdict = found.differences[2]
    assert found.pairs == 5 and not verdict.these_trainings and verdict.training_variance is None
    assert verdict.critical == verdict.quantile and verdict.low < verdict.value < verdict.high  # type: ignore[operator]
    assert found.standings[1].trainings == 5 and not found.standings[1].retrained
    assert found.differences[0].low is not None and found.differences[3].high < 0  # type: ignore[operator]


def test_a_metric_that_a_fold_does_not_define_is_not_tested(tmp_path: Path) -> None:
    targets = (np.arange(N) % 3 == 0).astype(int)
    never = np.where(np.arange(N)[:, None] // 3 % 5 == 2, [[1.0, -1.0]], outputs((), targets))
    one = run(tmp_path, "a", (), logits=never, folds=5, fold=None)
    value = float(metric_named("precision/COVID", CLASSES).compute(targets, never))
    one = msgspec.structs.replace(one, metrics={"precision/COVID": Estimate(value, n=N)})
    found = verdicts_of(tmp_path, [Contender("a", [one])], "precision/COVID")
    assert "not defined in fold 2" in found.note


def test_metrics_at_a_threshold_are_tested_like_any(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    targets = (np.arange(N) % 3 == 0).astype(int)
    rows = []
    for name, gap in (("a", 2.0), ("b", 1.0)):
        scores = rng.normal(size=N) + gap * targets
        one = run(tmp_path, name, (), logits=np.stack([-scores / 2, scores / 2], axis=1))
        cut = np.sort(scores[:CALIBRATION][targets[:CALIBRATION] == 0])[24]  # of 26 negatives 25 are at least 95 %
        sensitivity = float((scores > cut)[CALIBRATION:][targets[CALIBRATION:] == 1].mean())
        metrics = {"sensitivity@specificity-95": Estimate(sensitivity, n=86)}
        thresholds = {"specificity-95": Threshold(log_odds=float(np.nextafter(cut, np.inf)))}
        calibration = CalibrationInfo(thresholds=thresholds)
        rows.append(Contender(name, [msgspec.structs.replace(one, metrics=metrics, calibration=calibration)]))
    found = verdicts_of(tmp_path, rows, "sensitivity@specificity-95")
    values = [row.runs[0].metrics["sensitivity@specificity-95"].value for row in rows]
    assert found.differences[1].value == pytest.approx(values[1] - values[0])  # type: ignore[operator]


@pytest.fixture(scope="module")
def old() -> tuple[dict[str, list[Record]], dict[str, Path]]:
    """The results of schema 1 by pipeline, and where they lie."""
    rows: dict[str, list[Record]] = {}
    folders = {}
    for path, record in scan(OLD):
        assert isinstance(record, Record)
        rows.setdefault(record.pipeline, []).append(record)
        folders[record.run] = Path(path).parent
    return rows, folders


Old = tuple[dict[str, list[Record]], dict[str, Path]]


def test_what_the_old_reference_claimed_is_no_longer_told_apart(old: Old) -> None:
    rows, folders = old
    test = family_test(lambda one: folders[one.run])
    contenders = [Contender(name, runs) for name, runs in rows.items()]
    contenders.append(Contender("majority", rows[WHOLE][:1], "majority"))
    names = [one.name for one in contenders]
    by_lungs = test(contenders, "balanced-accuracy", names.index(LUNGS), False)
    whole = by_lungs.differences[names.index(WHOLE)]
    assert whole.value == pytest.approx(0.054, abs=5e-4)
    assert whole.high - whole.value >= 0.044 and whole.low < 0  # type: ignore[operator]
    first = max(
        range(len(names)),
        key=lambda i: np.mean([one.metrics["balanced-accuracy"].value for one in rows.get(names[i], [])] or [0]),
    )  # type: ignore[arg-type]
    verdicts = test(contenders, "balanced-accuracy", first, False).differences
    votes = [i for i, name in enumerate(names) if i != first and "vote" not in name and "(" in name]
    assert len(votes) == 3
    for i in votes:  # of the same two trainings
        assert verdicts[i].these_trainings
        assert max(-verdicts[i].low, verdicts[i].high) < 0.04  # type: ignore[operator]
    assert names[first].startswith("hard(")
    assert verdicts[names.index(WHOLE)].low < 0 < verdicts[names.index(WHOLE)].high  # type: ignore[operator]


def test_as_a_pair_the_whole_frame_is_ahead_of_the_lungs_by_no_less_than_retraining_allows(old: Old) -> None:
    rows, folders = old
    pair = [Contender(name, rows[name]) for name in (LUNGS, WHOLE)]
    found = family_test(lambda one: folders[one.run])(pair, "balanced-accuracy", 0, False).differences[1]
    assert found.value == pytest.approx(0.054, abs=5e-4)
    assert found.high - found.value == pytest.approx(0.049, abs=2e-3)  # type: ignore[operator]


def test_the_accuracy_of_the_first_lungs_only_run_cannot_be_told_from_the_majority(old: Old) -> None:
    rows, folders = old
    first = [one for one in rows[LUNGS] if one.seed == 0]
    pair = [Contender(LUNGS, first), Contender("majority", first, "majority")]
    found = family_test(lambda one: folders[one.run])(pair, "accuracy", 0, False).differences[1]
    assert found.value == pytest.approx(0.768 - 0.810)
    assert found.low < 0 < found.high  # type: ignore[operator]


def test_a_damaged_archive_is_untested_and_no_traceback(tmp_path: Path) -> None:
    rows = [several(tmp_path, "a", (12,)), several(tmp_path, "b", (60,), 120)]
    path = tmp_path / f"{rows[1].runs[0].run}" / "predictions.npz"
    whole = path.read_bytes()
    for place in range(40, len(whole), len(whole) // 60):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        verdicts_of(tmp_path, rows, "accuracy")
