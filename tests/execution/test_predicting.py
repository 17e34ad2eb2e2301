"""Which runs are taken for pipelines, before any worker starts."""

import zipfile

import pytest

from benchmark.execution.predicting import loaded
from benchmark.models.run_facts import LARGEST, model_files
from benchmark.records.calibration import CalibrationInfo
from benchmark.records.files import write
from registry.errors import BenchError, DataError
from tests import factories


@pytest.mark.parametrize(
    "spec",
    [{}, {"runtime": []}, {"runtime": {}}, {"training": 3}, {"training": {}, "segmentation": {"epochs": "two"}}],
)
def test_a_record_whose_specification_is_none_is_a_line(tmp_path, spec):
    (tmp_path / "model").mkdir()
    write(factories.record(spec=spec), tmp_path)
    with pytest.raises(BenchError, match="has a specification that is none") as caught:
        loaded(tmp_path, tmp_path / "cache")
    assert "\n" not in str(caught.value)


def test_a_model_that_would_fill_the_memory_is_not_unpacked(tmp_path):
    """A million bytes of zeros take a thousand."""
    (tmp_path / "model").mkdir()
    path = tmp_path / "model" / "head.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", bytes(4 * LARGEST))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(DataError, match="would unpack to 134 MB, which no model of its size does") as caught:
        model_files(factories.record(calibration=CalibrationInfo()), tmp_path)
    assert "\n" not in str(caught.value)
