"""Each stage on two dozen small radiographs written by hand."""

import json
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from benchmark.data.prepared import load, pack
from benchmark.data.targets import class_targets
from benchmark.models import classifier, segmentation
from benchmark.models.segmentation import distorted
from benchmark.stages import explain, fit, inputs, masks, predict, prepare, regions, segmenter, split
from benchmark.stages.context import Context
from benchmark.stages.predictions import batch_prior, data_prior
from benchmark.stages.reading import Reader
from benchmark.tasks.schema import Augmentation, Component, Images, Segmentation, Split, Training
from benchmark.tasks.spec import DatasetChoice
from registry.errors import ContractError, DataError
from tests.specs import spec

SIZE = 32
COUNT = 24
LABELS = ["COVID", "Normal", "Lung_Opacity"]


def radiographs():
    """uint8 (24, 32, 32): noise, brighter for COVID."""
    noise = np.random.default_rng(0).integers(20, 120, (COUNT, SIZE, SIZE))
    return (noise + 100 * (np.arange(COUNT) % 3 == 0)[:, None, None]).astype(np.uint8)


def lungs():
    """bool (24, 32, 32): two boxes that move with the radiograph."""
    boxes = np.zeros((COUNT, SIZE, SIZE), bool)
    for row in range(COUNT):
        top = 4 + row % 5
        boxes[row, top : top + 18, 4:13] = boxes[row, top : top + 18, 18:28] = True
    return boxes


def prepared(folder, without=(), marks=None):
    """A prepared artefact; the radiographs in `without` have no mask; `marks` lie on all, where there are any."""
    folder.mkdir(parents=True)
    boxes = lungs()
    boxes[list(without)] = False
    np.save(folder / "images.npy", radiographs())
    np.save(folder / "masks.npy", pack(boxes))
    if marks is not None:
        np.save(folder / "marks.npy", pack(np.repeat(marks[None], COUNT, axis=0)))
    index = {
        "ids": [f"radiograph-{row}" for row in range(COUNT)],
        "labels": [LABELS[row % 3] for row in range(COUNT)],
        "sources": ["north", "south"] * (COUNT // 2),
        "groups": [f"patient-{row // 2}" for row in range(COUNT)],
        "mask_annotators": [None if row in without else "hand" for row in range(COUNT)],
        "lesion_known": [False] * COUNT,
        "parts": [None] * COUNT,
        "traits": [{} for _ in range(COUNT)],
        "marks_known": [marks is not None] * COUNT,
        "sizes": [[SIZE, SIZE]] * COUNT,
        "skipped": [],
    }
    (folder / "index.json").write_text(json.dumps(index))
    return folder


SUBSETS = np.array(["train"] * 12 + ["validation"] * 4 + ["calibration"] * 4 + ["test"] * 4)


@pytest.fixture
def context(tmp_path):
    """A context whose radiographs are prepared and split; `build(stage)` adds what the stage makes."""
    (tmp_path / "split").mkdir()
    np.save(tmp_path / "split" / "subsets.npy", SUBSETS)
    (tmp_path / "split" / "digest").write_text("who is where")
    (tmp_path / "partial").mkdir()
    artefacts = {"prepare": prepared(tmp_path / "prepare"), "split": tmp_path / "split"}
    return Context(small(), artefacts, tmp_path / "partial", lambda told: None)


def small(**changes):
    options = {
        "segmenter": Component("none"),
        "backbone": Component("sepcnn", {"filters": 8, "pairs": 1}),
        "head": Component("dense", {"units": 16}),
        "images": Images(size=SIZE),
        "augmentation": Augmentation(flips="anatomical", rotated=0.0),  # the rotation takes long to compile
        "training": Training(epochs=1, minimum_steps=1, batch_size=6),
        "segmentation": Segmentation(epochs=1, minimum_steps=1, batch_size=6),
    }
    return spec(**{**options, **changes})


def changed(context, **changes):
    return Context(small(**changes), context.artefacts, context.partial, context.progress)


def build(context, stage, name):
    """Run a stage and make its artefact known to those that follow."""
    folder = context.partial.parent / name
    folder.mkdir()
    stage.build(context, folder)
    context.artefacts[name] = folder
    return folder


def test_a_split_keeps_patients_together_and_says_who_is_where(context):
    spec_ = small(split=Split(train=0.5, validation=0.25, test=0.25))
    folder = context.partial / "made"
    folder.mkdir()
    split.build(Context(spec_, context.artefacts, context.partial, context.progress), folder)
    subsets = np.load(folder / "subsets.npy")
    assert set(subsets) == {"train", "validation", "calibration", "test"}
    assert all(subsets[row] == subsets[row + 1] for row in range(0, COUNT, 2))
    assert len((folder / "split.csv").read_text().splitlines()) == COUNT + 1
    assert len((folder / "digest").read_text()) == 64


def test_the_dataset_segmenter_hands_on_the_datasets_masks(context):
    build(changed(context, segmenter=Component("dataset")), masks, "masks")
    rows = np.array([5, 0, 23])
    assert np.array_equal(Reader(context).masks(rows), lungs()[rows])


def test_an_untrained_segmenter_predicts_from_the_images_alone(context, monkeypatch):
    seen = []

    def predict_(images):
        seen.append((images.shape[1:], images.dtype, float(images.max()) <= 1))
        return images[..., 0] > 0.5

    monkeypatch.setattr(
        segmentation, "load_component", lambda entry: lambda shape, **_: SimpleNamespace(predict=predict_)
    )
    monkeypatch.setattr(masks, "CHUNK", 10)
    build(changed(context, segmenter=Component("threshold")), masks, "masks")
    assert seen == [((SIZE, SIZE, 1), np.float32, True)] * 3
    found = Reader(context).masks(np.arange(COUNT))
    assert np.array_equal(found, radiographs() > 127)


@pytest.mark.parametrize("how", ["multiply", "crop", "mean-fill"])
def test_inputs_are_the_radiographs_with_the_masks_applied(context, how):
    settings = {"segmenter": Component("dataset"), "images": Images(size=SIZE, mask=how)}
    build(changed(context, **settings), masks, "masks")
    folder = build(changed(context, **settings), inputs, "inputs")
    made = np.load(folder / "images.npy")
    assert (made.shape, made.dtype) == ((COUNT, SIZE, SIZE), np.uint8)
    if how == "multiply":
        assert np.array_equal(made, radiographs() * lungs())
    else:
        assert not np.array_equal(made, radiographs())
    assert np.array_equal(Reader(context).views, made)


def test_equalising_inside_the_lungs_spreads_the_grey_levels_of_the_lungs(context):
    settings = {"segmenter": Component("dataset"), "images": Images(size=SIZE, equalise="lungs")}
    build(changed(context, **settings), masks, "masks")
    made = np.load(build(changed(context, **settings), inputs, "inputs") / "images.npy")
    for radiograph, mask in zip(made, lungs(), strict=True):
        assert radiograph[mask].min() == 0
        assert radiograph[mask].max() == 255
        assert not radiograph[~mask].any()


def test_without_masks_the_whole_frame_is_equalised(context):
    made = np.load(build(changed(context, images=Images(size=SIZE, equalise="lungs")), inputs, "inputs") / "images.npy")
    assert all((radiograph.min(), radiograph.max()) == (0, 255) for radiograph in made)
    assert made.all(axis=(1, 2)).sum() == 0


def test_the_whole_frame_needs_no_inputs_of_its_own(context):
    assert np.array_equal(Reader(context).views, radiographs())


def test_targets_follow_the_tasks_classes(context):
    labels = Reader(context).prepared.labels
    assert class_targets(labels, context.spec.classes)[:3].tolist() == [1, 0, 0]
    three = {"a": ["Normal"], "b": ["Lung_Opacity"], "c": ["COVID"]}
    assert class_targets(labels, three)[:3].tolist() == [2, 0, 1]


def test_the_prior_of_the_data_is_that_of_the_training_subset(context):
    assert data_prior(Reader(context)) == pytest.approx([2 / 3, 1 / 3])


@pytest.mark.parametrize(
    ("balance", "expected"), [("batches", [0.4, 0.6]), ("none", [0.4, 0.6]), ("weights", [0.5, 0.5])]
)
def test_the_prior_that_was_learnt_counts_loss_weights(context, tmp_path, balance, expected):
    (tmp_path / "meta.json").write_text(json.dumps({"batch_prior": [0.4, 0.6]}))
    context.artefacts["fit"] = tmp_path
    training = Training(balance=balance)
    assert batch_prior(Reader(changed(context, training=training))) == expected


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A context after a short fit and its predictions."""
    folder = tmp_path_factory.mktemp("fitted")
    (folder / "split").mkdir()
    np.save(folder / "split" / "subsets.npy", SUBSETS)
    (folder / "split" / "digest").write_text("who is where")
    (folder / "partial").mkdir()
    told = []
    artefacts = {"prepare": prepared(folder / "prepare"), "split": folder / "split"}
    context = Context(small(), artefacts, folder / "partial", told.append)
    build(context, fit, "fit")
    build(context, predict, "predict")
    return context


def test_a_fit_leaves_two_models_its_history_and_what_it_cost(fitted):
    folder = fitted.artefacts["fit"]
    backbone, head = (keras.saving.load_model(folder / f"{name}.keras", compile=False) for name in ("backbone", "head"))
    assert backbone.input_shape == (None, SIZE, SIZE, 1)
    assert head.output_shape == (None, 2)
    meta = json.loads((folder / "meta.json").read_text())
    assert meta["parameters"] == backbone.count_params() + head.count_params()
    assert 0 < meta["trainable_parameters"] < meta["parameters"]
    assert meta["steps"] == 2
    assert meta["batch_prior"] == [0.5, 0.5]
    assert meta["training_s"] > 0
    assert len(json.loads((folder / "history.json").read_text())) == 1


def test_predictions_are_logits_of_everything_that_was_not_trained_on(fitted):
    with np.load(fitted.artefacts["predict"] / "logits.npz", allow_pickle=False) as stored:
        told = dict(stored)
    assert told["rows"].tolist() == list(range(12, 24))
    assert told["subsets"].tolist() == SUBSETS[12:].tolist()
    assert told["ids"].tolist() == [f"radiograph-{row}" for row in range(12, 24)]
    assert told["targets"].tolist() == [1, 0, 0] * 4
    assert (told["logits"].shape, told["logits"].dtype) == ((12, 2), np.float32)


def test_predictions_are_those_of_the_saved_models_without_augmentation(fitted):
    folder = fitted.artefacts["fit"]
    backbone, head = (keras.saving.load_model(folder / f"{name}.keras", compile=False) for name in ("backbone", "head"))
    expected = head.predict(backbone.predict(radiographs()[12:, ..., None] / np.float32(255), verbose=0), verbose=0)
    with np.load(fitted.artefacts["predict"] / "logits.npz") as stored:
        assert stored["logits"] == pytest.approx(expected, abs=1e-5)


def test_an_explanation_shows_maps_in_the_lungs_and_the_samples_to_show(fitted, tmp_path):
    explain.build(fitted, tmp_path)
    told = json.loads((tmp_path / "statistics.json").read_text())
    assert {name.partition("/")[2] for name in told} >= {"rest", "COVID"}
    with np.load(tmp_path / "samples.npz", allow_pickle=False) as stored:
        assert set(stored["rows"]) <= set(range(20, 24))
        assert set(stored["kinds"]) <= set(explain.KINDS)
        assert len(stored["heat"]) == len(stored["rows"])


def test_without_any_lung_mask_an_explanation_has_no_shares_in_the_lungs(fitted, tmp_path):
    bare = prepared(tmp_path / "bare", without=range(COUNT))
    context = Context(fitted.spec, {**fitted.artefacts, "prepare": bare}, tmp_path, lambda told: None)
    made = tmp_path / "made"
    made.mkdir()
    explain.build(context, made)
    told = json.loads((made / "statistics.json").read_text())
    assert all(estimate.get("value") is None for name, estimate in told.items() if "enrichment" in name)


def test_where_the_marks_are_known_their_share_of_the_heat_is_a_number(fitted, tmp_path):
    corner = np.zeros((SIZE, SIZE), bool)
    corner[:8, :16] = True
    marked = Context(
        fitted.spec, {**fitted.artefacts, "prepare": prepared(tmp_path / "marked", marks=corner)}, tmp_path, print
    )
    for name, one in (("bare", fitted), ("made", marked)):
        (tmp_path / name).mkdir()
        explain.build(one, tmp_path / name)
    bare, told = (json.loads((tmp_path / name / "statistics.json").read_text()) for name in ("bare", "made"))
    assert told.keys() - bare.keys() == {
        f"marks-{what}/{label}" for what in ("share", "enrichment", "misses", "empty") for label in ("rest", "COVID")
    }
    area = corner.mean()
    for label in ("rest", "COVID"):
        share, enrichment = (told[f"marks-{what}/{label}"].get("value") for what in ("share", "enrichment"))
        assert share is None or share == pytest.approx(area * enrichment)
    with np.load(tmp_path / "made" / "mean-heat.npz", allow_pickle=False) as stored:
        assert np.array_equal(stored["marks"], np.repeat(corner[None], 2, axis=0))


def test_lungs_that_the_dataset_lacks_are_the_predicted_ones(context, tmp_path):
    rows, whole = np.array([0, 1]), context.artefacts["prepare"]
    context.artefacts["prepare"] = prepared(tmp_path / "partly", without=[1])
    assert not regions.lung_masks(Reader(context), rows)[1].any()
    context.artefacts["prepare"] = whole
    build(changed(context, segmenter=Component("dataset")), masks, "masks")
    context.artefacts["prepare"] = tmp_path / "partly"
    assert np.array_equal(regions.lung_masks(Reader(context), rows), lungs()[:2])


def test_a_region_is_where_a_crop_has_put_it(context):
    settings = {"segmenter": Component("dataset"), "images": Images(size=SIZE, mask="crop")}
    build(changed(context, **settings), masks, "masks")
    rows = np.array([0])
    seen = regions.as_seen(Reader(changed(context, **settings)), lungs()[rows], rows)
    assert seen.mean() > 1.3 * lungs()[rows].mean()  # the lungs fill the frame
    assert np.array_equal(regions.as_seen(Reader(context), lungs()[rows], rows), lungs()[rows])


def test_mean_heat_weighs_every_image_alike_and_leaves_empty_maps_out():
    left, right = np.zeros((2, 2)), np.zeros((2, 2))
    left[:, 0], right[:, 1] = 1.0, 50.0
    heat, empty = explain.mean_heat(np.stack([left, left, right, np.zeros((2, 2))]), (2, 2))
    assert empty == 1
    assert np.allclose(heat, [[4 / 3, 2 / 3], [4 / 3, 2 / 3]])
    assert heat.mean() == pytest.approx(1)
    nothing, empty = explain.mean_heat(np.zeros((3, 2, 2)), (4, 4))
    assert empty == 3
    assert not nothing.any()


def test_samples_are_the_surest_right_the_least_sure_and_the_surest_wrong_of_each_class():
    targets = np.array([0, 0, 0, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.55, 0.45], [0.2, 0.8], [0.3, 0.7], [0.05, 0.95]])
    chosen, kinds = explain.choose_samples(targets, probabilities, 2)
    assert list(zip(chosen.tolist(), kinds, strict=True)) == [
        (0, "surest right"),
        (1, "least sure"),
        (2, "surest wrong"),
        (4, "surest right"),
        (3, "least sure"),
    ]
    probabilities[1] = [0.6, 0.4]  # now the one that is wrong is the least sure too: another one is shown
    probabilities[2] = [0.45, 0.55]
    assert explain.choose_samples(targets, probabilities, 2)[0][:3].tolist() == [0, 1, 2]
    alone = explain.choose_samples(targets[:1], probabilities[:1], 1)
    assert (alone[0].tolist(), alone[1]) == ([0, 0], ["surest right", "least sure"])


@pytest.mark.parametrize("subset", ["train", "validation"])
def test_a_segmenter_without_masks_to_learn_from_is_refused_with_the_remedy(tmp_path, subset):
    images = load(prepared(tmp_path / "bare", without=np.flatnonzero(subset == SUBSETS)))
    with pytest.raises(DataError, match=f"the {subset} subset has none; use --segmenter none"):
        segmenter.rows_with_masks(images, SUBSETS, subset)


def test_a_segmenter_learns_from_the_radiographs_that_have_a_mask(tmp_path):
    images = load(prepared(tmp_path / "partly", without=[0, 3]))
    assert segmenter.rows_with_masks(images, SUBSETS, "train").tolist() == [1, 2, 4, 5, 6, 7, 8, 9, 10, 11]


def test_distortion_moves_a_radiograph_and_its_mask_alike():
    """Radiographs that show their own mask still do, up to the border and the exposure."""
    boxes = lungs()[..., None].astype(np.float32)
    shown = (boxes * 255).astype(np.uint8)
    radiographs_, masks_ = distorted(np.random.default_rng(0), shown, boxes)
    assert (radiographs_.shape, radiographs_.dtype, masks_.dtype) == (shown.shape, np.uint8, np.float32)
    assert set(np.unique(masks_)) <= {0.0, 1.0}
    assert ((radiographs_ > 127) == (masks_ > 0.5)).mean() > 0.97
    assert not np.array_equal(masks_, boxes)
    again, _ = distorted(np.random.default_rng(0), shown, boxes)
    assert np.array_equal(radiographs_, again)


def one_layer(shape, **_):
    images = keras.Input(shape)
    return keras.Model(images, keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")(images))


def test_a_trained_segmenter_draws_masks_that_the_classifier_gets(context, monkeypatch):
    monkeypatch.setattr(segmentation, "load_component", lambda entry: one_layer)
    settings = {"segmenter": Component("unet", {"filters": 4})}
    folder = build(changed(context, **settings), segmenter, "segmenter")
    meta = json.loads((folder / "meta.json").read_text())
    model = keras.saving.load_model(folder / "model.keras", compile=False)
    assert meta["parameters"] == model.count_params() == 10
    build(changed(context, **settings), masks, "masks")
    rows = np.arange(4)
    expected = model.predict(radiographs()[rows][..., None] / np.float32(255), verbose=0)[..., 0] > 0.5
    assert (Reader(context).masks(rows) == expected).mean() > 0.999


@pytest.mark.parametrize(
    ("kind", "product", "message"),
    [
        ("backbone", lambda shape, **_: object(), "does not end in a feature map"),
        ("backbone", lambda shape, **_: flat(shape), "does not end in a feature map"),
        ("head", lambda shape, classes, **_: flat(shape), r"does not give \(B, 2\) logits"),
    ],
)
def test_a_component_that_breaks_its_contract_is_named(context, monkeypatch, kind, product, message):
    real = classifier.load_component
    monkeypatch.setattr(classifier, "load_component", lambda entry: product if entry.kind == kind else real(entry))
    with pytest.raises(ContractError, match=f"{kind} .* {message}"):
        classifier.assemble(context.spec)


def flat(shape):
    images = keras.Input(shape)
    return keras.Model(images, keras.layers.Flatten()(images))


def test_preparation_passes_on_size_equalisation_and_progress(context, monkeypatch):
    told = {}

    def fake(samples, folder, **options):
        told.update(options, samples=samples)
        options["progress"](3, 9)

    events = []
    monkeypatch.setattr(prepare, "prepare", fake)
    monkeypatch.setattr(prepare, "open_dataset", lambda choice, seed: (None, ["a sample"], {}))
    lung_spec = small(images=Images(size=64, equalise="lungs"), dataset=DatasetChoice("phantom", skip_bad=True))
    prepare.build(Context(lung_spec, {}, Path(), events.append), Path())
    assert (told["size"], told["equalise"], told["skip_bad"]) == (64, "none", True)
    assert told["samples"] == ["a sample"]
    assert events == [{"done": 3, "total": 9}]
