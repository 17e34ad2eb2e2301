"""A user's own settings of Keras change no network of ours."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.warm import connection as warm

pytestmark = pytest.mark.slow

SCRIPT = """
import gc
gc.disable()  # takes a third of what importing Keras does
import hashlib
import numpy as np
from registry.lookup import find, load

images = np.random.default_rng(0).random((2, 32, 32, 1), np.float32)
backbone = load(find("backbone", "sepcnn"))
import keras
keras.utils.set_random_seed(0)
network = backbone((32, 32, 1), filters=8, pairs=2)
head = load(find("head", "dense"))(network.output_shape[1:], 3)
network = keras.Sequential([network, head])
network.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True)
network.fit(images, np.array([0, 2]), epochs=2, verbose=0)
found = network.predict(images, verbose=0)
print(found.dtype, hashlib.sha256(found.tobytes()).hexdigest(), keras.config.image_data_format())
"""

SETTINGS = {"image_data_format": "channels_first", "floatx": "float16", "epsilon": 1e-3}


def said(home: Path) -> str:
    """What a process says that reads those settings; where there are none, a fork of one that found none either."""
    command = [sys.executable, "-c", SCRIPT]
    environment = warm.variables(KERAS_HOME=str(home), WARM_SCRIPTS="1")
    told = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=Path(__file__).parents[2])
    assert told.returncode == 0, told.stderr
    return told.stdout


def test_networks_are_the_same_whatever_the_user_has_set(tmp_path):
    expected = said(tmp_path / "none")
    assert expected.split()[::2] == ["float32", "channels_last"]
    (tmp_path / "keras.json").write_text(json.dumps(SETTINGS))
    assert said(tmp_path) == expected
