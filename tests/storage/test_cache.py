import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmark.storage.cache import Store, replace_folder, write_duration
from benchmark.storage.refusals import storage_errors
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


BUILDER = """
import sys, time
from pathlib import Path
from benchmark.storage.cache import Store

root, log, seconds = sys.argv[1:]

def make(folder):
    with open(log, "a") as file:
        file.write("began\\n")
    (folder / "half").write_text("1")
    time.sleep(float(seconds))
    (folder / "whole").write_text("1")

Store(Path(root)).build("fit", "k", make)
"""


def python(code: str, *arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], cwd=Path(__file__).parents[2])


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, f"no {path}"
        time.sleep(0.01)


def test_processes_that_want_the_same_artefact_build_it_once(tmp_path):
    log = tmp_path / "log"
    processes = [python(BUILDER, tmp_path / "cache", log, 0.3) for _ in range(3)]
    assert [process.wait(30) for process in processes] == [0, 0, 0]
    assert log.read_text() == "began\n"


def test_whoever_waits_for_a_builder_that_is_killed_builds_and_sweeps_what_it_left(tmp_path):
    log, building = tmp_path / "log", tmp_path / "cache" / "building"
    first = python(BUILDER, tmp_path / "cache", log, 60)
    wait_for(log)
    second = python(BUILDER, tmp_path / "cache", log, 0)
    time.sleep(0.3)
    assert log.read_text() == "began\n"  # the second waits
    (left,) = building.iterdir()
    first.kill()
    first.wait()
    assert second.wait(30) == 0
    assert log.read_text() == "began\n" * 2
    assert not left.exists()
    assert list(building.iterdir()) == []
    assert Store(tmp_path / "cache").find("fit", "k")


def test_whoever_does_not_wait_is_told_that_another_process_builds_it(tmp_path):
    log, store = tmp_path / "log", Store(tmp_path / "cache")
    first = python(BUILDER, tmp_path / "cache", log, 60)
    wait_for(log)
    assert store.build("fit", "k", lambda folder: pytest.fail("it was built twice"), wait=False) is None
    assert store.build("fit", "another", lambda folder: None, wait=False) == store.find("fit", "another")
    first.kill()
    first.wait()
    assert store.build("fit", "k", lambda folder: None, wait=False) == store.find("fit", "k")
    assert list((tmp_path / "cache" / "building").iterdir()) == []


def timed(store, key, subject, seconds, used):
    path = store.build("fit", key, lambda folder: write_duration(folder, subject, seconds))
    os.utime(path, (used, used))


def test_how_long_an_artefact_took_lies_with_it(tmp_path):
    store = Store(tmp_path)
    timed(store, "k", "unet+sepcnn", 12.5, used=1)
    assert store.duration("fit", "k") == 12.5
    assert store.duration("fit", "another") is None
    store.build("fit", "untold", lambda folder: None)
    assert store.duration("fit", "untold") is None
    (store.find("fit", "k") / "step.json").write_text('{"subject": "unet+')
    assert store.duration("fit", "k") is None


def test_of_each_subject_the_duration_of_the_artefact_that_was_used_last_is_known(tmp_path):
    store = Store(tmp_path)
    assert store.last_durations("fit") == {}
    timed(store, "a", "small", 1.0, used=30)
    timed(store, "b", "small", 2.0, used=10)
    timed(store, "c", "large", 90.0, used=20)
    store.build("fit", "untold", lambda folder: None)
    assert store.last_durations("fit") == {"small": 1.0, "large": 90.0}
    assert store.last_durations("masks") == {}
    os.utime(store.find("fit", "b"), (40, 40))
    assert store.last_durations("fit") == {"small": 2.0, "large": 90.0}


def test_of_many_artefacts_the_last_used_alone_are_read(tmp_path):
    store = Store(tmp_path)
    for number in range(9):
        timed(store, str(number), f"subject {number}", float(number), used=number + 1)
    assert set(store.last_durations("fit", most=3)) == {"subject 6", "subject 7", "subject 8"}


def test_building_and_using_an_artefact_mark_it_and_looking_for_it_does_not(tmp_path):
    store = Store(tmp_path)
    assert store.use("fit", "k") is None
    path = store.build("fit", "k", lambda folder: os.utime(folder, (1, 1)))
    assert path.stat().st_mtime > 1
    for marks in (lambda: store.use("fit", "k"), lambda: store.build("fit", "k", lambda folder: None)):
        os.utime(path, (1, 1))
        assert store.find("fit", "k") == path
        assert path.stat().st_mtime == 1
        assert marks() == path
        assert abs(path.stat().st_mtime - time.time()) < 60


def test_marking_what_is_not_there_leaves_it_so(tmp_path):
    store = Store(tmp_path)
    store.touch("fit", "k")
    assert not store.has("fit", "k")
    store.build("fit", "k", lambda folder: None)
    assert store.has("fit", "k")


def test_several_runs_use_a_cache_and_whoever_removes_is_alone(tmp_path):
    store = Store(tmp_path)
    refusal = f"a run is at work in {tmp_path}; wait or use another BENCH_CACHE"
    with store.in_use(), store.in_use(), pytest.raises(StorageError, match=refusal), store.alone():
        raise AssertionError
    with store.alone(), pytest.raises(StorageError, match="is at work"), store.alone():
        raise AssertionError
    with store.in_use():
        pass


def test_a_killed_run_does_not_keep_the_cache(tmp_path):
    code = """
import sys, time
from pathlib import Path
from benchmark.storage.cache import Store

with Store(Path(sys.argv[1])).in_use():
    Path(sys.argv[2]).touch()
    time.sleep(60)
"""
    run = python(code, tmp_path / "cache", tmp_path / "began")
    wait_for(tmp_path / "began")
    with pytest.raises(StorageError, match="is at work"), Store(tmp_path / "cache").alone():
        raise AssertionError
    run.kill()
    run.wait()
    with Store(tmp_path / "cache").alone():
        pass


def test_a_cache_that_cannot_be_written_is_said_at_once(tmp_path):
    (tmp_path / "file").touch()
    refusal = r"file/locks cannot be written \(Not a directory\); choose another folder"
    for hold in (Store(tmp_path / "file").in_use, Store(tmp_path / "file").alone):
        with pytest.raises(StorageError, match=refusal), hold():
            raise AssertionError


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
