"""Vision transformers from folders with random weights, made here; nothing is downloaded."""

import json
import random

import keras
import numpy as np
import pytest

pytest.importorskip("keras_hub", reason="pip install 'cxr-bench[hub]'")

from registry.backbones import keras_hub as module
from registry.backbones.keras_hub import keras_hub
from registry.checks.networks import check_backbone
from registry.errors import BenchError, ContractError, OptionError, WeightsError
from registry.networks import hub_folder
from tests import hub_folders
from tests.hub_folders import CELLS, IMAGES, PATCH, SIZE, WIDTH, folder, weights

pytestmark = pytest.mark.conformance

SHAPE = (SIZE, SIZE, 1)


def array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def grey(side=SIZE):
    return np.random.default_rng(3).random((2, side, side, 1), np.float32)


def by_hand(kind, images):
    """The map where attention and perceptrons add nothing: each patch projected, placed and normalised."""
    found = {name.removeprefix("vit."): values for name, values in weights(kind, silent=True).items()}
    colour = (np.repeat(images, 3, axis=-1) - IMAGES["image_mean"]) / IMAGES["image_std"]
    patches = colour.reshape(-1, CELLS, PATCH, CELLS, PATCH, 3)
    projected = np.einsum("brpcqd,edpq->brce", patches, found["embeddings.patch_embeddings.projection.weight"])
    places = found["embeddings.position_embeddings"][0, 1:].reshape(CELLS, CELLS, WIDTH)
    cells = projected + found["embeddings.patch_embeddings.projection.bias"] + places
    cells = (cells - cells.mean(axis=-1, keepdims=True)) / np.sqrt(cells.var(axis=-1, keepdims=True) + 1e-6)
    return cells * found["layernorm.weight"] + found["layernorm.bias"]


@pytest.mark.parametrize("kind", ["vit", "dinov2_with_registers"])
def test_a_folder_keeps_the_contract(kind, tmp_path):
    check_backbone(keras_hub, path=folder(tmp_path / kind, kind))


@pytest.mark.parametrize("kind", hub_folders.CONFIGS)
def test_a_cell_of_the_map_is_the_token_of_its_patch(kind, tmp_path):
    backbone = keras_hub(SHAPE, path=folder(tmp_path / kind, kind, silent=True))
    np.testing.assert_allclose(array(backbone(grey())), by_hand(kind, grey()), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("kind", "side", "cells"), [("vit", 64, 8), ("vit", 30, 4), ("dinov2", 37, 5)])
def test_other_sizes_get_interpolated_places(kind, side, cells, tmp_path):
    """Of places that are all alike nothing changes: a map of one grey is one cell, everywhere."""
    path = folder(tmp_path / kind, kind, silent=True)  # among more patches, attention looks less at the class
    found = weights(kind, silent=True)
    name = next(name for name in found if name.endswith("position_embeddings"))
    found[name][0, 1:] = found[name][0, 1]
    hub_folders.numpy_files.save_file(found, f"{path}/model.safetensors")
    small, other = (keras_hub((one, one, 1), path=path) for one in (SIZE, side))
    cell = array(small(np.full((1, SIZE, SIZE, 1), 0.3, np.float32)))[0, 0, 0]
    maps = array(other(np.full((1, side, side, 1), 0.3, np.float32)))
    assert maps.shape == (1, cells, cells, WIDTH)
    np.testing.assert_allclose(maps, np.broadcast_to(cell, maps.shape), rtol=1e-3, atol=1e-3)


def test_it_is_frozen_unless_said(tmp_path):
    path = folder(tmp_path / "vit")
    assert keras_hub(SHAPE, path=path).trainable_weights == []
    assert len(keras_hub(SHAPE, path=path, frozen=False).trainable_weights) > 20


def test_a_name_is_no_folder_and_nothing_is_downloaded(tmp_path):
    for name in ("vit_base_patch16_224_imagenet", "hf://microsoft/rad-dino", "kaggle://keras/vit"):
        with pytest.raises(WeightsError, match=r"no folder '.*' for backbone 'keras-hub', which downloads nothing"):
            keras_hub(SHAPE, path=name)
    with pytest.raises(OptionError, match=r"needs a folder: keras-hub\[path=FOLDER\]"):
        keras_hub(SHAPE)


def test_without_the_libraries_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "hub", None)
    with pytest.raises(WeightsError, match=r"pip install 'cxr-bench\[hub\]'"):
        keras_hub(SHAPE, path=folder(tmp_path / "vit"))


@pytest.mark.parametrize("name", [hub_folder.CONFIG, hub_folder.IMAGES, hub_folder.WEIGHTS])
def test_a_file_that_lacks_is_named(name, tmp_path):
    path = folder(tmp_path / "vit")
    (tmp_path / "vit" / name).unlink()
    with pytest.raises(WeightsError, match=f"lacks {name}"):
        keras_hub(SHAPE, path=path)


@pytest.mark.parametrize(
    ("kind", "config", "message"),
    [
        ("vit", {"model_type": "gpt2"}, "model_type is one of vit, .* received 'gpt2'"),
        ("vit", {"registered_name": "keras_hub>ViTBackbone"}, "model_type is one of"),  # Keras would build what it says
        ("vit", {"hidden_size": 10**9}, "hidden_size is a whole number from 1 to 16,384, received 1000000000"),
        ("vit", {"hidden_size": 4096}, "describes a network of [0-9,]+ weights or more, and model.safetensors has"),
        ("vit", {"num_hidden_layers": 250}, "they do not belong together, or the file is cut off"),
        ("vit", {"num_hidden_layers": True}, "num_hidden_layers is a whole number"),
        ("vit", {"patch_size": 0}, "patch_size is a whole number from 1"),
        ("vit", {"patch_size": 7}, "image_size is a multiple of patch_size"),
        ("vit", {"num_attention_heads": 3}, "hidden_size is a multiple of num_attention_heads"),
        ("vit", {"hidden_dropout_prob": 7}, "hidden_dropout_prob is a share below 1, received 7"),
        ("vit", {"layer_norm_eps": "x" * 500}, "layer_norm_eps is a small number, received 'xxx.*…"),
        ("vit", {"hidden_act": "\x1b[31m"}, r"expected hidden_act gelu, received '\\x1b"),
        ("vit", {"qkv_bias": False}, "expected qkv_bias True, received False"),
        ("dinov2", {"mlp_ratio": float("nan")}, "mlp_ratio is a number"),
        ("dinov2", {"use_swiglu_ffn": None}, "use_swiglu_ffn is a bool"),
        ("dinov2", {"num_register_tokens": 2}, "cannot be loaded by KerasHub"),  # which the weights lack
    ],
)
def test_a_configuration_that_cannot_be_is_one_line(kind, config, message, tmp_path):
    with pytest.raises(WeightsError, match=message) as caught:
        keras_hub(SHAPE, path=folder(tmp_path / kind, kind, config=config))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "images", [{"image_mean": None}, {"image_std": [0, 1, 1]}, {"image_std": [1, 1]}, {"rescale_factor": "x"}]
)
def test_a_normalisation_that_cannot_be_is_one_line(images, tmp_path):
    with pytest.raises(WeightsError, match="is not what three channels have"):
        keras_hub(SHAPE, path=folder(tmp_path / "vit", images=images))


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, "nul\0", '{"a":' + "9" * 2_000_000])
def test_a_small_file_that_is_none_is_one_line(text, tmp_path):
    path = folder(tmp_path / "vit")
    (tmp_path / "vit" / "config.json").write_text(text)
    with pytest.raises(WeightsError, match=r"config\.json of .* (is no JSON|holds list|has [0-9,]+ bytes)"):
        keras_hub(SHAPE, path=path)


def test_images_that_make_no_square_of_few_patches_are_refused(tmp_path):
    path = folder(tmp_path / "vit")
    for shape in ((None, None, 1), (32, 64, 1)):
        with pytest.raises(ContractError, match="reads square images of one size"):
            keras_hub(shape, path=path)
    with pytest.raises(ContractError, match="make 65,536 patches of 8, expected at most 16,384"):
        keras_hub((2048, 2048, 1), path=path)


def test_damaged_weights_are_one_line(tmp_path):
    path = folder(tmp_path / "vit")
    file = tmp_path / "vit" / "model.safetensors"
    whole = file.read_bytes()
    header = int.from_bytes(whole[:8], "little")
    huge, moved = (2**62).to_bytes(8, "little") + whole[8:], whole[:8] + whole[8:].replace(b'"F32"', b'"I64"')
    beyond = json.dumps({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}).encode()
    promised = len(beyond).to_bytes(8, "little") + beyond + bytes(len(whole))
    for damaged in (whole[:-9], whole[: 8 + header // 2] + bytes(len(whole)), huge, moved, promised, bytes(len(whole))):
        file.write_bytes(damaged)
        with pytest.raises(WeightsError, match=r"cannot be loaded by KerasHub|cut off") as caught:
            keras_hub(SHAPE, path=path)
        assert "\n" not in str(caught.value)
    refused = 0
    for seed in range(25):
        changed, at_random = bytearray(whole), random.Random(seed)
        for _ in range(4):
            changed[at_random.randrange(8 + header)] = at_random.randrange(256)
        file.write_bytes(changed)
        try:
            keras_hub(SHAPE, path=path)
        except BenchError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 15
