"""A trained pipeline as a function of images gives what its run has kept, from artefacts and from the run's folder."""

import json
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest

from benchmark.data.frames import film_pixels
from benchmark.data.samples import open_dataset
from benchmark.models.pipeline import GRADIENTS, PATCHES, Pipeline, load_pipeline
from benchmark.models.run_folder import load_run
from benchmark.models.segmentation import make_segmentation
from benchmark.records.files import read, write
from benchmark.stages import explain
from benchmark.stages.model_files import model_files
from benchmark.stages.predictions import batch_prior, data_prior, predictions
from benchmark.stages.reading import Reader
from benchmark.tasks.schema import Component, Images
from benchmark.tasks.spec import RunSpec
from registry.errors import ContractError, DataError, DataNotFoundError, UnknownNameError, VerificationError
from tests import factories, xrays
from tests.commands import TINY, Bench
from tests.stages import test_stages
from tests.stages.test_stages import SIZE, radiographs

pytestmark = pytest.mark.slow

NEAR = 1e-6
fitted = test_stages.fitted
PIPELINES = """
[[pipelines]]
segmenter = "unet[filters=4]"
backbone = "sepcnn[filters=8,pairs=1]"
head = "dense"

[[pipelines]]
segmenter = "threshold"
backbone = "sepcnn[filters=8,pairs=1]"
head = "scikit-learn[classifier=LogisticRegression]"
"""


def test_a_pipeline_from_artefacts_answers_as_its_stages_did(fitted, tmp_path):
    explain.build(fitted, tmp_path)
    run = Reader(fitted)
    stored = predictions(run)
    pipeline = load_pipeline(model_files(run), run.spec, stored.calibration, data_prior(run), batch_prior(run))
    found = pipeline.answers(radiographs())  # more images than were predicted, and others in a batch
    assert found.masks is None
    assert np.array_equal(found.views, radiographs())
    for name in ("logits", "corrected_logits", "probabilities"):
        np.testing.assert_allclose(getattr(found, name)[stored.rows], getattr(stored, name), rtol=0, atol=NEAR)
    assert np.array_equal(found.decided[stored.rows], stored.corrected_logits.argmax(axis=1))
    with np.load(tmp_path / "samples.npz") as chosen:
        heat = pipeline.heat(found.views[chosen["rows"]], chosen["decided"])
        np.testing.assert_allclose(heat, chosen["heat"], rtol=NEAR, atol=NEAR)
    assert pipeline.classifier.method == GRADIENTS


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """Two runs: a trained segmenter with a network, an untrained one with a head on features; lungs cropped."""
    bench = Bench(tmp_path_factory.mktemp("bench"))
    start, rest = TINY.index("[[pipelines]]"), TINY.index("[images]")
    looks = '[images]\nequalise = "lungs"\nmask = "crop"\n'
    head = TINY[:start].replace("count=96,size=32", "count=96,size=48")  # so that images are resized
    bench.task.write_text(head + PIPELINES + "\n" + TINY[rest:].replace("[images]\n", looks))
    bench.run()
    return bench


@pytest.fixture(scope="module", params=["dense", "scikit-learn"])
def run(bench, request):
    """One of the runs: its folder, record, kept predictions, the dataset's samples, and what its models say of them."""
    (path,) = bench.results.rglob(f"*-{request.param}-*/result.json")
    record = read(path)
    spec = msgspec.convert(record.spec, RunSpec)
    _, samples, _ = open_dataset(spec.dataset, spec.split.seed)
    pipeline = load_run(path.parent)
    images = pipeline.prepare([sample.read_image() for sample in samples])
    with np.load(path.parent / "predictions.npz", allow_pickle=False) as kept:
        return SimpleNamespace(
            record=record,
            samples=samples,
            kept=dict(kept),
            pipeline=pipeline,
            images=images,
            answers=pipeline.answers(images),  # once: a network compiles for every pipeline that is loaded
        )


def test_a_pipeline_from_a_run_folder_answers_for_raw_images_as_the_run_did(run):
    assert (run.images.shape, run.images.dtype) == ((96, 32, 32), np.uint8)
    found = run.answers
    place = {sample.id: row for row, sample in enumerate(run.samples)}
    rows = [place[name] for name in run.kept["ids"].tolist()]
    for name in ("logits", "corrected_logits", "probabilities"):
        np.testing.assert_allclose(getattr(found, name)[rows], run.kept[name], rtol=0, atol=NEAR)
    assert np.ptp(found.probabilities[:, 1]) > 10 * NEAR
    right = found.decided[rows] == run.kept["targets"]
    assert right[run.kept["subsets"] == "test"].mean() == pytest.approx(run.record.metrics["accuracy"].value)
    assert (found.masks.shape, found.masks.dtype) == ((96, 32, 32), bool)


def test_its_heat_maps_are_those_that_the_run_explained_itself_with(run, bench):
    methods = {json.loads((path / "meta.json").read_text())["method"]: path for path in artefacts(bench, "explain")}
    assert set(methods) == {GRADIENTS, PATCHES}
    with np.load(methods[run.pipeline.classifier.method] / "samples.npz", allow_pickle=False) as chosen:
        heat = run.pipeline.heat(run.answers.views[chosen["rows"]], chosen["decided"])
        np.testing.assert_allclose(heat, chosen["heat"], rtol=1e-5, atol=NEAR)
    assert run.record.map_method == run.pipeline.classifier.method


def test_its_masks_and_views_are_those_that_the_stages_made(run, bench):
    found = run.answers
    stored = [np.load(path / "images.npy") for path in artefacts(bench, "inputs")]
    assert sum(np.array_equal(found.views, views) for views in stored) == 1
    packed = [np.load(path / "masks.npy") for path in artefacts(bench, "masks")]
    assert sum(np.array_equal(np.packbits(found.masks.reshape(96, -1), axis=1), bits) for bits in packed) == 1


def artefacts(bench, stage):
    return sorted((bench.cache / "objects" / stage).iterdir())


def untrained(**changes):
    """A pipeline that draws and shows, and has learnt nothing."""
    settings = {"images": Images(size=SIZE), "segmentation": None, "classifier": None, "calibration": None, **changes}
    return Pipeline(**settings)


def test_masks_that_are_known_are_applied_in_place_of_drawn_ones():
    drawn = test_stages.lungs()
    pipeline = untrained(segmentation=make_segmentation(Component("dataset"), SIZE))
    with pytest.raises(ContractError, match="reads stored masks"):
        pipeline.masks(radiographs())
    assert np.array_equal(pipeline.view(radiographs(), drawn), radiographs() * drawn)


@pytest.mark.parametrize(
    ("image", "complaint"),
    [
        (np.zeros((8, 8), np.float32), r"image 1: expected uint8 \(H, W\), received float32 \(8, 8\)"),
        (np.zeros((8, 8, 3), np.uint8), r"received uint8 \(8, 8, 3\)"),
        (np.zeros((0, 8), np.uint8), r"received uint8 \(0, 8\)"),
        ("radiograph.png", r"received str"),
        (np.full((8, 8), 7, np.uint8), "image 1 is empty: every pixel is 7"),
    ],
)
def test_what_is_no_image_is_refused(image, complaint):
    good = np.arange(64, dtype=np.uint8).reshape(8, 8)
    with pytest.raises(DataError, match=complaint):
        untrained().prepare([good, image])


def test_no_images_are_prepared_to_none():
    assert untrained().prepare([]).shape == (0, SIZE, SIZE)
    with pytest.raises(UnknownNameError, match="equalisation"):
        untrained(images=SimpleNamespace(size=SIZE, equalise="histgram")).prepare([])


def test_a_folder_without_models_or_with_a_record_that_was_changed_is_refused(tmp_path, bench):
    with pytest.raises(DataNotFoundError, match="no record"):
        load_run(tmp_path)
    for name, record, complaint in (
        ("failed", factories.failed(), "failed, so there is nothing that predicts"),
        ("vote", factories.vote(), "made of other runs"),
        ("bare", factories.record(), "no models in"),
    ):
        write(record, tmp_path / name)
        with pytest.raises((DataError, DataNotFoundError), match=complaint):
            load_run(tmp_path / name)
    path = tmp_path / "bare" / "result.json"
    path.write_text(path.read_text().replace("binary", "unary"))
    with pytest.raises(VerificationError):
        load_run(tmp_path / "bare")


def test_images_that_are_not_square_are_prepared_and_masked_as_a_run_does_it():
    pipeline = untrained(segmentation=SimpleNamespace(masks=lambda images: np.ones(images.shape, bool)))
    images = [xrays.radiograph(1, (40, 80)), xrays.radiograph(2, (40, 40))]
    found, frames = pipeline.prepare(images), pipeline.frames(images)
    assert frames.tolist() == [[SIZE // 4, 0, SIZE // 2, SIZE], [0, 0, SIZE, SIZE]]
    masks = pipeline.masks(found, frames)
    assert np.array_equal(masks, film_pixels(frames, SIZE))
    assert not found[~masks].any() and not pipeline.view(found, masks, frames)[~masks].any()
    assert pipeline.frames(images[1:]) is None


def test_images_of_sixteen_bits_are_scaled_by_the_bits_of_the_run():
    image = np.linspace(0, 1023, SIZE * SIZE).reshape(SIZE, SIZE).astype(np.uint16)
    images = Images(size=SIZE, equalise="none")
    assert untrained(images=images).prepare([image]).max() == 255
    assert untrained(images=images, bits=12).prepare([image]).max() == 64
