"""Why no accelerator computes, as the backend's libraries tell it."""

import pytest

from registry import accelerators


@pytest.fixture
def built(monkeypatch):
    """A backend that finds no accelerator; what its build can do, a test says."""
    monkeypatch.setattr(accelerators, "has_accelerator", lambda: False)

    def built(with_cuda):
        monkeypatch.setitem(accelerators._BUILT, accelerators.NAME, lambda: with_cuda)

    return built


def test_one_that_computes_is_hindered_by_nothing(monkeypatch):
    monkeypatch.setattr(accelerators, "has_accelerator", lambda: True)
    assert accelerators.hindrance() == ""


def test_a_build_without_cuda_is_what_hinders(built):
    built(False)
    assert accelerators.hindrance() == "was built without CUDA"


def test_libraries_that_nobody_has_brought_are_named(built, monkeypatch, tmp_path):
    built(True)
    monkeypatch.setattr(accelerators, "NAME", "tensorflow")
    monkeypatch.setitem(accelerators._BUILT, "tensorflow", lambda: True)
    monkeypatch.setattr(accelerators, "find_library", lambda name: "libcublas.so.12" if name == "cublas" else None)
    monkeypatch.setattr(accelerators.sys, "path", [str(tmp_path)])
    assert accelerators.hindrance() == "lacks the CUDA libraries cudart, cudnn"
    for folder, name in (("cuda_runtime", "libcudart.so.12"), ("cudnn", "libcudnn.so.9")):
        (tmp_path / "nvidia" / folder / "lib").mkdir(parents=True)
        (tmp_path / "nvidia" / folder / "lib" / name).touch()
    assert accelerators.hindrance() == "finds no device that it can use"


def test_the_backend_of_these_tests_answers_for_itself():
    assert accelerators._BUILT[accelerators.NAME]() in (True, False)
