"""How many cores a process may use: what it is bound to, what its container pays for, what the platform can tell."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from registry import cores
from registry.cores import CORES, THREADS, TOLD, keep_to, shares, take_share, usable_cores

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def bound_to_eight(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", lambda pid, numbers: None, raising=False)
    for name in (CORES, THREADS, *TOLD):
        monkeypatch.setenv(name, "")  # what a test sets by itself is taken back too
        monkeypatch.delenv(name)


@pytest.fixture
def unbound(monkeypatch):
    """A platform that binds no process to cores."""
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.delattr(os, "sched_setaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 8)


def system(root: Path, groups: str, files: dict[str, str]) -> Path:
    """What Linux says of control groups, below a folder."""
    for name, content in {"proc/self/cgroup": groups, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content + "\n")
    return root


def second_version(place: Path, group: str, *limits: str) -> Path:
    """Limits of the second version of control groups, that of the root first, then of each group on the way."""
    parts = group.strip("/").split("/")
    names = ["/".join(["sys/fs/cgroup", *parts[:depth], "cpu.max"]) for depth in range(len(limits))]
    return system(place, f"0::{group}", dict(zip(names, limits, strict=True)))


def first_version(root: Path, mount: str, group: str, quota: int, *, at: str | None = None) -> Path:
    folder = f"sys/fs/cgroup/{mount}{group if at is None else at}"
    groups = f"5:memory:{group}\n4:{mount}:{group}\n0::/"
    return system(root, groups, {f"{folder}/cpu.cfs_quota_us": str(quota), f"{folder}/cpu.cfs_period_us": "100000"})


def test_cores_are_those_that_the_process_is_bound_to(tmp_path):
    assert usable_cores(tmp_path) == 8  # a system without control groups
    assert usable_cores(system(tmp_path, "0::/", {})) == 8


def test_without_binding_they_are_those_that_there_are(tmp_path, unbound, monkeypatch):
    assert usable_cores(tmp_path) == 8
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores(tmp_path) == 1


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("20000 100000", 1),
        ("6400000 100000", 8),
        ("max 100000", 8),
        ("", 8),
        ("x y", 8),
        ("0 0", 8),
    ],
)
def test_a_quota_counts_rounded_up_and_never_for_more_than_there_are(tmp_path, limit, expected):
    assert usable_cores(second_version(tmp_path, "/", limit)) == expected


def test_the_smallest_quota_on_the_way_up_counts(tmp_path):
    limits = ("700000 100000", "300000 100000", "max 100000")
    assert usable_cores(second_version(tmp_path, "/docker/abc", *limits)) == 3


def test_a_group_that_is_not_in_sight_leaves_the_mount(tmp_path):
    root = second_version(tmp_path, "/", "400000 100000")
    for group in ("/docker/not/mounted", "/../elsewhere"):
        assert usable_cores(system(root, f"0::{group}", {})) == 4


@pytest.mark.parametrize("mount", ["cpu", "cpu,cpuacct"])
def test_control_groups_of_the_first_version_have_quotas_too(tmp_path, mount):
    assert usable_cores(first_version(tmp_path / "own", mount, "/docker/abc", 250_000)) == 3
    assert usable_cores(first_version(tmp_path / "mounted", mount, "/docker/abc", 250_000, at="")) == 3
    assert usable_cores(first_version(tmp_path / "none", mount, "/docker/abc", -1)) == 8


def test_workers_share_the_cores_that_a_quota_pays_for_without_being_bound(tmp_path, monkeypatch):
    """On a machine of many containers everybody would bind himself to the first."""
    monkeypatch.setattr(cores, "ROOT", second_version(tmp_path, "/", "300000 100000"))
    assert shares(1) == [{}]
    assert shares(2) == [{THREADS: "2"}, {THREADS: "1"}]


def test_where_nothing_binds_workers_are_told_their_share(unbound):
    assert shares(3) == [{THREADS: "3"}, {THREADS: "3"}, {THREADS: "2"}]


def test_a_share_is_what_a_worker_counts_and_what_its_libraries_are_told(unbound, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # by the user
    monkeypatch.setenv(THREADS, "3")
    take_share()
    assert usable_cores() == 3
    assert {name: os.environ.get(name) for name in TOLD} == dict.fromkeys(TOLD, "3") | {"OMP_NUM_THREADS": "1"}


def test_whoever_has_all_cores_is_told_nothing():
    take_share()
    assert not set(TOLD) & set(os.environ)


def test_a_share_of_bound_cores_is_bound(monkeypatch):
    bound = []
    monkeypatch.setattr(os, "sched_setaffinity", lambda pid, numbers: bound.append(set(numbers)))
    monkeypatch.setenv(CORES, "2,5")
    take_share()
    keep_to(3)
    assert bound == [{2, 5}, {0, 1, 2}]


def test_a_library_that_takes_no_number_is_kept_to_it_all_the_same(unbound, monkeypatch):
    monkeypatch.setenv("NPROC", "8")
    keep_to(2)
    assert os.environ["NPROC"] == "2"


def test_tensorflow_starts_as_many_threads_as_its_worker_was_told():
    """Of those that compute; bits of a fixed number of threads rest on it."""
    code = """
import gc, os
from registry.cores import take_share
take_share()
gc.disable()
import keras
keras.ops.convert_to_numpy(keras.ops.matmul(keras.ops.ones((64, 64)), keras.ops.ones((64, 64))))
names = [open(f"/proc/self/task/{task}/comm").read().strip() for task in os.listdir("/proc/self/task")]
print(names.count("tf_Compute"))
"""

    if find_spec("tensorflow") is None or not Path("/proc/self/task").is_dir():
        pytest.skip("TensorFlow is absent, or the threads of a process cannot be counted here")
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", THREADS: "1"}
    told = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert (told.returncode, told.stdout) == (0, "1\n"), told.stderr
