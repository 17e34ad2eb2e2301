"""Evaluations on images of elsewhere in a results folder that is checked."""

import msgspec
import numpy as np
import pytest

from benchmark.audit.verify import verify
from benchmark.evaluation.recomputing_external import recompute_external
from benchmark.records import external
from benchmark.records.contents import listing
from benchmark.records.estimate import Estimate
from benchmark.storage.code import OWN
from tests.externals import evaluation, stored, stored_masks
from tests.specs import index

N = 240
MODULE = "benchmark.stages.external_scores"
SCORING = {MODULE: index().code_digest(MODULE, OWN)}


@pytest.fixture
def folder(tmp_path):
    """A results folder with one evaluation."""
    place = tmp_path / "external" / "one"
    place.mkdir(parents=True)
    np.savez(place / "predictions.npz", ids=np.array(["a"]))
    external.write(evaluation(files=listing(place)), place)
    return place


def found(folder):
    checked = verify(folder.parent.parent, lambda *_: None, index())
    return [(one.kind, one.place, one.what) for one in checked.findings], checked.trusted


def test_one_as_it_was_written_is_trusted(folder):
    assert found(folder) == ([], True)


def test_changed_and_missing_predictions_are_not_trusted(folder):
    with (folder / "predictions.npz").open("ab") as file:
        file.write(b"more")
    assert found(folder) == ([("edited", "external/one", "predictions.npz")], False)
    (folder / "predictions.npz").unlink()
    assert found(folder) == ([("missing", "external/one", "predictions.npz")], False)


def test_an_edited_one_is_not_trusted_and_a_file_of_somebody_else_is_named(folder):
    (folder / "notes.txt").touch()
    assert found(folder) == ([("unlisted", "external/one", "notes.txt")], True)
    path = folder / external.FILE
    path.write_text(path.read_text().replace('"n": 300', '"n": 3000'))
    ((kind, place, _),), trusted = found(folder)
    assert (kind, place, trusted) == ("edited", "external/one/external.json", False)


def judged(tmp_path, **changes):
    """The results folder with an evaluation whose predictions give its numbers, but for changes of these."""
    place = tmp_path / "external" / "one"
    targets, groups = (np.arange(N) % 3 == 0).astype(int), np.arange(N) // 2
    rng = np.random.default_rng(0)
    odds = rng.normal(np.where(targets == 1, 2.0, 0.0), 1.5)
    one = stored(place, targets, np.stack([np.zeros(N), odds], axis=1), groups, local=40, scoring=SCORING)
    return again(place, one, **changes)


def again(place, one, **changes):
    one = msgspec.structs.replace(one, **changes)
    external.write(one, place)
    return one


def checked(root):
    found = verify(root, lambda *_: None, index(), recompute_external)
    return [one.what for one in found.of("contradicted")], [one.what for one in found.of("unchecked")], found.trusted


def test_what_its_predictions_give_is_trusted_intervals_too(tmp_path):
    judged(tmp_path)
    assert checked(tmp_path) == ([], [], True)


@pytest.mark.parametrize(
    ("field", "name", "end", "told"),
    [
        ("metrics", "balanced-accuracy", "low", "balanced-accuracy: low: stored outputs give"),
        ("metrics", "auroc", "value", "auroc: stored outputs give"),
        ("metrics", "ece", "value", "ece: stored outputs give"),
        ("drop", "sensitivity", "high", "drop of sensitivity: high: stored outputs give"),
    ],
)
def test_a_number_or_an_end_that_they_do_not_give_is_not(tmp_path, field, name, end, told):
    one = judged(tmp_path)
    known = getattr(one, field)
    better = msgspec.structs.replace(known[name], **{end: getattr(known[name], end) + 0.01})
    again(tmp_path / "external" / "one", one, **{field: {**known, name: better}})
    (said,), unchecked, trusted = checked(tmp_path)
    assert said.startswith(told) and unchecked == [] and not trusted


def test_nor_are_counts_subgroups_and_what_recalibration_mends(tmp_path):
    one = judged(tmp_path)
    first, *others = one.subgroups
    men = msgspec.structs.replace(first, metrics={**first.metrics, "sensitivity": Estimate(0.99, 0.98, 1.0, 70)})
    mended = msgspec.structs.replace(
        one.recalibration, metrics={**one.recalibration.metrics, "accuracy": Estimate(1.0, 0.99, 1.0, N - 40)}
    )
    again(tmp_path / "external" / "one", one, n=N, subgroups=[men, *others], recalibration=mended, needed={})
    said, _, trusted = checked(tmp_path)
    heads = {text.partition(": ")[0] for text in said}
    assert {"n", "needed", f"{first.trait} {first.value}, sensitivity", "recalibrated, accuracy"} <= heads
    assert not trusted


def test_by_other_code_values_are_found_anew_and_intervals_said_to_be_unchecked(tmp_path):
    one = judged(tmp_path)
    wider = msgspec.structs.replace(one.metrics["auroc"], low=0.1)
    place = tmp_path / "external" / "one"
    again(place, one, scoring={"benchmark.stages.external_scores": "0" * 64}, metrics={**one.metrics, "auroc": wider})
    assert checked(tmp_path) == ([], ["intervals: the code that scored is not today's, or not known"], True)
    wrong = msgspec.structs.replace(wider, value=0.99)
    again(place, one, scoring={}, metrics={**one.metrics, "auroc": wrong})
    (said,), _, trusted = checked(tmp_path)
    assert said.startswith("auroc: stored outputs give 0.") and said.endswith("recorded 0.99") and not trusted


def test_masks_are_checked_by_all_that_is_stored_of_them_and_older_ones_by_dice(tmp_path):
    place = tmp_path / "external" / "one"
    dice = np.linspace(0.6, 0.98, 50)
    one = stored_masks(place, dice, np.arange(50), scoring=SCORING)
    assert checked(tmp_path) == ([], [], True)
    again(place, one, masks={**one.masks, "iou": Estimate(0.9, 0.88, 0.92, 50)})
    assert len(checked(tmp_path)[0]) == 3  # the value and both ends
    with np.load(place / "predictions.npz") as archive:
        older = {name: archive[name] for name in ("ids", "groups", "dice")}
    np.savez(place / "predictions.npz", **older)
    again(place, one, files=listing_of(place), scoring={}, resamples=0)
    assert checked(tmp_path)[0] == []
    again(place, one, files=listing_of(place), masks={"dice": Estimate(0.8, n=50)})
    (said,), _, _ = checked(tmp_path)
    assert said == "dice: stored outputs give 0.79, recorded 0.8"


def listing_of(place):
    return {name: one for name, one in listing(place).items() if name != external.FILE}
