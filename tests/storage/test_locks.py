"""Locks on files, where there are some and where there are none."""

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.storage.cache import Store
from benchmark.storage.inventory import inventory, remove
from benchmark.storage.locks import held, there_are_locks
from benchmark.storage.owner import host, lives, owner, place
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


def test_without_locks_an_artefact_is_built_and_what_others_left_stays(tmp_path, no_locks):
    store = Store(tmp_path)
    left = [half_built(tmp_path, middle) for middle in ("", f"{host()}-4194999-", "elsewhere-17-")]
    checkpoint = tmp_path / "partial" / "fit" / KEY
    checkpoint.mkdir(parents=True)

    def make(folder: Path) -> None:
        assert folder.name.startswith(f"fit-{KEY[:16]}-{place()}-")
        own = store.partial("fit", KEY)
        assert own.name == f"{KEY}-{owner()}"
        (own / "epoch-0000").mkdir()

    assert store.build("fit", KEY, make, wait=False) == store.find("fit", KEY)
    assert [path.name for path in (tmp_path / "partial" / "fit").iterdir()] == [KEY]
    assert all(path.exists() for path in left)


def test_with_locks_what_was_left_on_this_host_is_swept_and_on_others_not(tmp_path):
    swept = [half_built(tmp_path, middle) for middle in ("", f"{host()}-4194999-")]
    kept = half_built(tmp_path, "elsewhere-17-")
    Store(tmp_path).build("fit", KEY, lambda folder: None)
    assert [path.exists() for path in (*swept, kept)] == [False, False, True]


def test_without_locks_a_run_is_told_so_and_nothing_is_removed(tmp_path, no_locks):
    store = Store(tmp_path)
    store.build("fit", KEY, lambda folder: None)
    with store.in_use() as locked:
        assert not locked
    with pytest.raises(StorageError, match=r"has no locks \(flock\), so nobody can tell whether a run is at work"):
        remove(tmp_path, list)
    assert store.has("fit", KEY)


def test_what_bears_its_owner_is_seen_and_removed(tmp_path):
    store = Store(tmp_path)
    half_built(tmp_path, "elsewhere-17-")
    (tmp_path / "partial" / "fit" / f"{KEY}-{owner()}").mkdir(parents=True)
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
