"""Locks on files, where there are some and where there are none."""

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.storage.cache import Store
from benchmark.storage.disk import DISK
from benchmark.storage.inventory import inventory, remove
from benchmark.storage.locks import held, there_are_locks
from benchmark.storage.owner import lives, new_name, node, place
from registry.errors import StorageError
from tests.lacking import FCNTL, lacking

KEY = "0123456789abcdef" * 4
ROOT = Path(__file__).parents[2]


@pytest.fixture(params=[errno.EOPNOTSUPP, errno.ENOLCK, errno.ENOSYS])
def no_locks(request, monkeypatch):
    """As on Lustre, SMB, and NFS without its daemon."""

    def refuse(descriptor: int, how: int) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", refuse)


def half_built(root: Path, middle: str) -> Path:
    folder = root / "building" / f"fit-{KEY[:16]}-{middle}a1b2c3d4"
    folder.mkdir(parents=True)
    return folder


def test_a_lock_is_held_or_it_is_said_that_there_is_none(tmp_path):
    with held(tmp_path / "lock") as locked:
        assert locked
        with pytest.raises(BlockingIOError):
            held(tmp_path / "lock", wait=False).__enter__()
        assert there_are_locks(tmp_path / "lock")
    assert there_are_locks(tmp_path / "lock")


def test_without_locks_nobody_is_kept_out(tmp_path, no_locks):
    with held(tmp_path / "lock") as locked, held(tmp_path / "lock", wait=False) as again:
        assert (locked, again) == (False, False)
    assert not there_are_locks(tmp_path / "lock")


def test_another_error_is_no_lack_of_locks(tmp_path, monkeypatch):
    def fail(descriptor: int, how: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(OSError, match="Input/output"):
        held(tmp_path / "lock").__enter__()


def test_a_file_that_can_only_be_read_is_locked_all_the_same(tmp_path, monkeypatch):
    (tmp_path / "lock").touch()
    opening = os.open

    def reading(path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_RDWR:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opening(path, flags, mode)

    monkeypatch.setattr(os, "open", reading)
    with held(tmp_path / "lock") as locked:
        assert locked
    with pytest.raises(PermissionError, match="none"):  # that it cannot be made, not that it is not there
        held(tmp_path / "none").__enter__()


@pytest.mark.parametrize("refused", [None, errno.ENOLCK])
def test_what_others_left_of_an_artefact_is_swept_or_taken_up_by_whoever_has_its_lease(tmp_path, monkeypatch, refused):
    def refuse(descriptor: int, how: int) -> None:
        raise OSError(refused, os.strerror(refused))

    if refused:
        monkeypatch.setattr(fcntl, "flock", refuse)
    store = Store(tmp_path)
    swept = [half_built(tmp_path, middle) for middle in ("", f"{place()}-", "elsewhere-17-", "elsewhere-0a1b2c3d-17-")]
    (kept := tmp_path / "building" / f"fit-{'f' * 16}-elsewhere-17-a1b2c3d4").mkdir()
    (tmp_path / "partial" / "fit" / KEY / "epoch-0000").mkdir(parents=True)

    def make(folder: Path) -> None:
        assert folder.name.startswith(f"fit-{KEY[:16]}-{place()}-")
        own = store.partial("fit", KEY)
        assert own.name.startswith(f"{KEY}-{place()}-")
        assert [path.name for path in own.iterdir()] == ["epoch-0000"]

    assert store.build("fit", KEY, make, wait=False) == store.find("fit", KEY)
    assert [path.exists() for path in (*swept, kept)] == [False] * len(swept) + [True]
    assert list((tmp_path / "partial" / "fit").iterdir()) == list((tmp_path / "leases").iterdir()) == []


def test_without_locks_nothing_is_removed_while_a_run_is_at_work(tmp_path, no_locks, monkeypatch):
    monkeypatch.setenv("BENCH_LEASE_S", "1")
    monkeypatch.setattr(DISK, "_beating", 0)  # one that beats at this pace
    store = Store(tmp_path)
    store.build("fit", KEY, lambda folder: None)
    with store.in_use():
        (mark,) = (tmp_path / "marks").iterdir()
        with pytest.raises(StorageError, match=rf"process {os.getpid()} on {node()} is at work in .*{mark.stem}"):
            remove(tmp_path, list)
        assert store.has("fit", KEY)
    remove(tmp_path, list)
    assert inventory(tmp_path) == []


def test_what_bears_its_owner_is_seen_and_removed(tmp_path):
    store = Store(tmp_path)
    half_built(tmp_path, "elsewhere-17-")
    (tmp_path / "partial" / "fit" / f"{KEY}-{new_name()}").mkdir(parents=True)
    (tmp_path / "logs").mkdir()
    for name in (f"logs/worker-{place()}-a1b2c3d4.log", f"file-digests.{place()}.tmp"):
        (tmp_path / name).touch()
    assert sorted(item.kind for item in inventory(store.root)) == ["checkpoint", "digest file", "half-built", "log"]
    remove(tmp_path, list)
    assert inventory(store.root) == []


def test_a_worker_names_the_command_that_it_works_for():
    code = "from benchmark.storage.owner import owner; print(owner())"
    environment = {**os.environ, "BENCH_OWNER": "node7-17-0123abcd"}
    told = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert told.stdout == "node7-17-0123abcd\n"


def test_processes_live_or_do_not():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert lives(os.getpid())
    assert lives(1)
    assert not lives(ended.pid)


def test_a_system_without_locks_on_files_is_told_of_another(tmp_path):
    code = """
from registry.errors import StorageError
for module in ("benchmark.storage.locks", "benchmark.storage.cache", "benchmark.execution.process"):
    try:
        __import__(module)
    except StorageError as error:
        print(error)
"""
    environment = {**os.environ, **lacking(tmp_path / "windows", FCNTL)}
    told = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert told.stderr == ""
    assert told.stdout.count("run bench inside WSL2") == told.stdout.count("\n") == 3
