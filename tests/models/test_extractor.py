"""What turns views into features where that is no network, from what an artefact or a run keeps of it."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from benchmark.models import extractor
from benchmark.tasks.schema import Component, Images
from registry.errors import ContractError
from tests.specs import spec


class Rows:
    """The mean of each row, times a number in a file."""

    parameters = 1

    def __init__(self, factor):
        self.factor = factor

    def predict(self, images):
        return images.mean(axis=(2, 3)) * np.float32(self.factor)


@pytest.fixture
def of_rows(monkeypatch):
    """A specification whose backbone reads a file; its factory is given by hand."""

    def factory(image_shape, *, path="", word="none"):
        return Rows(float(Path(path).read_text()))

    monkeypatch.setattr(extractor, "find", lambda kind, name: (kind, name))
    monkeypatch.setattr(extractor, "load", lambda entry: factory)

    def made(path):
        backbone = Component("rows", {"path": str(path), "word": "none"})
        return msgspec.structs.replace(spec(), backbone=backbone, images=Images(size=32))

    return made


def views(count=5):
    return np.random.default_rng(0).integers(0, 256, (count, 32, 32), np.uint8)


def test_a_predictor_is_given_images_in_zero_to_one_so_many_at_once():
    seen = []

    class Watched(Rows):
        def predict(self, images):
            seen.append((images.dtype, images.shape, float(images.max()) <= 1))
            return super().predict(images)

    found = extractor.of_predictor("rows", Watched(2), 32)
    np.testing.assert_allclose(found.features(views(), 2), views().mean(axis=2) / 255 * 2, rtol=1e-5)
    assert (found.channels, found.parameters) == (32, 1)
    assert seen[1:] == [(np.float32, (n, 32, 32, 1), True) for n in (2, 2, 1)]


@pytest.mark.parametrize("given", [np.zeros((2, 3)), np.zeros((1, 3), np.float32), np.zeros((2, 3, 4), np.float32)])
def test_what_gives_no_features_breaks_its_contract(given):
    class Broken:
        def predict(self, images):
            return given

    with pytest.raises(ContractError, match=r"backbone 'x' does not give features float32 \(2, C\), received"):
        extractor.of_predictor("x", Broken(), 8)


def test_a_run_predicts_from_its_copy_whatever_has_become_of_the_file(of_rows, tmp_path):
    file, kept = tmp_path / "factor.v2.txt", tmp_path / "kept"
    file.write_text("3")
    kept.mkdir()
    run = of_rows(file)
    extractor.keep_files(run.backbone, kept)
    assert [path.name for path in kept.iterdir()] == ["backbone-path.txt"]
    file.write_text("4")
    files = {path.name: path for path in kept.iterdir()}
    found = extractor.load_extractor(files, run).features(views(), 64)
    np.testing.assert_allclose(found, views().mean(axis=2) / 255 * 3, rtol=1e-5)
