import errno
import multiprocessing
import os
import time
from pathlib import Path

import pytest

from benchmark.store import Store, replace_folder, storage_errors
from registry.errors import StorageError


def test_an_artefact_appears_whole_and_is_built_once(tmp_path):
    store = Store(tmp_path)
    calls = []

    def make(folder: Path) -> None:
        calls.append(folder)
        assert store.find("fit", "k") is None
        (folder / "a").write_text("1")

    first = store.build("fit", "k", make)
    assert store.build("fit", "k", make) == first
    assert (first / "a").read_text() == "1"
    assert len(calls) == 1


def test_a_failed_build_leaves_nothing_but_its_checkpoints(tmp_path):
    store = Store(tmp_path)

    def make(folder: Path) -> None:
        (folder / "half").write_text("1")
        (store.partial("fit", "k") / "epoch-0000").write_text("1")
        raise ValueError("broke")

    with pytest.raises(ValueError, match="broke"):
        store.build("fit", "k", make)
    assert store.find("fit", "k") is None
    assert list((tmp_path / "building").iterdir()) == []
    assert (store.partial("fit", "k") / "epoch-0000").exists()


def test_checkpoints_go_when_the_artefact_is_there(tmp_path):
    store = Store(tmp_path)
    (store.partial("fit", "k") / "epoch-0000").write_text("1")
    store.build("fit", "k", lambda folder: (folder / "a").write_text("1"))
    assert not (tmp_path / "partial" / "fit" / "k").exists()


def _slow(root: str, log: str) -> None:
    def make(folder: Path) -> None:
        with Path(log).open("a") as file:
            file.write("built\n")
        time.sleep(0.3)
        (folder / "a").write_text("1")

    Store(Path(root)).build("fit", "k", make)


def test_two_processes_that_want_the_same_artefact_build_it_once(tmp_path):
    log = tmp_path / "log"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_slow, args=(str(tmp_path / "cache"), str(log))) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert log.read_text() == "built\n"


def test_a_full_disk_is_one_clear_line(tmp_path):
    def make(folder: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder / "weights"))

    with pytest.raises(StorageError, match=r"the disk is full at .*weights; free some space"):
        Store(tmp_path).build("fit", "k", make)
    assert Store(tmp_path).find("fit", "k") is None


def test_other_errors_of_the_system_keep_their_name(tmp_path):
    with pytest.raises(ConnectionResetError), storage_errors(tmp_path):
        raise ConnectionResetError


def test_a_folder_replaces_an_older_one_of_its_name(tmp_path):
    for name in ("new", "old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_text(name)
    replace_folder(tmp_path / "new", tmp_path / "old")
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert (tmp_path / "old" / "a").read_text() == "new"
