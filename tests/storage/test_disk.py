"""Whose bytes are on the disk before a folder gets its name."""

import errno
import os
import threading
from pathlib import Path

import pytest

from benchmark.records.files import FILE
from benchmark.stages.record import put_run
from benchmark.storage import disk
from benchmark.storage.cache import Store, replace_folder
from benchmark.storage.disk import Local, sync_all
from tests import factories

COUNT = 30


@pytest.fixture
def flushed(monkeypatch):
    """Where the files lay whose bytes were sent to the disk, each as often as it was."""
    seen = []
    fsync = os.fsync

    def see(descriptor):
        seen.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", see)
    return seen


def many(folder, count=COUNT):
    (folder / "below").mkdir(parents=True)
    paths = [folder / ("below" if number % 2 else "") / f"{number}" for number in range(count)]
    for path in paths:
        path.write_text("1")
    return [str(path) for path in paths]


@pytest.mark.parametrize("count", [0, 1, 2, COUNT])
def test_each_file_below_a_folder_is_flushed_once(tmp_path, flushed, count):
    paths = many(tmp_path / "a", count)
    Local().flush(str(tmp_path / "a"))
    assert sorted(flushed) == sorted(paths)


def test_files_are_flushed_side_by_side(tmp_path, monkeypatch):
    together = threading.Barrier(disk.AT_ONCE, timeout=20)  # one after the other they would wait here for ever
    monkeypatch.setattr(disk, "sync", lambda path: together.wait())
    sync_all([str(number) for number in range(3 * disk.AT_ONCE)])


@pytest.mark.parametrize("wrong", [0, COUNT - 1])
def test_one_file_that_cannot_be_flushed_is_an_error_whichever_thread_has_it(tmp_path, monkeypatch, wrong):
    paths = many(tmp_path / "a")

    def fails(path):
        if path == paths[wrong]:
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)

    monkeypatch.setattr(disk, "sync", fails)
    with pytest.raises(OSError, match="Input/output"):
        sync_all(paths)


def test_where_no_thread_may_begin_the_files_are_flushed_all_the_same(tmp_path, flushed, monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    paths = many(tmp_path / "a")
    monkeypatch.setattr(threading.Thread, "start", refuse)
    sync_all(paths)
    assert sorted(flushed) == sorted(paths)


def test_every_byte_of_an_artefact_is_on_the_disk_before_it_has_its_name(tmp_path, flushed, monkeypatch):
    store, key = Store(tmp_path), "f" * 64
    rename, before = os.rename, []

    def see(old, new):
        if str(new).endswith(f"objects/fit/{key}"):
            before.extend(Path(path).name for path in flushed)
        rename(old, new)

    monkeypatch.setattr(disk.DISK, "rename", see)
    store.build("fit", key, lambda folder: [(folder / name).write_text("1") for name in "abc"])
    assert sorted(before) == ["a", "b", "c"]
    assert len(flushed) == 3  # neither leases nor folders that are gone afterwards


def test_a_run_s_record_is_flushed_once_with_all_else_of_its_folder_and_then_its_name(tmp_path, flushed, monkeypatch):
    monkeypatch.setattr("benchmark.stages.record.tested", lambda path: "")
    target = tmp_path / "binary" / "run"

    def fill(folder):
        many(folder, 4)
        return factories.record()

    put_run(fill, target)
    names = [os.path.relpath(path, tmp_path / "binary") for path in flushed]
    assert sorted(name.partition("/")[2] for name in names[:-1]) == sorted(["0", "2", "below/1", "below/3", FILE])
    assert names[-1] == "."  # the folder of runs, which holds the name
    assert (target / FILE).is_file()


def test_what_replaces_a_folder_is_flushed_before(tmp_path, flushed):
    paths = many(tmp_path / "new", 3)
    (tmp_path / "old").mkdir()
    replace_folder(tmp_path / "new", tmp_path / "old")
    assert sorted(flushed[:-1]) == sorted(paths)
    assert flushed[-1] == str(tmp_path)
