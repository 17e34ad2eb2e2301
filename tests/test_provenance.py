import sys

import pytest

from benchmark import provenance


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with a helper imported inside a function, a data file, and an `__init__` that must not run."""
    folder = tmp_path / "strange"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('executed')\n")
    (folder / "model.py").write_text(
        "import os\ncxr_bench_sources = ['table.txt']\ndef f():\n    from . import helper\n"
    )
    (folder / "helper.py").write_text("X = 1\n")
    (folder / "unused.py").write_text("Y = 1\n")
    (folder / "table.txt").write_text("1\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    provenance._package_root.cache_clear()
    yield folder
    provenance._package_root.cache_clear()


def test_the_closure_holds_function_level_imports_package_inits_and_declared_data(package):
    names = set(provenance.source_files("strange.model"))
    assert names == {"strange", "strange.model", "strange.helper", "strange.model/table.txt"}


@pytest.mark.parametrize("name", ["model.py", "helper.py", "__init__.py", "table.txt"])
def test_an_edit_anywhere_in_the_closure_changes_the_digest(package, name):
    before = provenance.code_digest("strange.model")
    (package / name).write_text((package / name).read_text() + "# edited, and longer\n")
    assert provenance.code_digest("strange.model") != before


def test_an_edit_elsewhere_leaves_the_digest(package):
    before = provenance.code_digest("strange.model")
    (package / "unused.py").write_text("Y = 2  # edited\n")
    assert provenance.code_digest("strange.model") == before


def test_type_checking_imports_never_run_and_do_not_count(package):
    (package / "model.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from strange import unused\n"
    )
    assert set(provenance.source_files("strange.model")) == {"strange", "strange.model"}


def test_without_source_there_is_no_digest():
    assert provenance.code_digest("no_such_package_anywhere.model") is None


def test_store_executor_and_command_line_are_in_no_stage():
    for stage in ("prepare", "split", "segmenter", "masks", "inputs", "fit", "predict", "explain"):
        names = set(provenance.source_files(f"benchmark.stages.{stage}"))
        aside = {"benchmark.store", "benchmark.executor", "benchmark.config", "benchmark.plan", "benchmark.pipeline"}
        assert not names & aside, (stage, names & aside)
        assert not any(name.startswith(("benchmark.cli", "benchmark.report")) for name in names)


def test_no_component_is_in_the_closure_of_a_stage():
    """Else editing one model would retrain them all."""
    names = set(provenance.source_files("benchmark.stages.fit"))
    assert not any(name.startswith(("registry.backbones.", "registry.heads.", "registry.datasets.")) for name in names)
