"""`bench` on machines that lack something: cores that can be bound, locks on files, Linux."""

import json
import os
import subprocess

import pytest

from tests.commands import Bench, complaints, one_line
from tests.lacking import AFFINITY, FCNTL, FLOCK, QUOTA, lacking

pytestmark = pytest.mark.slow

TUNE = ("--tuner", "random", "--trials", 1, "--set", "images.size=32")


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("lacking"))


@pytest.fixture(scope="module")
def at_once(bench):
    """Two commands at the same time on one cache without locks, one of them without binding too."""
    several = min(2, os.cpu_count() or 1)
    environments = [lacking(bench.root / "lustre", FLOCK), lacking(bench.root / "mac", FLOCK, AFFINITY)]
    commands = [
        subprocess.Popen(
            bench.command("run", "--task", bench.task, "--full", "-o", bench.results, "--jobs", several),
            env=bench.environment(**environment),
            cwd=bench.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for environment in environments
    ]
    return [(*command.communicate(timeout=300), command.returncode) for command in commands]


def test_without_locks_two_commands_at_once_share_their_steps_and_end_well(bench, at_once):
    for told, said, code in at_once:
        assert code == 0, told + said
        assert complaints(said) == []
        assert "balanced-accuracy" in told
    (record,) = bench.records().values()
    assert record["status"] == "ok"
    assert not list((bench.cache / "building").iterdir())
    assert not list((bench.cache / "partial").glob("*/*"))
    assert not [path for path in bench.results.rglob(".*") if path.is_dir()]


def test_without_locks_a_search_goes_on_after_another_command(bench, at_once):
    for _ in range(2):
        line = ("tune", "--task", bench.task, "--full", "--results", bench.results, *TUNE)
        told = bench.call(*line, **lacking(bench.root / "lustre", FLOCK))
        assert told.returncode == 0, told.stdout + told.stderr
    (ledger,) = bench.results.rglob("ledger.jsonl")
    assert not [*ledger.parent.glob("leases/*"), *ledger.parent.glob("running/*")]


def test_a_quota_is_what_jobs_are_counted_by(bench, tmp_path):
    limits = {"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "100000 100000"}
    for name, content in limits.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(content)
    environment = lacking(bench.root / "container", QUOTA.format(root=str(tmp_path)))
    told = bench.call("run", "--task", bench.task, "--full", "-o", bench.results, "--jobs", 2, **environment)
    assert "--jobs 2 is more than this machine has cores for (1); use fewer" in one_line(told)


@pytest.mark.parametrize(
    "words",
    [("list",), ("run", "--task", "binary"), ("tune", "--task", "binary"), ("speed", "--task", "binary"),
     ("cache", "clear")],
)  # fmt: skip
def test_windows_is_told_of_wsl2_in_one_line(bench, words):
    line = one_line(bench.call(*words, **lacking(bench.root / "windows", FCNTL)))
    assert "run bench inside WSL2" in line
    assert "\n" not in line


def test_what_needs_no_locks_works_on_windows(bench, at_once):
    environment = lacking(bench.root / "windows", FCNTL)
    assert bench.call("--help", **environment).returncode == 0
    told = bench.call("compare", bench.results, "--json", **environment)
    assert told.returncode == 0, told.stderr
    assert len(json.loads(told.stdout)["tables"]) == 1
