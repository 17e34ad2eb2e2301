"""Two users, one cache, one folder of results: a step of its own (`.ci/run`), as root, who alone can be two others."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.commands import Bench

pytestmark = [pytest.mark.slow, pytest.mark.two_users]

FIRST, SECOND, GROUP = 61_001, 61_002, 61_000  # numbers of nobody
ROOT = Path(__file__).parents[2]
SPARED = ("site-packages", "test", "tests", "idlelib", "ensurepip", "config-*", "tkinter", "lib2to3")


@dataclass
class Shared(Bench):
    """Folders that two users of one group share, and an interpreter that both can run."""

    python: tuple[str, dict[str, str]]

    def by(self, user: int, umask: int, *arguments: object) -> subprocess.CompletedProcess[str]:
        """`bench` as a user calls it."""
        python, environment = self.python
        return subprocess.run(
            [python, "-m", "benchmark", *map(str, arguments)],
            env=self.environment(HOME=str(self.root), **environment),
            user=user,
            group=GROUP,
            extra_groups=[],
            umask=umask,
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def run_by(self, user: int, umask: int, *flags: object) -> subprocess.CompletedProcess[str]:
        return self.by(user, umask, "run", "--task", self.task, "--full", "-o", self.results, *flags)

    def below(self) -> list[Path]:
        """Everything in cache and results."""
        return [path for place in (self.cache, self.results) for path in place.rglob("*")]


@pytest.fixture(scope="module")
def place():
    """A folder that both can enter: those of pytest are its user's alone."""
    if "BENCH_TWO_USERS" not in os.environ:
        pytest.skip("BENCH_TWO_USERS is not set")
    if os.geteuid() != 0:
        pytest.skip("not root: one user cannot be two others")
    folder = Path(tempfile.mkdtemp(prefix="two-users-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def python(place):
    """An interpreter that another user can run, and the environment that it needs: ours, else a copy."""
    path = os.pathsep.join([str(ROOT), *(entry for entry in sys.path if entry.endswith("-packages"))])
    tried = [(sys.executable, {"PYTHONPATH": path})]
    if not _runs(*tried[0]):
        tried.append(_copied(place / "python", path))
    if not _runs(*tried[-1]):
        pytest.skip("the interpreter, its packages or this checkout cannot be read by another user")
    return tried[-1]


def _runs(python: str, environment: dict[str, str]) -> bool:
    """Whether another user has with it what is installed here."""
    code = f"import sys, numpy, benchmark; assert sys.version == {sys.version!r}"
    who = {"user": FIRST, "group": GROUP, "extra_groups": []}
    try:
        told = subprocess.run(
            [python, "-c", code], env={**os.environ, **environment}, cwd="/", capture_output=True, **who
        )
    except PermissionError:
        return False
    return told.returncode == 0


def _copied(folder: Path, path: str) -> tuple[str, dict[str, str]]:
    base, version = Path(sys.base_prefix), f"python{sys.version_info.major}.{sys.version_info.minor}"
    shutil.copytree(base / "lib" / version, folder / "lib" / version, ignore=shutil.ignore_patterns(*SPARED))
    for library in (base / "lib").glob("libpython*.so*"):
        shutil.copy(library, folder / "lib")
    (folder / "bin").mkdir()
    shutil.copy(base / "bin" / version, folder / "bin")
    return str(folder / "bin" / version), {"PYTHONPATH": path, "LD_LIBRARY_PATH": str(folder / "lib")}


def folders(root: Path, python: tuple[str, dict[str, str]]) -> Shared:
    """Folders that a group shares, with nothing in them yet."""
    shared = Shared(root, python)
    for folder in (root, shared.cache, shared.results):
        folder.mkdir()
        os.chown(folder, 0, GROUP)
        folder.chmod(0o2775)
    assert shared.task.is_file()
    return shared


@pytest.fixture(scope="module")
def shared(place, python):
    """What the first user leaves who lets the group write."""
    bench = folders(place / "shared", python)
    told = bench.run_by(FIRST, 0o002)
    assert told.returncode == 0, told.stdout + told.stderr
    return bench


def test_everything_in_cache_and_results_follows_the_umask(shared):
    wrong = {}
    for path in shared.below():
        mode = stat.S_IMODE(path.stat().st_mode) & 0o777
        if mode != (0o775 if path.is_dir() else 0o664):
            wrong[str(path)] = oct(mode)
    assert wrong == {}
    assert len(shared.below()) > 50


def test_the_second_user_finds_what_the_first_one_made_and_adds_to_it(shared):
    """A lock of a file that can only be read is as good."""
    for path in (shared.cache / "locks").iterdir():
        path.chmod(0o644)
    told = shared.run_by(SECOND, 0o002, "--seeds", "0,1")
    assert told.returncode == 0, told.stdout + told.stderr
    records = shared.records().values()
    assert {record["seed"]: record["status"] for record in records} == {0: "ok", 1: "ok"}
    assert "seed 0: balanced-accuracy" in told.stdout
    assert "(cached)" in told.stdout
    owners = {path.stat().st_uid for path in (shared.cache / "objects" / "fit").iterdir()}
    assert owners == {FIRST, SECOND}
    assert len(list((shared.cache / "objects" / "prepare").iterdir())) == 1


def test_what_the_first_user_keeps_to_himself_is_named(shared):
    """As artefacts of earlier versions are."""
    (artefact,) = (shared.cache / "objects" / "prepare").iterdir()
    mode = artefact.stat().st_mode
    artefact.chmod(0o700)
    told = shared.run_by(SECOND, 0o002, "--seeds", "7")
    artefact.chmod(mode)
    assert told.returncode == 2, told.stdout + told.stderr
    (line,) = told.stderr.splitlines()
    assert line.startswith(f"bench: {artefact} cannot be entered (Permission denied; it is user {FIRST}'s)")


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_a_cache_that_only_its_user_writes_is_refused_at_once(place, python, umask):
    bench = folders(place / f"umask{umask:o}", python)
    os.chown(bench.cache, FIRST, GROUP)
    bench.cache.chmod(0o777 & ~umask)
    told = bench.run_by(SECOND, umask)
    assert told.returncode == 2, told.stdout + told.stderr
    (line,) = told.stderr.splitlines()
    assert line == (
        f"bench: folder {bench.cache} cannot be written (Permission denied; it is user {FIRST}'s); "
        "choose another cache with BENCH_CACHE"
    )
