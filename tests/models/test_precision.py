"""Training in half precision: it learns, it survives, and what it leaves does not depend on who loads it."""

import json

import keras
import msgspec
import numpy as np
import pytest

from benchmark.models import classifier
from benchmark.models.predictor import joined
from benchmark.models.training import train
from benchmark.stages import fit
from benchmark.stages.context import Context
from benchmark.tasks.schema import Augmentation, Component, Training
from benchmark.tasks.spec import Runtime
from tests.models.test_training import Killed, timeless, variables
from tests.stages import test_stages
from tests.stages.test_stages import SUBSETS, build, radiographs, small

pytestmark = pytest.mark.slow

context = test_stages.context
HALVES = ("mixed_bfloat16", "mixed_float16")


@pytest.fixture(autouse=True)
def float32():
    """The policy of every other test."""
    yield
    keras.config.set_dtype_policy("float32")


def precise(context, precision, watch=lambda told: None, **training):
    told = {"epochs": 2, "minimum_steps": 1, "batch_size": 6, **training}
    spec = small(
        runtime=Runtime(precision=precision),
        backbone=Component("strided", {}),
        training=Training(**told),
        augmentation=Augmentation(flips="none", rotation=0.0),
    )
    return Context(spec, context.artefacts, context.partial, watch)


@pytest.fixture(autouse=True)
def strided(monkeypatch):
    """A backbone of one convolution, fast in half precision too, and a head that trusts the policy with its logits."""

    def backbone(image_shape):
        images = keras.Input(image_shape)
        tensor = keras.layers.Conv2D(8, 5, strides=4, activation="relu")(images)
        return keras.Model(images, keras.layers.BatchNormalization(momentum=0.9)(tensor))

    def head(feature_shape, num_classes, **_):
        cells = keras.Input(feature_shape)
        pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Dropout(0.2)(cells))
        return keras.Model(cells, keras.layers.Dense(num_classes)(pooled))

    made = {"backbone": backbone, "head": head}
    monkeypatch.setattr(classifier, "find", lambda kind, name: kind)
    monkeypatch.setattr(classifier, "load_component", made.__getitem__)


def predicting(folder):
    """What a stage predicts with, uint8 images -> logits."""
    networks = [keras.saving.load_model(folder / f"{name}.keras", compile=False) for name in ("backbone", "head")]
    return joined(*networks, radiographs().shape[1])


@pytest.mark.parametrize("precision", HALVES)
def test_half_precision_learns_brighter_radiographs_and_predicts_alike_whoever_loads_it(context, precision):
    """COVID's images are brighter by 100 grey levels, twice the noise's spread: the classes are soon told apart."""
    within = precise(context, precision, epochs=8, learning_rate=0.02)
    folder = build(within, fit, "fit")
    meta = json.loads((folder / "meta.json").read_text())
    assert (meta["batch_size"], meta["steps_per_execution"]) == (6, 1)
    assert keras.config.dtype_policy().name == precision
    network = predicting(folder)
    found = network.predict(radiographs()[..., None], verbose=0)
    assert found.dtype == np.float32
    right = found.argmax(axis=1) == (np.arange(len(found)) % 3 == 0)
    assert right[SUBSETS != "train"].all()
    keras.config.set_dtype_policy("float32")
    again = predicting(folder)
    kept = {layer.compute_dtype for layer in again.layers[-2].layers}
    assert precision.removeprefix("mixed_") in kept  # what is saved keeps its own
    assert np.array_equal(again.predict(radiographs()[..., None], verbose=0), found)


def test_half_precision_and_float32_agree_on_the_same_weights(context):
    folder = build(precise(context, "mixed_bfloat16"), fit, "fit")
    half = predicting(folder)
    backbone, head, _ = half.layers[-2], half.layers[-1], keras.config.set_dtype_policy("float32")
    whole = classifier.make_backbone(Component("any"), radiographs().shape[1])
    whole.set_weights(backbone.get_weights())
    images = radiographs()[..., None].astype(np.float32) / 255
    expected = keras.ops.convert_to_numpy(head(whole(images, training=False), training=False))
    assert half.predict(radiographs()[..., None], verbose=0) == pytest.approx(
        expected, abs=0.02
    )  # 8 bits: 2 ** -8 of 5


def test_the_head_gives_float32_logits_though_it_says_nothing_of_precision(context):
    within = precise(context, "mixed_bfloat16")
    keras.config.set_dtype_policy("mixed_bfloat16")
    network, backbone, head = classifier.assemble(within.spec)
    assert {layer.compute_dtype for layer in head.layers} == {"float32"}
    assert "bfloat16" in {layer.compute_dtype for layer in backbone.layers}
    assert network.outputs[0].dtype == "float32"
    assert keras.config.dtype_policy().name == "mixed_bfloat16"


def test_mixed_float16_resumes_to_the_bit_with_the_scale_of_its_loss(context, tmp_path):
    def go(name, watch=lambda told: None):
        place = tmp_path / name
        place.mkdir(exist_ok=True)
        whole = precise(context, "mixed_float16", watch, epochs=3)
        kept = {}
        within = Context(whole.spec, whole.artefacts, place, watch)

        def spied(network, *arguments, **options):
            kept["history"] = train(network, *arguments, **options)
            kept["state"], kept["optimizer"] = variables(network), network.optimizer
            return kept["history"]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fit, "train", spied)
            fit.fit(within)
        return kept

    def stop(told):
        if told["epoch"] == 2:
            raise Killed

    with pytest.raises(Killed):
        go("killed", stop)
    resumed, whole = go("killed"), go("whole")
    assert type(whole["optimizer"]).__name__ == "LossScaleOptimizer"
    assert 0 < int(whole["optimizer"].step_counter.numpy()) <= 6  # less where the first gradients were infinite
    assert timeless(resumed["history"]) == timeless(whole["history"])
    for one, other in zip(resumed["state"], whole["state"], strict=True):
        assert np.array_equal(one, other)


def test_images_reach_the_compiled_steps_as_bytes(context, monkeypatch):
    """In training, in validation and in prediction: a step's last argument is its data, whatever the backend."""
    seen = []

    def spied(network, name):
        step = getattr(network, name)

        def spy(*arguments):
            images = arguments[-1][0] if isinstance(arguments[-1], (tuple, list)) else arguments[-1]
            seen.append((name, keras.backend.standardize_dtype(images.dtype)))
            return step(*arguments)

        setattr(network, name, spy)

    def watched(network, *arguments, **options):
        spied(network, "train_step"), spied(network, "test_step")
        return train(network, *arguments, **options)

    monkeypatch.setattr(fit, "train", watched)
    folder = build(precise(context, "float32", epochs=1), fit, "fit")
    network = predicting(folder)
    spied(network, "predict_step")
    network.predict(radiographs()[..., None], verbose=0)
    assert set(seen) == {("train_step", "uint8"), ("test_step", "uint8"), ("predict_step", "uint8")}


def test_memory_that_runs_out_in_training_halves_its_batch_and_the_record_says_which(context, monkeypatch):
    """As long as a batch holds more than four images, a training ends in Python's own error."""
    told, sizes = [], []
    whole = precise(context, "float32", told.append, batch_size=8)

    def hungry(network, batches, *arguments, **options):
        sizes.append((batches.batch_size, arguments[1].batch_size, options["folder"].name))
        if batches.batch_size > 4:
            raise MemoryError("20 GiB")
        return train(network, batches, *arguments, **options)

    monkeypatch.setattr(fit, "train", hungry)
    folder = build(whole, fit, "fit")
    assert sizes == [(8, 8, "partial"), (4, 4, "batch-4")]
    meta = json.loads((folder / "meta.json").read_text())
    assert meta["batch_size"] == 4
    assert meta["steps"] == 2 * 3  # two epochs of twelve radiographs
    assert [event["notice"] for event in told if "notice" in event] == [
        "memory ran out with batches of 8: 4 images a batch instead, at the same learning rate; training starts again"
    ]


def test_another_precision_is_another_run():
    half = small(runtime=Runtime(precision="mixed_bfloat16"))
    assert half.digest("data") != small().digest("data")
    with pytest.raises(msgspec.ValidationError, match="precision"):
        msgspec.convert({"precision": "auto"}, Runtime)  # auto is resolved before anything is planned
