import pytest

from registry import lookup
from registry.errors import PluginError, UnknownNameError


class Distribution:
    def __init__(self, name):
        self.name = name

    def read_text(self, file):
        return f"Metadata-Version: 2.1\nName: {self.name}\nVersion: 1.0\n\nName: of the description\n"


class Point:
    def __init__(self, name, value, owner):
        self.name, self.dist = name, Distribution(owner)
        self.module, _, self.attr = value.partition(":")


@pytest.fixture
def points(monkeypatch):
    """Stands in for the installed entry points."""
    found = []

    def installed():
        return {group: [point for found_in, point in found if found_in == group] for group in lookup.GROUPS.values()}

    monkeypatch.setattr(lookup, "_installed", installed)
    lookup.entries.cache_clear()
    yield found
    lookup.entries.cache_clear()


def test_unknown_backbone_suggests_the_nearest_name():
    with pytest.raises(
        UnknownNameError, match=r"no backbone named 'sepccn'; did you mean sepcnn\? See: bench list backbones"
    ):
        lookup.find("backbone", "sepccn")


def test_a_name_claimed_twice_names_both_distributions(points):
    points += [("cxr_bench.heads", Point("dense", "a:f", "one")), ("cxr_bench.heads", Point("dense", "b:f", "two"))]
    with pytest.raises(PluginError, match=r"one \(a\) and two \(b\)"):
        lookup.entries("head")


def test_the_same_entry_point_seen_twice_is_one(points):
    points += [("cxr_bench.heads", Point("dense", "a:f", "one"))] * 2
    assert list(lookup.entries("head")) == ["dense"]


def test_a_plugin_that_does_not_import_says_where_and_why(points, tmp_path, monkeypatch):
    (tmp_path / "broken_plugin.py").write_text("import there_is_no_such_module\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    points.append(("cxr_bench.heads", Point("odd", "broken_plugin:f", "third-party")))
    with pytest.raises(
        PluginError, match=r"'odd' of third-party does not import: ModuleNotFoundError: .*broken_plugin.py:1"
    ):
        lookup.load(lookup.find("head", "odd"))


def test_what_is_registered_must_be_callable(points, tmp_path, monkeypatch):
    (tmp_path / "flat_plugin.py").write_text("f = 3\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    points.append(("cxr_bench.heads", Point("odd", "flat_plugin:f", "third-party")))
    with pytest.raises(PluginError, match="is a int, expected a factory"):
        lookup.load(lookup.find("head", "odd"))


def test_the_packages_of_a_distribution_come_from_its_files_and_entry_points():
    assert lookup.packages_of("cxr-bench") >= {"benchmark", "registry"}
    assert "keras" in lookup.packages_of("keras")
    assert lookup.packages_of("no-such-distribution") == frozenset()
