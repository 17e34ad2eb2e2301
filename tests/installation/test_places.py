"""Folders that can be used, or not, on file systems that are made up."""

import errno
import os
from types import SimpleNamespace

import pytest

from benchmark.installation import places
from benchmark.storage import locks
from benchmark.storage.mounts import Mount
from registry.errors import ConfigError, DataNotFoundError

GIB = 1 << 30


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A disk with room and locks; a test takes something away."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(places, "mount_of", lambda folder: Mount("/", "ext4"))
    monkeypatch.setattr(places.shutil, "disk_usage", lambda folder: SimpleNamespace(free=50 * GIB))
    return tmp_path


def look(machine, data=None):
    return list(places.look(machine / "results", data))


def odd(machine, data=None):
    return [(one.about, one.status, one.text) for one in look(machine, data) if one.status != "ok"]


def test_folders_that_are_fine_are_two_lines_and_nothing_is_made(machine):
    text = "can be written, ext4 at /, 50.0 GiB free"
    assert [(one.about, one.status, one.text) for one in look(machine)] == [
        ("cache", "ok", f"{machine / 'cache'} {text}"),
        ("results", "ok", f"{machine / 'results'} {text}"),
    ]
    assert list(machine.iterdir()) == []


def test_of_a_file_system_without_locks_it_is_said_what_is_there_instead(machine, monkeypatch):
    def refuse(descriptor, how):
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    said = [(one.about, one.status) for one in look(machine) if "no locks (flock)" in one.text]
    assert (said, list(odd(machine))) == ([("cache", "ok")], [])


@pytest.mark.parametrize(("kind", "words"), [("nfs4", "is a network file system"), ("tmpfs", "lies in memory")])
def test_a_cache_far_away_or_in_memory_is_a_warning(machine, monkeypatch, kind, words):
    monkeypatch.setattr(places, "mount_of", lambda folder: Mount("/far", kind))
    ((about, status, text),) = odd(machine)
    assert (about, status) == ("cache", "warning") and text.startswith(f"{kind} {words}")


def test_a_system_without_a_table_of_mounts_is_no_fault(machine, monkeypatch):
    monkeypatch.setattr(places, "mount_of", lambda folder: None)
    assert odd(machine) == []
    assert "on a file system that this system does not name" in look(machine)[0].text


def test_a_disk_that_is_nearly_full_is_a_warning_and_a_full_one_wrong(machine, monkeypatch):
    for free, status in ((4 * GIB, "warning"), (GIB // 20, "wrong")):
        monkeypatch.setattr(places.shutil, "disk_usage", lambda folder, free=free: SimpleNamespace(free=free))
        assert [(about, found) for about, found, _ in odd(machine)] == [("cache", status), ("results", status)]


def test_a_folder_that_cannot_be_written_is_wrong_and_says_how_to_choose_another(machine):
    (machine / "cache").write_text("a file")
    (machine / "results").write_text("a file")
    told = look(machine)
    assert [(one.about, one.status, one.remedy) for one in told] == [
        ("cache", "wrong", "set BENCH_CACHE to another folder"),
        ("results", "wrong", "choose another folder with -o or BENCH_RESULTS"),
    ]
    assert all("cannot be written (it is a file)" in one.text and ";" not in one.text for one in told)


def test_data_that_are_there_are_read_and_others_are_an_error(machine):
    (machine / "films").mkdir()
    *_, data = look(machine, str(machine / "films"))
    assert (data.about, data.status) == ("data", "ok")
    with pytest.raises(DataNotFoundError, match="give the folder of the X-rays with --data or BENCH_DATA"):
        look(machine, str(machine / "nowhere"))


def test_nobody_knows_where_the_cache_of_a_user_without_home_is(machine, monkeypatch):
    def homeless():
        raise RuntimeError

    monkeypatch.delenv("BENCH_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("benchmark.storage.places.Path.home", homeless)
    with pytest.raises(ConfigError, match="set BENCH_CACHE"):
        look(machine)
