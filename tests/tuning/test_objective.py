"""The objective on twenty-four small films: a trial pauses, goes on, and ends as the training of an ordinary run."""

import json
from pathlib import Path

import keras
import msgspec
import numpy as np
import pytest

from benchmark.models.training import decide
from benchmark.planning.graph import Traits
from benchmark.stages import fit
from benchmark.stages.context import Context
from benchmark.storage.cache import Store
from benchmark.tasks.schema import Component
from benchmark.tasks.settings import with_settings
from benchmark.tuning import objective
from benchmark.tuning.objective import evaluate
from benchmark.tuning.subject import Subject
from registry.errors import DivergedError
from tests.specs import index, survey
from tests.stages.test_stages import PARTS, prepared, small

pytestmark = pytest.mark.slow

VALUES = {"training.learning_rate": 0.002, "head.dropout": 0.4, "training.batch_size": 4}


@pytest.fixture
def subject(tmp_path):
    """A pipeline on prepared and divided films, which is all that there is upstream of its training."""
    pipeline = small(segmenter=Component("none", {}))
    pipeline = msgspec.structs.replace(pipeline, training=msgspec.structs.replace(pipeline.training, epochs=3))
    made = Subject(pipeline, survey(), Traits(whole_frame=True), str(tmp_path / "cache"))
    store, (_, plan) = Store(tmp_path / "cache"), made.trained({}, index())
    prepare, divided = plan.steps["prepare"], plan.steps["split"]
    artefact = tmp_path / "cache" / "objects" / "prepare" / prepare.key
    prepared(artefact)
    store.build("split", divided.key, lambda folder: np.save(folder / "parts.npy", PARTS))
    return made


def score(subject, epochs, values=VALUES):
    told = []
    return evaluate(msgspec.to_builtins(subject), values, epochs, 0, told.append), told


def published(subject, values=VALUES):
    _, plan = subject.trained(values, index())
    return Store(Path(subject.cache)).find("fit", plan.step("fit").key)


def weights(folder):
    models = [keras.models.load_model(folder / f"{name}.keras") for name in ("backbone", "head")]
    return [weight for model in models for weight in model.get_weights()]


def test_a_trial_that_is_taken_up_again_ends_as_the_undisturbed_training(subject, tmp_path):
    first, _ = score(subject, 1)
    assert (first.epochs, first.told["best_epoch"], published(subject)) == (1, 1, None)
    again, told = score(subject, 1)
    assert (again, [event for event in told if event.get("epoch")]) == (first, [])  # nothing is trained twice
    last, _ = score(subject, 3)
    spec, plan = subject.trained(VALUES, index())
    store = Store(tmp_path / "cache")
    artefacts = {role: store.find(role, plan.steps[role].key) for role in ("prepare", "split")}
    straight = tmp_path / "straight"
    straight.mkdir()
    (tmp_path / "partial").mkdir()
    fit.build(Context(spec, artefacts, tmp_path / "partial", lambda event: None), straight)
    history, undisturbed = (
        json.loads((place / "history.json").read_text()) for place in (published(subject), straight)
    )
    assert [row["val_loss"] for row in history] == [row["val_loss"] for row in undisturbed]
    assert all(
        np.array_equal(one, other) for one, other in zip(weights(published(subject)), weights(straight), strict=True)
    )
    steps = json.loads((straight / "meta.json").read_text())["steps"] // 3
    assert last.score == undisturbed[decide(undisturbed, spec.training, steps).best]["val_loss"]
    assert score(subject, 1)[0] == first  # from the artefact, as far as the trial would have come
    spent = store.duration("fit", plan.step("fit").key)  # of all its trials together, as if nothing had paused
    assert spent == pytest.approx(sum(row["duration_s"] for row in history))
    assert list(store.last_durations("fit")) == ["none+sepcnn+dense"]


def test_other_settings_are_another_training(subject):
    look = index()
    settings = ({}, VALUES, {"augmentation.rotated": 0.1})
    assert len({subject.trained(values, look)[1].step("fit").key for values in settings}) == 3
    changed, _ = subject.trained(VALUES, look)
    assert with_settings(subject.spec, VALUES) == changed
    assert subject.digest(look) != msgspec.structs.replace(subject, spec=changed).digest(look)


def test_a_training_that_diverges_has_no_score(subject, monkeypatch):
    def diverged(*_, **__):
        raise DivergedError("the validation loss became nan in epoch 1")

    monkeypatch.setattr(objective, "fit", diverged)
    with pytest.raises(DivergedError):
        score(subject, 2)
    assert published(subject) is None
