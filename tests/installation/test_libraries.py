"""Libraries and entry points against what was declared, from planted metadata with a known answer each."""

from importlib.metadata import Distribution

import pytest

from benchmark.installation import libraries
from benchmark.installation.findings import Finding
from benchmark.storage import digests
from registry.errors import ConfigError


class Installed(Distribution):
    """A distribution with this metadata and these entry points."""

    def __init__(self, requires=(), entry_points="", extras=(), python=">=3.11"):
        lines = ["Metadata-Version: 2.1", "Name: cxr-bench", "Version: 0.1.0", f"Requires-Python: {python}"]
        lines += [f"Requires-Dist: {one}" for one in requires] + [f"Provides-Extra: {one}" for one in extras]
        self.files_ = {"METADATA": "\n".join(lines) + "\n", "entry_points.txt": entry_points}

    def read_text(self, filename):
        return self.files_.get(filename)

    def locate_file(self, path):
        return path


@pytest.fixture
def versions(monkeypatch):
    """What is installed; the rest is absent."""
    known = {"keras": "3.15.0", "tensorflow": "2.21.0"}
    monkeypatch.setattr(libraries, "library_versions", lambda name: {name: known.get(name, digests_absent)})
    monkeypatch.setattr(libraries, "keras_backend", lambda: "tensorflow")
    return known


digests_absent = digests.library_versions("no-such-distribution")["no-such-distribution"]


def found(monkeypatch, tmp_path, installed, pyproject=""):
    monkeypatch.setattr(libraries, "distribution", lambda name: installed)
    monkeypatch.setattr(libraries, "CHECKOUT", tmp_path)
    libraries._declared.cache_clear()
    (tmp_path / "pyproject.toml").write_text(pyproject)
    return list(libraries.look())


def wrong(findings):
    return [(one.about, one.text, one.remedy) for one in findings if one.status == "wrong"]


def test_all_as_declared_is_one_line_with_every_version(monkeypatch, tmp_path, versions):
    versions |= {"numpy": "2.4.0"}
    told = found(monkeypatch, tmp_path, Installed(["numpy>=1.26", "tensorflow>=2.18"]))
    assert wrong(told) == []
    assert Finding("libraries", "ok", "2 as declared: numpy 2.4.0, tensorflow 2.21.0") in told
    assert Finding("backend", "ok", "Keras 3.15.0 computes with tensorflow 2.21.0") in told


def test_what_is_lacking_or_too_old_or_too_new_is_wrong_with_the_line_that_mends_it(monkeypatch, tmp_path, versions):
    versions |= {"numpy": "1.25.2", "keras-tuner": "1.5.0"}
    told = found(monkeypatch, tmp_path, Installed(["numpy>=1.26", "keras-tuner>=1.4.7,<1.5", "scipy>=1.12"]))
    assert wrong(told) == [
        (
            "libraries",
            "keras-tuner 1.5.0 is installed, declared is <1.5,>=1.4.7",
            "pip install 'keras-tuner<1.5,>=1.4.7'",
        ),
        ("libraries", "numpy 1.25.2 is installed, declared is >=1.26", "pip install 'numpy>=1.26'"),
        ("libraries", "scipy is not installed", "pip install 'scipy>=1.12'"),
    ]


def test_a_lean_distribution_counts_by_its_version(monkeypatch, tmp_path, versions):
    versions["tensorflow"] = "tensorflow-cpu 2.17.0"
    (line,) = wrong(found(monkeypatch, tmp_path, Installed(["tensorflow>=2.18"])))
    assert line[1] == "tensorflow-cpu 2.17.0 is installed, declared is >=2.18"
    versions["tensorflow"] = "tensorflow-cpu 2.21.0"
    assert wrong(found(monkeypatch, tmp_path, Installed(["tensorflow>=2.18"]))) == []


def test_a_backend_that_does_not_compute_may_be_lacking(monkeypatch, tmp_path, versions):
    del versions["tensorflow"]
    versions["jax"] = "0.7.0"
    monkeypatch.setattr(libraries, "keras_backend", lambda: "jax")
    assert wrong(found(monkeypatch, tmp_path, Installed(["tensorflow>=2.18"]))) == []


def test_a_backend_that_is_not_there_is_wrong_in_the_words_of_every_command(monkeypatch, tmp_path, versions):
    def lacking():
        raise ConfigError("KERAS_BACKEND is 'torch', which is not installed; pip install torch")

    monkeypatch.setattr(libraries, "keras_backend", lacking)
    told = found(monkeypatch, tmp_path, Installed(["tensorflow>=2.18", "keras>=3.8"]))
    assert wrong(told) == [("backend", "KERAS_BACKEND is 'torch', which is not installed", "pip install torch")]
    assert Finding("libraries", "ok", "2 as declared: keras 3.15.0, tensorflow 2.21.0") in told


def test_another_python_than_is_declared_is_wrong(monkeypatch, tmp_path, versions):
    (line,) = wrong(found(monkeypatch, tmp_path, Installed(python=">=4")))
    assert line[0] == "python" and line[1].endswith("expected Python >=4")


def test_extras_are_there_where_all_they_ask_for_is(monkeypatch, tmp_path, versions):
    versions |= {"pydicom": "3.0.1", "pylibjpeg": "1.0"}
    requires = [
        "pydicom>=3; extra == 'films'", "pydicom>=3; extra == 'dicom'", "pylibjpeg>=2; extra == 'dicom'",
        "jax>=0.4; extra == 'jax'",
    ]  # fmt: skip
    told = found(monkeypatch, tmp_path, Installed(requires, extras=["films", "dicom", "jax"]))
    (extras,) = [one for one in told if one.about == "extras"]
    assert extras.text == "films installed; not installed: dicom, jax"
    assert extras.status == "ok"


PROJECT = """
[project]
name = "cxr-bench"
dependencies = ["numpy>=1.26"]
[project.entry-points."cxr_bench.heads"]
dense = "registry.heads.dense:dense"
new = "registry.heads.new:new"
"""
FROZEN = (
    "[cxr_bench.heads]\ndense = registry.heads.dense:dense\nold = registry.heads.old:old\n[console_scripts]\na = b:c\n"
)


def test_stale_entry_points_of_an_installation_in_place_are_named_both_ways(monkeypatch, tmp_path, versions):
    versions |= {"numpy": "2.4.0"}
    told = wrong(found(monkeypatch, tmp_path, Installed(["numpy>=1.26"], FROZEN), PROJECT))
    assert [text for _, text, _ in told] == [
        "new = registry.heads.new:new of cxr_bench.heads is in pyproject.toml and not installed",
        "old = registry.heads.old:old of cxr_bench.heads is installed and not in pyproject.toml",
    ]
    assert {remedy for _, _, remedy in told} == {"install it again: pip install -e ."}


def test_dependencies_that_pyproject_has_got_since_are_a_warning(monkeypatch, tmp_path, versions):
    versions |= {"numpy": "2.4.0", "scipy": "1.17"}
    told = found(monkeypatch, tmp_path, Installed(["scipy>=1"]), PROJECT)
    (line,) = [one for one in told if one.status == "warning"]
    assert line.text == "pyproject.toml asks for others by now: numpy>=1.26, scipy>=1"


def test_the_pyproject_of_somebody_else_says_nothing(monkeypatch, tmp_path, versions):
    told = found(monkeypatch, tmp_path, Installed(entry_points=FROZEN), PROJECT.replace("cxr-bench", "other"))
    assert [one for one in told if one.about == "entry points"] == []
