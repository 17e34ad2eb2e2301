"""Every composition of registered components at a small size; alone, each is checked in test_checks."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from benchmark.data.masking import MASKINGS
from benchmark.models.augmentation import augmentation
from benchmark.models.classical import fit, logits
from benchmark.models.gradcam import grad_cam
from benchmark.models.segmentation import Segmentation
from benchmark.stages import inputs, masks, prepare
from benchmark.stages.context import Context
from benchmark.stages.reading import Reader
from benchmark.tasks.schema import Component, Images
from benchmark.tasks.spec import DatasetChoice
from registry.backbones.sepcnn import sepcnn
from registry.lookup import entries, load
from registry.networks.explanation import features
from registry.options import read_options, resolve_options
from tests.specs import spec

SIZE = 64  # pixels; at 32 the last map of most networks is a single cell
COUNT = 6
CLASSES = 3
TARGETS = np.arange(COUNT) % CLASSES
HEADS = list(entries("head"))
QUICK = {"trees": 10}  # where a component has such an option


def build(kind, name, *arguments, **options):
    """The component with its defaults, but for those of the options that it has."""
    factory = load(entries(kind)[name])
    known = read_options(factory)
    chosen = {option.name: options[option.name] for option in known if option.name in options}
    return factory(*arguments, **resolve_options(name, known, chosen))


def images(count=COUNT):
    return np.random.default_rng(0).random((count, SIZE, SIZE, 1), np.float32)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    sepcnn((SIZE, SIZE, 1), filters=8).save(path)
    return str(path)


OF_OTHERS = {"onnx", "keras-hub"}  # networks in formats of others: their own tests make files of those


@pytest.fixture(scope="module", params=sorted({*entries("backbone")} - OF_OTHERS))
def backbone(request, saved):
    """A backbone built once for all heads, and seen to work once: a pass through it takes as long as all the rest.

    `heads` by name and those that are `networks`; `cells`, the features of the images; `maps` of the first network.
    """
    keras.utils.set_random_seed(0)
    model = build("backbone", request.param, (SIZE, SIZE, 1), weights=None, path=saved)
    shape = tuple(features(model.outputs).shape[1:])
    heads = {name: build("head", name, shape, CLASSES, **QUICK) for name in HEADS}
    networks = [head for head in heads.values() if isinstance(head, keras.Model)]
    passed = []

    def first(tensor, training):
        passed.append(tensor)
        return networks[0](tensor, training=training)

    maps = grad_cam(model, first, images(), TARGETS)
    traced = keras.backend.backend() == "jax"  # what it passes on has no values yet
    cells = features(model(images(), training=False)) if traced else passed[0]
    return SimpleNamespace(
        model=model, heads=heads, networks=networks, cells=keras.ops.convert_to_numpy(cells), maps=maps
    )


@pytest.mark.parametrize("name", HEADS)
def test_every_head_answers_for_every_backbone(backbone, name):
    head = backbone.heads[name]
    if isinstance(head, keras.Model):
        answer = keras.ops.convert_to_numpy(head(backbone.cells, training=False))
    else:
        pooled = backbone.cells.mean(axis=(1, 2))
        learnt = fit(head, pooled, TARGETS, CLASSES, balance="weights", validation=(pooled, TARGETS), seed=0)
        answer = logits(learnt.classifier, pooled, CLASSES)
    assert answer.shape == (COUNT, CLASSES)
    assert np.isfinite(answer).all()


def check(maps):
    assert np.isfinite(maps).all()
    assert np.ptp(maps) > 0.1 * maps.max() > 0


def test_every_network_head_is_explained_on_every_backbone(backbone):
    check(backbone.maps)  # on the finer map where there is one
    known = keras.Sequential([keras.Input(backbone.cells.shape[1:]), keras.layers.Identity()])
    for head in backbone.networks:
        check(grad_cam(known, head, backbone.cells, TARGETS))


def test_one_step_from_augmentation_to_head_changes_backbone_and_heads(backbone):
    heads = backbone.networks
    radiographs = keras.Input((SIZE, SIZE, 1))
    change = augmentation(flips="both", rotation=0.1, rotated=0.5, seed=0)
    cells = features(backbone.model(change(radiographs)))
    network = keras.Model(radiographs, [head(cells) for head in heads])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.SGD(0.1), [loss] * len(heads), run_eagerly=True)
    before = [weights(part) for part in (backbone.model, *heads)]
    told = network.train_on_batch(images(CLASSES), [np.arange(CLASSES)] * len(heads))
    assert np.isfinite(told).all()
    for part, old in zip((backbone.model, *heads), before, strict=True):
        moved = [not np.array_equal(a, b) for a, b in zip(old, weights(part), strict=True)]
        assert any(moved), f"{part.name} learnt nothing"


def weights(network):
    return [keras.ops.convert_to_numpy(weight) for weight in network.trainable_weights]


@pytest.fixture(scope="module")
def radiographs(tmp_path_factory):
    """The artefact of a few drawn radiographs."""
    folder = tmp_path_factory.mktemp("radiographs")
    prepare.build(context({}, Component("none"), folder), folder)
    return folder


def context(artefacts, segmenter, folder, mask="multiply"):
    chosen = spec(
        dataset=DatasetChoice("phantom", None, {"count": COUNT, "size": 64}),
        segmenter=segmenter,
        images=Images(size=SIZE, mask=mask),
    )
    return Context(chosen, artefacts, folder, lambda told: None)


@pytest.mark.parametrize("name", entries("segmenter"))
def test_every_segmenter_masks_the_inputs_in_every_way(radiographs, tmp_path, monkeypatch, name):
    product = build("segmenter", name, (SIZE, SIZE, 1))
    artefacts = {"prepare": radiographs, "masks": tmp_path / "masks"}
    for folder in ("masks", *MASKINGS):
        (tmp_path / folder).mkdir()
    if isinstance(product, keras.Model):
        artefacts["segmenter"] = tmp_path
        monkeypatch.setattr(masks, "load_segmentation", lambda path, name: uncompiled(product))
    masks.build(context(artefacts, Component(name), tmp_path), tmp_path / "masks")
    drawn = Reader(context(artefacts, Component(name), tmp_path)).masks(np.arange(COUNT))
    for how in MASKINGS:
        inputs.build(context(artefacts, Component(name), tmp_path, how), tmp_path / how)
        seen = np.load(tmp_path / how / "images.npy")
        assert (seen.shape, seen.dtype) == ((COUNT, SIZE, SIZE), np.uint8)
        assert how != "multiply" or not seen[~drawn].any()


def uncompiled(network):
    """The network as it was built: to compile it takes a second, and saving is checked elsewhere."""
    called = lambda radiographs: keras.ops.convert_to_numpy(network(radiographs, training=False))[..., 0] > 0.5  # noqa: E731
    return Segmentation(SimpleNamespace(predict=called))
