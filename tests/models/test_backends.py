"""Networks that one backend has trained and saved, as every other backend that is installed reads them."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest

from benchmark.models.predictor import joined
from benchmark.planning.chain import BACKEND_LIBRARIES
from registry.backbones.sepcnn import sepcnn
from registry.heads.attention_pool import attention_pool
from registry.networks.losses import cross_entropy_dice
from registry.networks.saved import load_network
from registry.segmenters.sepunet import sepunet

pytestmark = [pytest.mark.conformance, pytest.mark.slow]

NAMES = (("backbone", "sepcnn"), ("head", "attention-pool"))
SIZE = 32
OTHERS = [name for name in BACKEND_LIBRARIES if name != keras.backend.backend()]
PREDICT = f"""
import sys
from pathlib import Path
import keras
import numpy as np
from benchmark.models.predictor import joined
from registry.networks.saved import load_network
folder = Path(sys.argv[1])
images = np.load(folder / "images.npy")
network = joined(*(load_network(folder / f"{{kind}}.keras", kind, name) for kind, name in {NAMES}), {SIZE})
segmenter = load_network(folder / "model.keras", "segmenter", "unet")
np.savez(
    folder / f"{{keras.backend.backend()}}.npz",
    logits=network.predict(images, verbose=0),
    lungs=segmenter.predict(images / np.float32(255), verbose=0),
)
"""


def discs(count=32):
    """Dark noise, every other image with a bright disc, uint8 (N,H,W,1); where the disc is, float32 (N,H,W,1)."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIZE, :SIZE]
    centres = rng.integers(8, 24, (count, 2, 1, 1))
    discs = (y - centres[:, 0]) ** 2 + (x - centres[:, 1]) ** 2 < 36
    discs[::2] = False
    images = rng.integers(20, 120, (count, SIZE, SIZE)) + 100 * discs
    return images.astype(np.uint8)[..., None], discs.astype(np.float32)[..., None]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a backbone, a head and a segmenter after some steps, and what they make of the images."""
    folder = tmp_path_factory.mktemp("trained")
    images, masks = discs()
    radiographs = images / np.float32(255)
    np.save(folder / "images.npy", images)
    keras.utils.set_random_seed(0)
    backbone = sepcnn((SIZE, SIZE, 1), filters=8, pairs=2)
    head = attention_pool(tuple(backbone.output.shape[1:]), 2)
    network = keras.Sequential([keras.Input((SIZE, SIZE, 1)), backbone, head])
    network.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    network.fit(radiographs, np.arange(len(radiographs)) % 2, batch_size=8, epochs=12, verbose=0)
    backbone.save(folder / "backbone.keras")
    head.save(folder / "head.keras")
    segmenter = sepunet((SIZE, SIZE, 1))
    segmenter.compile(keras.optimizers.Adam(0.02), cross_entropy_dice, run_eagerly=True)  # its graph takes longer
    segmenter.fit(radiographs, masks, batch_size=16, epochs=6, verbose=0)
    segmenter.save(folder / "model.keras")
    network = joined(*(load_network(folder / f"{kind}.keras", kind, name) for kind, name in NAMES), SIZE)
    logits = network.predict(images, verbose=0)
    return folder, {"logits": logits, "lungs": segmenter.predict(radiographs, verbose=0)}


def test_what_was_trained_has_learnt_something(trained):
    logits, lungs = trained[1]["logits"], trained[1]["lungs"]
    evidence = logits[:, 1] - logits[:, 0]
    assert evidence[1::2].min() > evidence[::2].max()
    assert np.ptp(lungs) > 0.1


@pytest.mark.parametrize("other", OTHERS)
def test_what_one_backend_has_trained_predicts_the_same_in_another(other, trained):
    if find_spec(BACKEND_LIBRARIES[other]) is None:
        pytest.skip(f"{other} is not installed here")
    folder, expected = trained
    environment = {**os.environ, "KERAS_BACKEND": other, "TF_CPP_MIN_LOG_LEVEL": "2"}
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", PREDICT, folder], env=environment, cwd=root, check=True, timeout=600)
    with np.load(folder / f"{other}.npz") as found:
        np.testing.assert_allclose(found["logits"], expected["logits"], rtol=0, atol=1e-4)
        np.testing.assert_allclose(found["lungs"], expected["lungs"], rtol=0, atol=1e-4)
