"""The objective on twenty-four small images: a trial pauses, goes on, and ends as the training of an ordinary run."""

import json
from pathlib import Path

import keras
import msgspec
import numpy as np
import pytest

from benchmark.planning.graph import Traits
from benchmark.stages import fit
from benchmark.stages.context import Context
from benchmark.storage.cache import Store
from benchmark.tasks.schema import Component
from benchmark.tasks.settings import with_settings
from benchmark.tuning import objective
from benchmark.tuning.objective import evaluate
from benchmark.tuning.target import TuningTarget
from registry.errors import DivergedError
from tests.specs import index, summary
from tests.stages.test_stages import SUBSETS, prepared, small

pytestmark = pytest.mark.slow

VALUES = {"training.learning_rate": 0.002, "head.dropout": 0.4, "training.batch_size": 4}


@pytest.fixture
def target(tmp_path):
    """A pipeline on prepared and divided images, which is all that there is upstream of its training."""
    pipeline = small(segmenter=Component("none", {}))
    pipeline = msgspec.structs.replace(pipeline, training=msgspec.structs.replace(pipeline.training, epochs=3))
    made = TuningTarget(pipeline, summary(), Traits(whole_frame=True), str(tmp_path / "cache"))
    store, (_, plan) = Store(tmp_path / "cache"), made.trained({}, index())
    prepare, divided = plan.steps["prepare"], plan.steps["split"]
    artefact = tmp_path / "cache" / "objects" / "prepare" / prepare.key
    prepared(artefact)
    store.build("split", divided.key, lambda folder: np.save(folder / "subsets.npy", SUBSETS))
    return made


def score(target, epochs, values=VALUES):
    events = []
    return evaluate(msgspec.to_builtins(target), values, epochs, 0, events.append), events


def published(target, values=VALUES):
    _, plan = target.trained(values, index())
    return Store(Path(target.cache)).find("fit", plan.step("fit").key)


def weights(folder):
    models = [keras.models.load_model(folder / f"{name}.keras") for name in ("backbone", "head")]
    return [weight for model in models for weight in model.get_weights()]


def test_a_trial_that_is_taken_up_again_ends_as_the_undisturbed_training(target, tmp_path):
    first, _ = score(target, 1)
    assert (first.epochs, len(first.epoch_s), published(target)) == (1, 1, None)
    again, events = score(target, 1)
    assert (again, [event for event in events if event.get("epoch")]) == (first, [])  # nothing is trained twice
    last, _ = score(target, 3)
    spec, plan = target.trained(VALUES, index())
    store = Store(tmp_path / "cache")
    artefacts = {role: store.find(role, plan.steps[role].key) for role in ("prepare", "split")}
    straight = tmp_path / "straight"
    straight.mkdir()
    (tmp_path / "partial").mkdir()
    fit.build(Context(spec, artefacts, tmp_path / "partial", lambda event: None), straight)
    history, undisturbed = (json.loads((place / "history.json").read_text()) for place in (published(target), straight))
    assert [row["loss"] for row in history] == [row["loss"] for row in undisturbed]
    assert all(
        np.array_equal(one, other) for one, other in zip(weights(published(target)), weights(straight), strict=True)
    )
    assert last.score == undisturbed[-1]["val_loss"]
    assert score(target, 1)[0] == first  # from the artefact, as far as the trial would have come
    spent = store.duration("fit", plan.step("fit").key)  # of all its trials together, as if nothing had paused
    assert spent == pytest.approx(sum(row["duration_s"] for row in history))
    assert list(store.last_durations("fit")) == ["none+sepcnn+dense"]


def test_other_settings_are_another_training(target):
    code_index = index()
    settings = ({}, VALUES, {"augmentation.rotated": 0.1})
    assert len({target.trained(values, code_index)[1].step("fit").key for values in settings}) == 3
    changed, _ = target.trained(VALUES, code_index)
    assert with_settings(target.spec, VALUES) == changed
    assert target.digest(code_index) != msgspec.structs.replace(target, spec=changed).digest(code_index)


def test_a_training_that_diverges_has_no_score(target, monkeypatch):
    def diverged(*_, **__):
        raise DivergedError("the validation loss became nan in epoch 1")

    monkeypatch.setattr(objective, "fit", diverged)
    with pytest.raises(DivergedError):
        score(target, 2)
    assert published(target) is None
