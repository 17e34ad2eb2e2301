"""Leases and marks on the real file system; every order of things is in `tests.storage.test_claims`."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.storage.disk import DISK, Local, still_s
from benchmark.storage.leases import HeldError, take, taken, watched
from benchmark.storage.owner import has_ended, in_words, is_here, new_name, node, place, start
from benchmark.storage.presence import living, marked
from registry.errors import ConfigError

ROOT = Path(__file__).parents[2]
ELSEWHERE = "node7-0a1b2c3d-17-0123abcd"


@pytest.fixture
def lease(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_LEASE_S", "0.2")
    return f"{tmp_path}/leases/fit-k"


def silent(lease, name=ELSEWHERE):
    """A lease whose owner says nothing any more."""
    sign = take(DISK, lease, name)
    DISK.release(sign)
    return sign


def test_a_lease_is_one_holder_s_and_leaves_nothing(lease, tmp_path):
    with taken(DISK, lease, new_name()) as sign:
        assert DISK.names(lease) == [f"{sign.name}.0"]
        sign.renew()
        assert DISK.names(lease) == [f"{sign.name}.1"]
        assert sign.is_ours()
        with pytest.raises(HeldError, match=rf"process {os.getpid()} on {node()}"):
            take(DISK, lease, new_name())
    assert DISK.names(f"{tmp_path}/leases") == []


def test_a_silent_owner_of_another_machine_is_given_up_after_the_time_and_then_has_lost(lease, monkeypatch):
    disk, clock = Local(), [100.0]
    monkeypatch.setattr(disk, "now", lambda: clock[0])
    other = silent(lease)
    for clock[0] in (100.0, 100.19):
        with pytest.raises(HeldError, match="process 17 on node7"):
            take(disk, lease, new_name())
        assert watched(disk, lease) == ELSEWHERE
    other.renew()
    clock[0] = 100.3
    assert watched(disk, lease) == ELSEWHERE  # it has counted on
    clock[0] = 100.6
    assert watched(disk, lease) == ""
    with taken(disk, lease, new_name()) as sign:
        assert sign.before == ELSEWHERE
        other.renew()
        assert other.lost and not other.is_ours()
        other.end()  # takes nothing from whoever has it now
        assert sign.is_ours()


def test_a_process_of_this_machine_that_is_gone_is_given_up_at_once(lease):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    silent(lease, f"{node()}-{start()}-{ended.pid}-0123abcd")
    with taken(DISK, lease, new_name()) as sign:
        assert sign.is_ours()


def test_an_empty_lease_is_nobody_s_also_where_no_folder_is_renamed_over_another(lease, monkeypatch):
    Path(lease).mkdir(parents=True)
    disk = Local()

    def rename(old, new):
        if Path(new).is_dir():
            raise OSError(errno.EEXIST, os.strerror(errno.EEXIST), new)
        DISK.rename(old, new)

    monkeypatch.setattr(disk, "rename", rename)
    with taken(disk, lease, new_name()) as sign:
        assert sign.is_ours()


def test_a_mark_that_counts_on_is_named_and_a_silent_one_goes(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_LEASE_S", "0.4")
    marks, leases, own = f"{tmp_path}/marks", f"{tmp_path}/leases", new_name()
    mark = marked(DISK, marks, ELSEWHERE)
    counting = Local()
    names = counting.names
    monkeypatch.setattr(counting, "names", lambda folder: (mark.renew(), names(folder))[1])
    assert living(counting, marks, leases, own, has_ended).startswith(f"{marks}/{ELSEWHERE}.")
    DISK.release(mark)
    silent(f"{leases}/fit-k")
    assert living(DISK, marks, leases, own, has_ended) == ""
    assert DISK.names(marks) == DISK.names(leases) == []


@pytest.mark.parametrize("given", ["0", "-1", "soon", "inf", "nan"])
def test_a_time_that_is_none_is_said(monkeypatch, given):
    monkeypatch.setenv("BENCH_LEASE_S", given)
    with pytest.raises(ConfigError, match=f"BENCH_LEASE_S is the seconds .* received '{given}'"):
        still_s()


def test_a_machine_that_is_played_is_another_one():
    code = "from benchmark.storage.owner import place; print(place())"
    told = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "BENCH_NODE": name},
            cwd=ROOT,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for name in ("one", "two")
    ]
    assert [name.partition("-")[0] for name in told] == ["one", "two"]
    assert not any(is_here(name) or has_ended(name) for name in told)  # though both are gone
    assert is_here(place()) and not has_ended(place())
    assert in_words("host-17") == "process 17 on host"  # as it was called before starts had a name
