import cv2
import numpy as np
import pytest

from benchmark.data import file_facts as facts_module
from benchmark.data.file_facts import file_facts
from benchmark.storage.inventory import inventory
from registry.contracts import Sample


@pytest.fixture
def samples(tmp_path):
    """Two labels, of which one has JPEG files that are higher than wide, but for a PNG."""
    found = []
    for number in range(40):
        label = ("ill", "well")[number % 2]
        suffix = "jpg" if label == "ill" and number else "png"
        shape = (30, 20) if label == "ill" else (20, 20, 3)
        path = tmp_path / f"{number}.{suffix}"
        cv2.imwrite(str(path), np.random.default_rng(number).integers(0, 255, shape, np.uint8))
        found.append(Sample(path.name, label, None, path.name, lambda: None, paths=(str(path), "a mask")))
    return found


def facts(samples, memory, version="1"):
    return file_facts(samples, {sample.paths[0]: sample.id for sample in samples}, memory, version)


def test_what_files_say_is_counted_by_label(samples, tmp_path):
    found = facts(samples, tmp_path / "memory.json")
    assert found["format"] == {"JPEG": {"ill": 19}, "PNG": {"ill": 1, "well": 20}}
    assert found["size"] == {"20×20 pixels": {"well": 20}, "20×30 pixels": {"ill": 20}}
    assert found["shape"] == {"higher than wide": {"ill": 20}, "square": {"well": 20}}
    assert found["bits"] == {"8 bits": {"ill": 20, "well": 20}}
    assert found["colour mode"] == {"grey": {"ill": 20}, "colour": {"well": 20}}


def test_values_that_are_seldom_are_left_out(samples, tmp_path):
    more = [Sample(f"{k}", "ill", None, f"{k}", lambda: None, paths=samples[2].paths) for k in range(10)]
    found = facts([*samples, *more], tmp_path / "memory.json")
    assert found["format"] == {"JPEG": {"ill": 29}, "PNG": {"ill": 1, "well": 20}}, "of the other label it is not"
    assert facts([one for one in [*samples, *more] if one.label == "ill"], tmp_path / "other.json")["format"] == {
        "JPEG": {"ill": 29}
    }


def test_headers_are_remembered_by_content_and_read_anew_by_other_code(samples, tmp_path, monkeypatch):
    memory = tmp_path / "memory.json"
    found = facts(samples, memory)
    monkeypatch.setattr(facts_module, "read_header", None)
    assert facts(samples, memory) == found
    with pytest.raises(TypeError):
        facts(samples, memory, "2")


def test_files_that_hold_no_image_of_their_own_and_drawn_images_say_nothing(tmp_path):
    (tmp_path / "many.npz").write_bytes(b"PK")
    one = Sample("1", "ill", None, "1", lambda: None, paths=(str(tmp_path / "many.npz"),))
    drawn = Sample("2", "well", None, "2", lambda: None)
    assert facts([one], tmp_path / "memory.json") == {}
    assert file_facts([drawn], {}, tmp_path / "memory.json", "1") == {}


def test_what_is_remembered_is_of_the_cache(samples, tmp_path):
    """So that it is counted and removed with it."""
    facts(samples, tmp_path / "file-headers.json")
    assert [item.path.name for item in inventory(tmp_path)] == ["file-headers.json"]
