import sys
from pathlib import Path

import pytest

from benchmark import stages as stage_modules
from benchmark.storage.code import OWN
from registry.errors import PluginError
from tests.specs import index


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
    return folder


def test_the_closure_holds_function_level_imports_package_inits_and_declared_data(package):
    names = set(index().source_files("strange.model"))
    assert names == {"strange", "strange.model", "strange.helper", "strange.model/table.txt"}


def edit(path, line):
    path.write_text(f"{path.read_text()}{line}\n")


@pytest.mark.parametrize("name", ["model.py", "helper.py", "__init__.py", "table.txt"])
def test_an_edit_anywhere_in_the_closure_changes_the_digest(package, name):
    before = index().code_digest("strange.model")
    edit(package / name, "EDITED = 1")
    assert index().code_digest("strange.model") != before


@pytest.mark.parametrize(("name", "counts"), [("model.py", False), ("helper.py", False), ("table.txt", True)])
def test_a_comment_counts_in_data_alone_and_wherever_bytes_are_asked_for(package, name, counts):
    before = index().code_digest("strange.model"), index().byte_digest("strange.model")
    edit(package / name, "# a comment")
    assert (index().code_digest("strange.model") != before[0]) == counts
    assert index().byte_digest("strange.model") != before[1]


def test_a_source_file_that_is_declared_as_data_counts_by_its_bytes(package):
    (package / "model.py").write_text("cxr_bench_sources = 'unused.py'\n")
    before = index().code_digest("strange.model")
    edit(package / "unused.py", "# a comment")
    assert index().code_digest("strange.model") != before


def test_no_stage_and_no_recorder_counts_by_its_bytes():
    """Else a comment in a file that names `__file__`, say, would train everything anew."""
    code_index = index()
    paths = [path for path in Path(stage_modules.__file__).parent.glob("*.py") if path.stem != "__init__"]
    assert len(paths) >= 12
    for path in paths:
        files = code_index.source_files(f"benchmark.stages.{path.stem}", OWN)
        assert len(files) >= 3
        for name, path in files.items():
            assert code_index._source(name, path).code != code_index.file_digest(path), name


def test_an_edit_elsewhere_leaves_the_digest(package):
    before = index().code_digest("strange.model")
    (package / "unused.py").write_text("Y = 2  # edited\n")
    assert index().code_digest("strange.model") == before


def test_type_checking_imports_never_run_and_do_not_count(package):
    (package / "model.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from strange import unused\n"
    )
    assert set(index().source_files("strange.model")) == {"strange", "strange.model"}


def test_without_source_there_is_no_digest():
    assert index().code_digest("no_such_package_anywhere.model") is None


def test_store_executor_digests_and_command_line_are_in_no_stage():
    stages = [path.stem for path in Path(stage_modules.__file__).parent.glob("*.py") if path.stem != "__init__"]
    assert len(stages) >= 10
    for stage in stages:
        names = set(index().source_files(f"benchmark.stages.{stage}", OWN))
        aside = {"store", "executor", "config", "tables", "plan", "pipeline", "keys", "provenance", "imports"}
        assert not names & {f"benchmark.{name}" for name in aside}, stage
        assert not any(name.startswith(("benchmark.cli", "benchmark.report")) for name in names)


def test_no_component_is_in_the_closure_of_a_stage():
    """Else editing one model would retrain them all."""
    names = set(index().source_files("benchmark.stages.fit", OWN))
    assert not any(name.startswith(("registry.backbones.", "registry.heads.", "registry.datasets.")) for name in names)


def test_a_helper_in_another_package_of_the_same_distribution_counts(package):
    (package.parent / "sibling").mkdir()
    (package.parent / "sibling" / "__init__.py").write_text("")
    (package.parent / "sibling" / "tool.py").write_text("Z = 1\n")
    (package / "model.py").write_text("from sibling import tool\nimport numpy\n")
    assert "sibling.tool" not in index().source_files("strange.model")
    found = index().source_files("strange.model", ["strange", "sibling"])
    assert set(found) == {"strange", "strange.model", "sibling", "sibling.tool"}


def test_stages_depend_on_what_they_use_of_the_registry():
    """The segmenter's loss and the backend are code of this distribution, though of its other package."""
    segmenter = set(index().source_files("benchmark.stages.segmenter", OWN))
    assert {"registry.networks.losses", "registry.backend", "registry.lookup"} <= segmenter
    assert "registry.segmenters.unet" not in segmenter


@pytest.mark.parametrize(
    "declaration",
    [
        "cxr_bench_sources = ['table.txt']",
        "cxr_bench_sources = ('table.txt',)",
        "cxr_bench_sources = 'table.txt'",
        "cxr_bench_sources: list[str] = ['table.txt']",
    ],
)
def test_data_files_may_be_declared_in_any_spelling_of_a_list(package, declaration):
    (package / "model.py").write_text(declaration)
    assert set(index().source_files("strange.model")) == {"strange", "strange.model", "strange.model/table.txt"}


@pytest.mark.parametrize("value", ["sorted(names)", "[1]", "{}"])
def test_data_files_that_only_running_would_tell_are_an_error_that_says_where(package, value):
    (package / "model.py").write_text(f"\ncxr_bench_sources = {value}")
    with pytest.raises(PluginError, match=r"model\.py:2: cxr_bench_sources .* list of file names"):
        index().code_digest("strange.model")


def test_a_declared_file_that_is_absent_counts_when_it_appears(package):
    (package / "table.txt").unlink()
    before = index().code_digest("strange.model")
    (package / "table.txt").write_text("there\n")
    assert index().code_digest("strange.model") != before


def test_a_file_that_is_no_python_still_has_a_digest(package):
    (package / "model.py").write_text("def f(:\n")
    before = index().code_digest("strange.model")
    (package / "model.py").write_text("def f(::\n")
    assert index().code_digest("strange.model") not in (None, before)


def test_imports_that_run_when_types_are_not_checked_count(package):
    (package / "model.py").write_text(
        "from typing import TYPE_CHECKING\nif not TYPE_CHECKING:\n    from strange import unused\n"
    )
    assert "strange.unused" in index().source_files("strange.model")


def test_what_is_looked_at_together_is_looked_at_once(package):
    code_index, weights = index(), package / "weights.bin"
    weights.write_bytes(b"one")
    before = code_index.code_digest("strange.model"), code_index.file_digest(str(weights))
    (package / "helper.py").write_text("X = 2\n")
    weights.write_bytes(b"two")  # no longer than before, and at once: no time or size tells
    (package / "model.py").unlink()
    assert (code_index.code_digest("strange.model"), code_index.file_digest(str(weights))) == before
    later = index()
    assert later.file_digest(str(weights)) != before[1]
    assert later.code_digest("strange.model") is None
