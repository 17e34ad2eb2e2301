"""A network is read back by a process that has not made it."""

import importlib
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from registry.errors import PluginError
from registry.networks import saved
from registry.networks.archives import check_archive
from tests.warm import connection as warm

pytestmark = pytest.mark.conformance

ROOT = Path(__file__).parents[2]
MODULE = """
import keras
from keras import layers


@keras.saving.register_keras_serializable("own")
class Doubled(layers.Layer):
    def call(self, inputs):
        return 2 * inputs


def doubled(image_shape):
    images = keras.Input(image_shape)
    return keras.Model(images, Doubled()(images))
"""
READ = """
import sys
from pathlib import Path
import numpy as np
from registry.networks.saved import load_network
network = load_network(Path(sys.argv[1]), "backbone", "doubled")
print(float(network(np.ones((1, 4, 4, 1), np.float32))[0, 0, 0, 0]))
"""


def register(folder):
    place = folder / "own_layers-1.dist-info"
    place.mkdir()
    (place / "METADATA").write_text("Metadata-Version: 2.1\nName: own-layers\nVersion: 1\n")
    (place / "entry_points.txt").write_text("[cxr_bench.backbones]\ndoubled = own_layers_of_a_test:doubled\n")
    (folder / "own_layers_of_a_test.py").write_text(MODULE)


def test_layers_of_the_components_own_are_known_where_nothing_else_imported_it(tmp_path, monkeypatch):
    register(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    made = importlib.import_module("own_layers_of_a_test").doubled((4, 4, 1))
    made.save(tmp_path / "model.keras")
    told = subprocess.run(
        [sys.executable, "-c", READ, tmp_path / "model.keras"],
        env=warm.variables(PYTHONPATH=f"{tmp_path}:{ROOT}", KERAS_BACKEND=keras.backend.backend(), WARM_SCRIPTS="1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stdout.strip()) == (0, "2.0"), told.stderr


def test_a_component_that_is_gone_is_named(tmp_path, monkeypatch):
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(1, 1)])
    model.save(tmp_path / "model.keras")
    again = saved.load_network(tmp_path / "model.keras", "backbone", "sepcnn")
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])

    def gone(entry):
        raise PluginError(f"{entry.name} does not import")

    monkeypatch.setattr(saved, "load", gone)
    with pytest.raises(PluginError, match="sepcnn does not import"):
        saved.load_network(tmp_path / "model.keras", "backbone", "sepcnn")


def test_layers_of_a_library_that_is_not_installed_are_one_line_that_says_what_to_install(tmp_path, monkeypatch):
    hub = pytest.importorskip("keras_hub", reason="pip install 'cxr-bench[hub]'")
    small = {"patch_size": (8, 8), "num_layers": 1, "num_heads": 1, "hidden_dim": 4, "mlp_dim": 4}
    hub.models.ViTBackbone(image_shape=(16, 16, 3), **small).save(tmp_path / "model.keras")
    check_archive(tmp_path / "model.keras")
    saved.load_network(tmp_path / "model.keras", "backbone", "keras-hub")
    for name in [name for name in sys.modules if name.partition(".")[0] == "keras_hub"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    monkeypatch.setattr(keras.saving, "load_model", without_hub)
    with pytest.raises(PluginError) as refused:
        saved.load_network(tmp_path / "model.keras", "backbone", "keras-hub")
    expected = "backbone 'keras-hub' was saved with layers of keras_hub, not installed here: pip install keras-hub"
    assert str(refused.value) == expected


def without_hub(path, compile):
    """As Keras ends in a process that never imported it; what this one has registered stays known to it."""
    raise TypeError("Could not deserialize class 'ViTBackbone'")
