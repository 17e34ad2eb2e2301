"""What an import stands on, what it shares with runs, and what makes two of them the same."""

import msgspec
import pytest

from benchmark.planning.graph import Traits
from benchmark.planning.imported import division_steps, plan, plan_controls
from benchmark.planning.keys import plan as plan_run
from benchmark.storage.cache import Store
from benchmark.tasks.components import run_parts
from benchmark.tasks.spec import AnySize, Classifier, ControlsSpec, ImportedSpec, Setting
from tests.specs import index, spec, summary


def traits(name):
    """Of a segmenter that is a network."""
    return Traits(trains=True)


def imported(**changes):
    one = spec()
    shared = {name: getattr(one, name) for name in Setting.__struct_fields__}
    own = {"name": "their model: 2", "file": "/a/theirs.csv", "sha256": "a" * 64, "subsets": "test"}
    own |= {"shares": "equal", "images": AnySize(**msgspec.structs.asdict(one.images))}
    return ImportedSpec(**{**shared, **own, **changes})


def test_it_shares_everything_up_to_the_split_with_runs_and_reads_nothing_else():
    found, run = plan(imported(), summary(), index()), plan_run(spec(), summary(), traits, index())
    assert list(found.steps) == ["prepare", "split", "predict", "score"]
    assert [found.steps[role].key for role in ("prepare", "split")] == [
        run.steps[role].key for role in ("prepare", "split")
    ]
    assert found.trainings == [found.steps["predict"].key]
    assert division_steps(rules(), summary(), index())["split"].key == run.steps["split"].key


def rules():
    return ControlsSpec(**{name: getattr(spec(), name) for name in Setting.__struct_fields__})


def test_its_rules_are_those_of_runs_whatever_the_size_of_a_classifier(tmp_path):
    found = plan_controls(rules(), summary(), Store(tmp_path), tmp_path, index())
    assert found.plan.run.startswith("controls-")
    assert found.plan.steps["prepare"].key == plan_run(spec(), summary(), traits, index()).steps["prepare"].key


def test_another_file_is_another_run_of_the_same_pipeline_and_where_it_lies_does_not_count():
    one, moved = imported(), imported(file="/b/other.csv")
    other = imported(sha256="b" * 64, seed=1)
    assert one.digest("d") == moved.digest("d") != other.digest("d")
    assert one.pipeline_digest("d") == other.pipeline_digest("d")
    assert one.pipeline_digest("d") != imported(name="theirs").pipeline_digest("d")
    assert plan(one, summary(), index()).steps["predict"].key != plan(other, summary(), index()).steps["predict"].key


def test_a_classifier_is_asked_anew_where_it_is_asked_otherwise():
    keys = {
        plan(imported(classifier=Classifier(grey, 3, "logits", ["rest", "COVID"])), summary(), index())
        .steps["predict"]
        .key
        for grey in ("0..1", "-1..1")
    }
    assert len(keys) == 2


def test_a_name_becomes_a_folder_that_every_system_takes():
    assert run_parts(imported()) == ["imported", "their-model-2"]
    assert run_parts(imported(name="模型")) == ["imported", "model"]


@pytest.mark.parametrize("size", [15, 2049])
def test_images_of_a_classifier_may_have_any_side_within_reason(size):
    assert AnySize(size=299).size == 299
    with pytest.raises(ValueError, match="from 16 to 2048"):
        AnySize(size=size)
