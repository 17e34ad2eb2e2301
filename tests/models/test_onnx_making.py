"""A run's graph gives what its networks give by Keras, and what does not is found out; networks of random weights."""

import json
import shutil

import keras
import msgspec
import numpy as np
import pytest
from keras import layers

pytest.importorskip("onnxruntime")
pytest.importorskip("tf2onnx")
if keras.backend.backend() != "tensorflow":
    pytest.skip("Keras converts on TensorFlow", allow_module_level=True)

from benchmark.data.frames import film_pixels
from benchmark.models import onnx_making
from benchmark.models.exported import exported
from benchmark.models.onnx_session import Graph
from benchmark.models.run_folder import load_run
from benchmark.records.calibration import CalibrationInfo
from benchmark.records.contents import listing
from benchmark.records.export import DECIDED, FRAME, IMAGE, LOGITS, MASK, OUTPUTS, PROBABILITIES, graph_beside
from benchmark.records.files import PREDICTIONS, write
from benchmark.records.files import verify as verified
from benchmark.tasks.schema import Component, Images
from registry.errors import VerificationError
from tests import factories
from tests.specs import spec

SIZE, NEAR = 32, 1e-5
CLASSES = {"a": ["Normal"], "b": ["COVID"], "c": ["*"]}
FITTED = {
    2: CalibrationInfo(method="platt", slope=1.3, intercept=-0.4),
    3: CalibrationInfo(method="temperature", temperature=1.7),
}


def networks(classes, seed=3):
    """Segmenter, backbone and head; the masks of the first cut through every film."""
    keras.utils.set_random_seed(seed)
    images = keras.Input((SIZE, SIZE, 1))
    spread = layers.Conv2D(1, 5, padding="same", activation="sigmoid", kernel_initializer="random_normal")(images - 0.5)
    found = layers.Conv2D(4, 3, strides=4, activation="relu")(images)
    cells = keras.Input(found.shape[1:])
    logits = layers.Dense(classes, kernel_initializer=keras.initializers.RandomNormal(stddev=9.0))(
        layers.GlobalAveragePooling2D()(cells)
    )
    return keras.Model(images, spread), keras.Model(images, found), keras.Model(cells, logits)


def made(folder, *, masked=True, classes=2, head=None, **changes):
    """A run's folder, of networks that nobody has trained; gives it and the seal of its record."""
    segmenter, backbone, usual = networks(classes)
    (folder / "model").mkdir(parents=True)
    backbone.save(folder / "model" / "backbone.keras")
    (head or usual).save(folder / "model" / "head.keras")
    if masked:
        segmenter.save(folder / "model" / "segmenter.keras")
    names = list(CLASSES)[:classes]
    shares = {name: (place + 1) / sum(range(1, classes + 1)) for place, name in enumerate(names)}
    calibration = msgspec.structs.replace(
        FITTED[classes], data_prior=shares, batch_prior=dict.fromkeys(names, 1 / classes)
    )
    chosen = {"segmenter": Component("none")} if not masked else {}
    how = spec(images=Images(size=SIZE), classes={name: CLASSES[name] for name in names}, **chosen, **changes)
    record = factories.record(
        spec=msgspec.to_builtins(how), classes=names, positive=None, calibration=calibration, files=listing(folder)
    )
    write(record, folder)
    return folder, verified(folder / "result.json").seal


def graph_of(run, seal, target):
    target.mkdir()
    onnx_making.make(run, seal, target)
    return target / "model.onnx", graph_beside(target / "model.onnx")


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """(masked, classes) -> a run's folder and its graph's, each converted once and then a copy."""
    known = {}

    def copied(target, masked=True, classes=2):
        if (masked, classes) not in known:
            place = tmp_path_factory.mktemp("converted")
            run, seal = made(place / "run", masked=masked, classes=classes)
            graph_of(run, seal, place / "graph")
            known[masked, classes] = place, seal
        place, seal = known[masked, classes]
        for name in ("run", "graph"):
            shutil.copytree(place / name, target / name)
        return target / "run", seal, target / "graph" / "model.onnx"

    return copied


@pytest.fixture(scope="module")
def films():
    """Prepared films, of which the second half has bars."""
    bright = np.array([40, 80, 250, 60, 120, 250])[:, None, None]
    images = np.random.default_rng(0).integers(0, bright, (6, SIZE, SIZE)).astype(np.uint8)
    frames = np.array([[0, 0, SIZE, SIZE]] * 3 + [[0, 6, SIZE, 20]] * 3)
    return images * film_pixels(frames, SIZE), frames


@pytest.mark.parametrize(("masked", "classes"), [(True, 2), (False, 3)])
def test_a_graph_gives_masks_probabilities_and_decisions_of_its_run(tmp_path, films, converted, masked, classes):
    run, seal, model = converted(tmp_path, masked, classes)
    told = graph_beside(model)
    assert (told.refusal, told.masked, told.proof.n) == ("", masked, onnx_making.DRAWN)
    images, frames = films
    answers = load_run(run).answers(images, frames=frames)
    assert np.ptp(answers.probabilities, axis=0).max() > 0.05, "a graph that always says the same would pass"
    for batch in (1, 4):
        given = Graph(model)({IMAGE: images, FRAME: film_pixels(frames, SIZE)}, batch)
        assert tuple(given) == OUTPUTS
        np.testing.assert_allclose(given[LOGITS], answers.logits, rtol=0, atol=NEAR)
        np.testing.assert_allclose(given[PROBABILITIES], answers.probabilities, rtol=0, atol=NEAR)
        assert np.array_equal(given[DECIDED], answers.decided)
        expected = answers.masks if masked else film_pixels(frames, SIZE)
        assert np.array_equal(given[MASK], expected) and given[MASK].dtype == bool
        assert not given[MASK][3:, :, :6].any() and 0 < given[MASK].mean() < 1
    work = exported(str(run), seal, str(model))
    again = work.pipeline.answers(images, frames=frames)
    np.testing.assert_allclose(again.probabilities, answers.probabilities, rtol=0, atol=NEAR)
    assert (again.masks is None) == (not masked) and np.array_equal(again.views, answers.views)


def test_stored_predictions_that_a_graph_does_not_give_are_found(tmp_path, films, converted):
    run, seal, model = converted(tmp_path)
    images, frames = films
    answers = load_run(run).answers(images, frames=frames)
    ids = [f"film {place}" for place in range(len(images))]
    prepared = prepared_folder(tmp_path / "prepared", ids[::-1], images[::-1], frames[::-1])
    stored = answers._asdict() | {"ids": np.array(ids), "targets": answers.decided, "subsets": np.array(["test"] * 6)}
    stored |= {name: np.array([""] * 6) for name in ("groups", "sources")}
    columns = ("ids", "groups", "sources", "targets", "logits", "corrected_logits", "probabilities", "subsets")
    np.savez(run / PREDICTIONS, **{name: stored[name] for name in columns})
    proof = onnx_making.on_stored(run, seal, model, prepared)
    assert proof.equal and (proof.n, proof.flipped, proof.pixels) == (6, 0, 6 * SIZE * SIZE)
    stored["probabilities"] = answers.probabilities + np.eye(6, 2) * 0.02
    np.savez(run / PREDICTIONS, **{name: stored[name] for name in columns})
    proof = onnx_making.on_stored(run, seal, model, prepared)
    assert not proof.equal and proof.probabilities == pytest.approx(0.02, abs=1e-5)


def prepared_folder(folder, ids, images, frames):
    folder.mkdir()
    np.save(folder / "images.npy", images)
    nothing = [None] * len(ids)
    index = dict.fromkeys(("sources", "mask_annotators", "parts", "traits"), nothing)
    index |= dict.fromkeys(("lesion_known", "marks_known"), [False] * len(ids)) | {"groups": ids, "labels": ids}
    index |= {"ids": ids, "sizes": [[SIZE, SIZE]] * len(ids), "frames": frames.tolist(), "skipped": []}
    (folder / "index.json").write_text(json.dumps(index))
    return folder


def test_a_graph_that_answers_otherwise_is_refused_and_not_kept(tmp_path, monkeypatch):
    run, seal = made(tmp_path / "run", masked=False)
    convert = onnx_making.convert

    def spoilt(network, path):
        bias = network.weights[-1]
        before = bias.numpy()
        bias.assign(before + np.array([0.5, 0], np.float32))
        convert(network, path)
        bias.assign(before)

    monkeypatch.setattr(onnx_making, "convert", spoilt)
    model, told = graph_of(run, seal, tmp_path / "graph")
    assert told.refusal.startswith("its graph does not answer as Keras does: on 48 synthetic films: probabilities")
    assert not model.exists()


def test_masks_without_a_network_are_refused(tmp_path):
    run, _ = made(tmp_path / "run", masked=False)
    changed = spec(images=Images(size=SIZE), segmenter=Component("threshold"))
    record = msgspec.structs.replace(verified(run / "result.json"), spec=msgspec.to_builtins(changed))
    write(record, run)
    _, told = graph_of(run, verified(run / "result.json").seal, tmp_path / "graph")
    assert told.refusal == "its lung masks are drawn by code, not by a network, which no graph can hold"


def test_a_layer_without_a_counterpart_is_a_refusal(tmp_path):
    cells = keras.Input((8, 8, 4))
    likeliest = keras.ops.cast(keras.ops.argmax(cells, axis=-1), "float32")  # through bits, which ONNX does not
    head = keras.Model(cells, layers.Dense(2)(layers.Flatten()(likeliest)))
    run, seal = made(tmp_path / "run", masked=False, head=head)
    model, told = graph_of(run, seal, tmp_path / "graph")
    assert "cannot be run" in told.refusal and "\n" not in told.refusal
    assert not model.exists()


def test_a_graph_that_was_changed_since_it_was_proved_does_not_answer(tmp_path, converted):
    run, seal, model = converted(tmp_path)
    content = model.read_bytes()
    model.write_bytes(content + b"\x00")
    exported.cache_clear()
    with pytest.raises(VerificationError, match="was changed since it was proved equal"):
        exported(str(run), seal, str(model))
    model.write_bytes(content)
    with (run / "model" / "head.keras").open("ab") as file:
        file.write(b"x")
    with pytest.raises(VerificationError, match=r"head\.keras was changed since its record was written"):
        exported(str(run), seal, str(model))
