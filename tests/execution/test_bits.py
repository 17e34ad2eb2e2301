"""A worker serves any step of any run: what it makes has the bits that a fresh worker gives it."""

from pathlib import Path

import keras
import numpy as np
import pytest

from benchmark.execution.pool import Begun, Pool
from benchmark.execution.process import Worker
from benchmark.planning.graph import missing
from benchmark.tasks.schema import Component, Images, Split, Training
from benchmark.tasks.spec import DatasetChoice, Runtime
from tests.specs import spec
from tests.warm import connection as warm
from tests.workers import plans

pytestmark = pytest.mark.slow

TINY = {
    "dataset": DatasetChoice("phantom", None, {"count": 60, "size": 32}),
    "classes": {"rest": ["Normal", "Lung_Opacity", "Viral Pneumonia"], "COVID": ["COVID"]},
    "segmenter": Component("none"),
    "images": Images(size=32),
    "training": Training(epochs=2, minimum_steps=1, batch_size=8),
    "split": Split(train=0.5, validation=0.25, test=0.25),
    "runtime": Runtime(deterministic=True, threads=1),
}
ONE = spec(**TINY, backbone=Component("sepcnn", {"filters": 8, "pairs": 1}), head=Component("dense", {"units": 16}))
OTHER = spec(**TINY, backbone=Component("sepcnn", {"filters": 16, "pairs": 1}), head=Component("sepconv"), seed=7)


def built(pool, place, run, role):
    """Builds the steps of a run up to one of them; gives the plan and what was begun."""
    planned, store = plans(place, [run])
    plan = planned[0].plan
    end = plan.step(role)
    steps = missing(plan, store.has, end) | {end.key: end}
    begun = [one.step.name for one in pool.build(steps, store) if isinstance(one, Begun)]
    return {name: store.find(name, plan.step(name).key) for name in ("prepare", "fit", "predict")}, begun


def weights(folder: Path) -> list[np.ndarray]:
    networks = [keras.saving.load_model(folder / f"{name}.keras", compile=False) for name in ("backbone", "head")]
    return [weight for network in networks for weight in network.get_weights()]


def test_what_a_worker_makes_does_not_depend_on_what_it_served_before(tmp_path):
    with Pool([Worker(tmp_path / "logs", warm.variables())]) as pool:
        fresh, _ = built(pool, tmp_path / "fresh", ONE, "predict")
    with Pool([worker := Worker(tmp_path / "logs", warm.variables())]) as pool:
        _, before = built(pool, tmp_path / "later", OTHER, "explain")  # another network, trained, asked and mapped
        process = worker._process.pid
        later, begun = built(pool, tmp_path / "later", ONE, "predict")
        assert worker._process.pid == process
    assert before[-4:] == ["split", "fit", "predict", "explain"]
    assert begun == ["fit", "predict"]
    assert len(weights(fresh["fit"])) > 4
    assert all(np.array_equal(one, two) for one, two in zip(weights(fresh["fit"]), weights(later["fit"]), strict=True))
    with (
        np.load(fresh["predict"] / "logits.npz", allow_pickle=False) as one,
        np.load(later["predict"] / "logits.npz", allow_pickle=False) as two,
    ):
        assert set(one.files) == set(two.files)
        assert all(np.array_equal(one[name], two[name]) for name in one.files)
        assert np.ptp(one["logits"]) > 0
