"""The command line as a user calls it, in a process of its own, with folders of the test's own.

It and its workers are forks of interpreters that have imported what takes long (`tests.warm`).
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from benchmark.storage.code import MEMORY
from tests.warm import connection as warm

READ = "TESTS_READ"  # where this session keeps what its commands have read of source files
TINY = """
title = "tiny"
metric = "balanced-accuracy"
positive = "COVID"
dataset = "phantom[count=96,size=32]"
resamples = 200

[classes]
rest = ["*"]
COVID = ["COVID"]

[[pipelines]]
segmenter = "none"
backbone = "sepcnn[filters=8,pairs=1]"
head = "dense"

[images]
size = 32

[augmentation]
flips = "anatomical"
rotated = 0.0  # to compile the rotation takes as long as all the rest

[training]
epochs = 2
minimum_steps = 1
batch_size = 16

[segmentation]
epochs = 1
minimum_steps = 1

[split]
train = 0.5
validation = 0.25
test = 0.25
"""


B = TypeVar("B", bound="Bench")
ONE_VS_ALL = TINY.replace(
    'positive = "COVID"\n', 'classes = "labels"\nscheme = "one-vs-all"\nvoters = ["soft"]\n'
).replace('[classes]\nrest = ["*"]\nCOVID = ["COVID"]\n', "")


@dataclass
class Bench:
    """A cache, a results folder and a task file below one folder."""

    root: Path

    @property
    def first(self) -> str:
        """What the first run said, of `once_run`."""
        return (self.root / "first.txt").read_text()

    @property
    def cores(self) -> int:
        return len(os.sched_getaffinity(0))

    @property
    def results(self) -> Path:
        return self.root / "results"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def task(self) -> Path:
        path = self.root / "tiny.toml"
        if not path.exists():
            path.write_text(TINY)
        return path

    def environment(self, **more: str) -> dict[str, str]:
        cleared = {key: value for key, value in os.environ.items() if not key.startswith("BENCH_")}
        ours = {"BENCH_CACHE": str(self.cache), "TF_CPP_MIN_LOG_LEVEL": "2", "COLUMNS": "140"}
        return warm.environment({**cleared, **ours, **more})

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, "-m", "benchmark", *map(str, arguments)]

    def call(self, *arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
        given = self.environment(**more)
        if given["BENCH_CACHE"] != str(self.cache):
            return warm.call(self.command(*arguments), given, self.root, timeout_s=300)
        _remind(self.cache)
        told = warm.call(self.command(*arguments), given, self.root, timeout_s=300)
        _remember(self.cache)
        return told

    def to_results(self, arguments: Sequence[object]) -> Sequence[object]:
        """The arguments, with the folder for results where they name none."""
        return arguments if {"-o", "--output"} & {*map(str, arguments)} else ("-o", self.results, *arguments)

    def run(self, *arguments: object, code: int = 0, task: Path | str | None = None, **more: str) -> str:
        """`bench run` on the tiny task (quick settings off); gives its output."""
        told = self.call("run", "--task", task or self.task, "--full", *self.to_results(arguments), **more)
        assert told.returncode == code, told.stdout + told.stderr
        return told.stdout + told.stderr

    def plan(self, *arguments: object) -> list[dict[str, Any]]:
        """`bench run --plan --json`: standard output alone is JSON."""
        task = () if "--task" in arguments else ("--task", self.task)
        told = self.call("run", *task, "--full", "--plan", "--json", *self.to_results(arguments))
        assert told.returncode == 0, told.stderr
        runs: list[dict[str, Any]] = json.loads(told.stdout)["runs"]
        return runs

    def records(self) -> dict[str, dict[str, Any]]:
        """Pipeline and seed -> record, of runs alone."""
        found = [json.loads(path.read_bytes()) for path in sorted(self.results.rglob("result.json"))]
        runs = [record for record in found if record["spec"]["kind"] != "controls"]
        return {f"{record['pipeline']} s{record['seed']}": record for record in runs}

    def controls(self) -> dict[str, dict[str, Any]]:
        """Name -> record of the rules beside the runs."""
        found = [json.loads(path.read_bytes()) for path in sorted(self.results.rglob("controls-*/result.json"))]
        return {record["pipeline"]: record for record in found}

    def artefacts(self, stage: str) -> int:
        """How many artefacts of a stage have been built."""
        return len(list((self.cache / "objects" / stage).glob("*")))


def _remind(cache: Path) -> None:
    """What another test's command has read of source files: a new cache would have each of them parsed again."""
    read = Path(os.environ[READ])
    if read.is_file() and not (cache / MEMORY).exists():
        cache.mkdir(parents=True, exist_ok=True)
        shutil.copy(read, cache / MEMORY)


def _remember(cache: Path) -> None:
    """For `_remind`, the first time: answers stand under the digests of the files, so they are never stale."""
    read = Path(os.environ[READ])
    if not read.exists() and (cache / MEMORY).is_file():
        whole = read.with_name(f"{read.name}-{os.getpid()}")
        shutil.copy(cache / MEMORY, whole)
        whole.rename(read)


def once_run(places: pytest.TempPathFactory) -> Bench:
    """A bench of the test's own on which the tiny task has run once, and `first`, what that said.

    The first who asks runs it, for all tests of this session: each gets a copy.
    """
    bench = Bench(places.mktemp("bench"))
    shutil.copytree(_run_of_the_session(places), bench.root, dirs_exist_ok=True, symlinks=True)
    return bench


def untrained(places: pytest.TempPathFactory, bench: B) -> B:
    """This bench, with what a run of the tiny task reads and what stands beside it: nothing is drawn again.

    For tests that are about training, or about what comes of it.
    """
    made = _run_of_the_session(places) / "cache" / "objects"
    for stage in ("prepare", "split", "originals", "controls"):
        shutil.copytree(made / stage, bench.cache / "objects" / stage, dirs_exist_ok=True, symlinks=True)
    return bench


def _run_of_the_session(places: pytest.TempPathFactory) -> Path:
    session = places.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        session = session.parent
    whole = session / "once-run"
    with (session / "once-run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            made = Bench(session / "once-run.new")
            made.root.mkdir()
            (made.root / "first.txt").write_text(made.run())
            made.root.rename(whole)
    return whole


def complaints(stderr: str) -> list[str]:
    """What a command complained of, without how far it was, which it says where it takes long."""
    return [line for line in stderr.splitlines() if not line.startswith("  ")]


def one_line(told: subprocess.CompletedProcess[str]) -> str:
    """The complaint of a command that must refuse in one line, with exit status 2 and no traceback."""
    assert told.returncode == 2, told.stdout + told.stderr
    assert "Traceback" not in told.stderr
    return told.stderr.strip()
