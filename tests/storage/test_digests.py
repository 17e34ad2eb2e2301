from importlib.metadata import version

import pytest

from benchmark.planning import keys
from benchmark.planning.chain import BACKEND_LIBRARIES
from benchmark.storage import digests
from benchmark.storage.digests import library_versions


@pytest.fixture
def planted(monkeypatch, tmp_path):
    """Installs the metadata of a distribution, with the modules that it provides."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def planted(name: str, number: str, *modules: str) -> None:
        folder = tmp_path / f"{name.replace('-', '_')}-any.dist-info"
        folder.mkdir(exist_ok=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n")
        (folder / "RECORD").write_text("".join(f"{module}/__init__.py,,\n" for module in modules))
        forget()

    def forget() -> None:
        digests._version.cache_clear()
        digests._providers.cache_clear()

    yield planted
    forget()


def test_a_library_has_its_version_and_nobodys_is_absent(planted):
    planted("some-lib", "1.2", "some_lib")
    assert library_versions("some-lib", "nowhere") == {"some-lib": "1.2", "nowhere": "absent"}


def test_who_provides_the_module_is_named_where_it_is_another(planted):
    """As tensorflow-cpu and xgboost-cpu do."""
    planted("lean-cpu", "2.0", "lean", "lean_tools")
    assert library_versions("lean") == {"lean": "lean-cpu 2.0"}
    planted("lean-cpu", "2.1", "lean", "lean_tools")
    assert library_versions("lean") == {"lean": "lean-cpu 2.1"}, "an upgrade is another library"
    planted("lean", "2.1", "lean")
    assert library_versions("lean") == {"lean": "2.1"}


def test_two_that_provide_it_are_both_named(planted):
    planted("lean-gpu", "1.9", "lean")
    planted("lean-cpu", "2.0", "lean")
    assert library_versions("lean") == {"lean": "lean-cpu 2.0, lean-gpu 1.9"}


@pytest.mark.parametrize("name", ["opencv-python-headless", "scikit-learn"])
def test_modules_of_other_names_are_known(name):
    assert name in digests._providers()[digests.MODULES[name]]


def test_every_library_of_a_key_is_found_by_its_own_name_in_an_ordinary_installation():
    """So that its keys are what they were."""
    backends = [name for name, found in library_versions(*BACKEND_LIBRARIES.values()).items() if found != "absent"]
    names = {*keys.IMAGES, *keys.FIGURES, *keys.CLASSICAL, "scipy", "keras", *backends}
    assert library_versions(*names) == {name: version(name) for name in names}
