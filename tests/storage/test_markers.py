"""One command at a time, where there are no locks."""

import errno
import fcntl
import os
import subprocess
import sys

import msgspec
import pytest

from benchmark.storage import markers
from benchmark.storage.markers import MARKER, AtWork, alone
from benchmark.storage.owner import host
from registry.errors import StorageError


@pytest.fixture
def no_locks(monkeypatch):
    def refuse(descriptor: int, how: int) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(fcntl, "flock", refuse)


def left(folder, pid, of=None, numbers=None):
    """The marker of another command."""
    folder.mkdir(exist_ok=True)
    numbers = markers._numbers() if numbers is None else numbers
    (folder / MARKER).write_bytes(msgspec.json.encode(AtWork(of or host(), numbers, pid, "another")))
    return folder / MARKER


@pytest.fixture
def dead():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def refused(folder):
    with pytest.raises(StorageError) as error, alone(folder, "search"):
        raise AssertionError
    line = str(error.value)
    assert "\n" not in line
    assert f"remove {folder / MARKER}" in line
    return line


def test_with_locks_several_share_it_without_a_marker(tmp_path):
    with alone(tmp_path / "a", "search"), alone(tmp_path / "a", "search"):
        assert not (tmp_path / "a" / MARKER).exists()


def test_without_locks_a_second_one_is_refused_until_the_first_ends(tmp_path, no_locks):
    with alone(tmp_path / "a", "search"):
        assert f"process {os.getpid()} on {host()} is at the search in {tmp_path / 'a'}" in refused(tmp_path / "a")
    with alone(tmp_path / "a", "search"):
        pass
    assert not (tmp_path / "a" / MARKER).exists()


def test_what_a_dead_process_of_this_host_left_is_taken_over(tmp_path, no_locks, dead):
    left(tmp_path, dead)
    with alone(tmp_path, "search"):
        assert msgspec.json.decode((tmp_path / MARKER).read_bytes())["pid"] == os.getpid()
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_whether_a_process_elsewhere_lives_nobody_can_tell(tmp_path, no_locks, dead):
    path = left(tmp_path, dead, of="another.host")
    assert f"process {dead} on another.host" in refused(tmp_path)
    left(tmp_path, dead, numbers="pid:[1]")  # another container's
    refused(tmp_path)
    path.write_bytes(b'{"host"')
    assert "another process is at the search" in refused(tmp_path)
    assert path.exists()


def test_of_two_that_take_over_the_slower_one_puts_back_what_is_not_dead(tmp_path, no_locks, dead, monkeypatch):
    path = left(tmp_path, dead)
    reading = markers._read

    def slow(marker):
        found = reading(marker)
        if marker == path:
            left(tmp_path, os.getpid())  # the faster one has come meanwhile
        return found

    monkeypatch.setattr(markers, "_read", slow)
    assert f"process {os.getpid()} on" in refused(tmp_path)
    assert reading(path).pid == os.getpid()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", MARKER]
