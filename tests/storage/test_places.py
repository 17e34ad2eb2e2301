import os
import pwd

import pytest

from benchmark.storage.places import cache_folder, memory_folder
from registry.errors import ConfigError


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in ("BENCH_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def no_home(monkeypatch):
    """As in a container that was started with a number for a user."""

    def unknown(number: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


def test_the_cache_lies_where_it_is_said_else_in_the_users_own(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == memory_folder() == tmp_path / ".cache" / "cxr-bench"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == memory_folder() == tmp_path / "xdg" / "cxr-bench"
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "own"))
    assert cache_folder() == memory_folder() == tmp_path / "own"


def test_without_a_home_the_cache_has_to_be_said(no_home):
    with pytest.raises(ConfigError, match="no home folder to keep the cache in; set BENCH_CACHE"):
        cache_folder()


def test_without_a_home_what_is_only_remembered_lies_in_a_passing_folder(no_home):
    assert memory_folder().is_dir()
    assert os.access(memory_folder(), os.W_OK)
    assert memory_folder() == memory_folder()


def test_so_it_does_below_a_home_that_cannot_be_written(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert memory_folder() == cache_folder()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert memory_folder() != cache_folder()
    (tmp_path / "home" / ".cache" / "cxr-bench").mkdir(parents=True)
    assert memory_folder() == cache_folder(), "it can be read at least"
