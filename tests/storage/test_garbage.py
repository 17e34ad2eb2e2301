import gc
import sys
from types import ModuleType

import pytest

from benchmark.storage import garbage
from benchmark.storage.garbage import imported, imported_for_good, uncollected


@pytest.fixture
def frozen(monkeypatch):
    """How often all that there is was frozen, as in a process in which nothing has been yet."""
    times = []
    monkeypatch.setattr(garbage.gc, "get_freeze_count", lambda: len(times))
    monkeypatch.setattr(garbage.gc, "freeze", lambda: times.append(1))
    return times


def test_a_module_is_imported_without_a_search_and_searches_go_on_after_it(tmp_path, monkeypatch):
    (tmp_path / "told_of_garbage.py").write_text("import gc\nenabled = gc.isenabled()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "told_of_garbage", raising=False)
    assert imported("told_of_garbage").enabled is False
    assert gc.isenabled()


def test_where_nothing_was_searched_nothing_is_searched_afterwards():
    gc.disable()
    try:
        with uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize("name", ["keras", "json"])
def test_keras_is_frozen_once_whoever_imported_it(monkeypatch, frozen, name):
    """By the first step, or by the description of a component before it."""
    monkeypatch.setitem(sys.modules, "keras", ModuleType("keras"))
    imported_for_good(name)
    imported_for_good("json")
    assert frozen == [1]


def test_what_needs_no_keras_freezes_nothing(monkeypatch, frozen):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    imported_for_good("json")
    assert frozen == []
