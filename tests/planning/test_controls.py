"""Which rules are planned beside runs: once per question, data, split and segmenter; no process is started."""

import msgspec
import pytest

from benchmark.planning.controls import plan_controls
from benchmark.planning.runs import plan_runs
from benchmark.records.files import write
from benchmark.storage.cache import Store
from benchmark.tasks.schema import Component, Images, Segmentation, Split
from tests import factories
from tests.planning.test_resolve import described, resolved, summary, task  # noqa: F401 -- a fixture
from tests.specs import index


@pytest.fixture
def planned(described, tmp_path):  # noqa: F811
    """Plans specifications, and gives the controls beside them."""

    def planned(specs, data=None):
        told = (data or summary(), described, Store(tmp_path / "cache"), tmp_path / "results", index())
        return plan_controls(plan_runs(specs, *told), *told)

    return planned


NONE = ("none", "sepcnn", "dense")
UNET = ("unet", "sepcnn", "dense")


def test_runs_on_whole_frames_have_the_rules_of_the_data(described, planned, tmp_path):  # noqa: F811
    (one,) = planned(resolved(described, task(NONE)))
    assert one.plan.run == f"controls-{one.plan.digest[:8]}"
    assert one.folder == tmp_path / "results" / "binary" / one.plan.run
    assert (one.label, one.of_controls, one.state) == ("controls", True, "to run")
    assert one.to_build == ["prepare", "split", "originals", "controls"]


def test_each_segmenter_has_a_rule_on_its_masks(described, planned):  # noqa: F811
    small = ("unet[filters=4]", "sepcnn", "dense")
    found = planned(resolved(described, task(NONE, UNET, small, ("unet", "xception", "dense"))))
    assert [one.label for one in found] == ["controls", "mask-shape(unet)", "mask-shape(unet[filters=4])"]
    assert found[1].to_build == ["prepare", "split", "segmenter", "masks", "controls"]
    assert len({one.plan.run for one in found}) == 3


def test_they_stand_on_the_very_steps_of_the_runs(described, planned, tmp_path):  # noqa: F811
    specs = resolved(described, task(UNET))
    told = (summary(), described, Store(tmp_path / "cache"), tmp_path / "results", index())
    (run,) = plan_runs(specs, *told)
    data, masks = plan_controls([run], *told)
    for role in ("prepare", "split", "masks"):
        assert masks.plan.step(role) == run.plan.step(role)
    assert data.plan.step("split") == run.plan.step("split")


def test_neither_seeds_nor_settings_of_training_nor_votes_make_others(described, planned):  # noqa: F811
    one, masks = planned(resolved(described, task(UNET), seeds=(3,)))
    more = planned(resolved(described, task(UNET, ("unet", "sepcnn", "sepconv"), voters=["soft"]), seeds=(0, 1)))
    assert [run.plan.key for run in more] == [one.plan.key, masks.plan.key]


def test_tasks_that_ask_the_same_share_them(described, planned):  # noqa: F811
    (one,) = planned(resolved(described, task(NONE)))
    (other,) = planned(resolved(described, task(NONE, title="another title")))
    assert one.plan.run == other.plan.run


@pytest.mark.parametrize(
    "changes",
    [
        {"classes": {"COVID": ["COVID"], "rest": ["*"]}},
        {"split": Split(seed=1)},
        {"images": Images(size=128)},
        {"resamples": 100},
    ],
)
def test_another_question_split_or_preparation_has_its_own(described, planned, changes):  # noqa: F811
    keys = [planned(resolved(described, task(NONE, **given)))[0].plan.key for given in ({}, changes)]
    assert keys[0] != keys[1]


def test_another_training_of_the_segmenter_concerns_the_rule_on_its_masks_alone(described, planned):  # noqa: F811
    given = [task(UNET), task(UNET, segmentation=Segmentation(epochs=3))]
    (data, masks), (same, others) = (planned(resolved(described, one)) for one in given)
    assert data.plan.key == same.plan.key
    assert masks.plan.key != others.plan.key


def test_other_data_have_other_controls(described, planned):  # noqa: F811
    specs = resolved(described, task(NONE))
    (one,), (other,) = planned(specs), planned(specs, msgspec.structs.replace(summary(), digest="e" * 64))
    assert (one.plan.key, one.plan.run) != (other.plan.key, other.plan.run)


def test_folds_have_one_pooled_result(described, planned):  # noqa: F811
    (one,) = planned(resolved(described, task(NONE, split=Split(folds=3)), seeds=(0, 1)))
    assert one.spec.fold is None
    assert [role for role in one.plan.steps if role.endswith("controls")] == [
        "folds/0/controls", "folds/1/controls", "folds/2/controls", "controls",
    ]  # fmt: skip
    assert len({step.key for role, step in one.plan.steps.items() if role.endswith("originals")}) == 1


def test_a_record_of_controls_is_cached(described, planned):  # noqa: F811
    (one,) = planned(resolved(described, task(NONE)))
    write(factories.record(key=one.plan.key, run=one.plan.run), one.folder)
    (found,) = planned(resolved(described, task(NONE)))
    assert (found.state, found.missing) == ("cached", {})


def test_no_component_but_dataset_and_segmenter_is_in_them(described, planned):  # noqa: F811
    data, masks = planned(resolved(described, task(UNET)))
    assert set(data.plan.code) == {"dataset"}
    assert set(masks.plan.code) == {"dataset", "segmenter"}
    assert masks.spec.segmenter == Component("unet", {"filters": 8})
