"""Which runs no graph can hold, as far as their records tell, and what is missing to make one; nothing is started."""

from importlib.machinery import PathFinder

import msgspec
import pytest

from benchmark.execution import graphs
from benchmark.tasks.schema import Component, Images
from benchmark.tasks.spec import Runtime
from tests import factories
from tests.specs import spec

LATE, CROPPED = Images(equalise="lungs"), Images(mask="crop")


def refusal(folder, masked=True, **changes):
    (folder / "model").mkdir(exist_ok=True)
    if masked:
        (folder / "model" / "segmenter.keras").write_bytes(b"")
    return graphs.refusal(factories.record(spec=msgspec.to_builtins(spec(**changes))), folder)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"classical": True, "head": Component("xgboost")}, "its head, xgboost, is no network, and has no converter"),
        ({"images": LATE}, "it equalises inside the lungs"),
        ({"images": CROPPED}, "it shows the lungs by 'crop', and a graph can by 'multiply' alone"),
        ({"images": Images(mask="mean-fill")}, "it shows the lungs by 'mean-fill'"),
        ({"runtime": Runtime(precision="mixed_bfloat16")}, "its networks compute in mixed_bfloat16"),
    ],
)
def test_what_a_graph_cannot_hold_is_said_before_anything_is_started(tmp_path, changes, reason):
    assert refusal(tmp_path, **changes).startswith(reason)


@pytest.mark.parametrize(("masked", "images"), [(True, Images()), (False, CROPPED)])
def test_others_may_have_one_and_how_masks_are_applied_does_not_matter_without_masks(tmp_path, masked, images):
    assert refusal(tmp_path, masked, images=images, runtime=Runtime(backend="jax")) == ""


def test_what_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(PathFinder, "find_spec", lambda name: None if name in ("onnx", "tf2onnx") else name)
    assert graphs.lacking() == "onnx and tf2onnx are not installed"
    monkeypatch.setattr(PathFinder, "find_spec", lambda name: name)
    assert graphs.lacking() == ""


def test_another_record_code_or_library_is_another_graph(tmp_path, monkeypatch):
    record = factories.record(seal="a" * 64, files={})
    first = graphs._key(record, tmp_path, tmp_path)
    assert graphs._key(record, tmp_path, tmp_path) == first
    assert graphs._key(msgspec.structs.replace(record, seal="b" * 64), tmp_path, tmp_path) != first
    monkeypatch.setattr(graphs, "library_versions", lambda *names: dict.fromkeys(names, "0.1"))
    assert graphs._key(record, tmp_path, tmp_path) != first


def test_models_of_a_record_that_lists_no_files_count_by_their_bytes(tmp_path):
    record = factories.record(seal="a" * 64, files=None)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "head.keras").write_bytes(b"one")
    first = graphs._key(record, tmp_path, tmp_path)
    (tmp_path / "model" / "head.keras").write_bytes(b"two")
    assert graphs._key(record, tmp_path, tmp_path) != first
