"""`bench cache`: what it says of a cache folder, what it removes, and what it never touches."""

import errno
import io
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmark.storage.cache import Store
from benchmark.storage.digests import digest
from benchmark.storage.inventory import PLACES, discard, inventory
from benchmark.storage.serving import Served, remember
from registry.errors import StorageError

DAY = 86_400.0
HEAVY = ("keras", "tensorflow", "numpy", "sklearn", "cv2", "pandas", "scipy")


class Cache:
    """A cache folder, what is put in it, and `bench cache` on it."""

    def __init__(self, root: Path, monkeypatch, bench) -> None:
        self.root, self.store = root, Store(root)
        self.monkeypatch, self.bench = monkeypatch, bench
        monkeypatch.setenv("BENCH_CACHE", str(root))

    def artefact(self, stage: str, word: str, *, days: float = 0, size: int = 1) -> Path:
        """An artefact last used that many days ago."""
        path = self.store.build(stage, digest(word), lambda folder: (folder / "data").write_bytes(b"\1" * size))
        age(path, days)
        return path

    def checkpoint(self, word: str, *, days: float = 0) -> Path:
        path = self.store.partial("fit", digest(word))
        (path / "epoch-0001").mkdir()
        (path / "epoch-0001" / "weights").write_text("1")
        age(path, days)
        return path

    def left(self, name: str, *, days: float = 0) -> Path:
        """What a killed process left in building/."""
        path = self.root / "building" / name
        path.mkdir(parents=True)
        (path / "half").write_text("1")
        age(path, days)
        return path

    def file(self, name: str, content: str = "1") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def call(self, *arguments: str, typed: str | None = None) -> tuple[int, str, str]:
        """Exit status, output and complaints; `typed` on a terminal where it is given."""
        stdin = io.StringIO(typed)
        stdin.isatty = lambda: typed is not None
        self.monkeypatch.setattr(sys, "stdin", stdin)
        return self.bench("cache", *arguments)

    def said(self, *arguments: str, typed: str | None = None) -> str:
        """The output of a call that does its work."""
        code, out, err = self.call(*arguments, typed=typed)
        assert (code, err) == (0, "")
        return out

    def refused(self, *arguments: str) -> str:
        """The one line of a call that refuses."""
        code, out, err = self.call(*arguments)
        assert (code, out, err.count("\n")) == (2, "", 1)
        return err


def age(path: Path, days: float) -> None:
    for one in [path, *path.rglob("*")]:
        os.utime(one, (time.time() - days * DAY,) * 2)


def rows(page: str) -> list[list[str]]:
    return [line.split() for line in page.splitlines()]


@pytest.fixture
def cache(tmp_path, monkeypatch, bench_in_process):
    return Cache(tmp_path / "cache", monkeypatch, bench_in_process)


@pytest.fixture
def filled(cache):
    """One of each kind of thing, nothing old."""
    cache.artefact("prepare", "a", size=100_000)
    cache.artefact("fit", "b", days=1, size=300_000)
    cache.artefact("fit", "c", days=2)
    cache.checkpoint("d")
    cache.left(f"fit-{digest('e')[:16]}-a1b2c3d_")
    cache.left("discarded-a1b2c3d_")
    cache.file(f"descriptions/{digest('f')}.json")
    cache.file(f"descriptions/{digest('f')}.17.tmp")
    cache.file("file-digests.json")
    cache.file("imports.json")
    cache.file(f"kept/copies/{digest('g')}")
    cache.file("logs/worker-a1b2c3d_.log")
    return cache


def test_artefacts_are_listed_the_last_used_first(filled):
    heading, *listed = rows(filled.said("ls"))
    assert heading == ["stage", "key", "size", "last", "used", "serves"]
    assert [row[0] for row in listed] == ["prepare", "fit", "fit"]
    assert [row[1] for row in listed] == [digest(word)[:8] for word in "abc"]
    filled.store.use("fit", digest("c"))
    assert rows(filled.said("ls"))[1][:2] == ["fit", digest("c")[:8]]


def serve(cache, run, pipeline, *artefacts, there=True, dataset=""):
    """A run that stands on artefacts, and its record where it is still there."""
    folder = cache.root.parent / "results" / run
    if there:
        folder.mkdir(parents=True)
        (folder / "result.json").touch()
    remember(
        cache.root,
        digest(run),
        Served(run, pipeline, str(folder), [f"fit/{digest(one)}" for one in artefacts], dataset),
    )


def test_artefacts_are_listed_with_the_runs_that_they_serve(cache):
    for word in "abcd":
        cache.artefact("fit", word)
    for seed in range(3):
        serve(cache, f"one-s{seed}", "unet+sepcnn+dense", "a", "b")
    serve(cache, "two", "none+\x1b[31msepcnn+dense", "b")
    serve(cache, "three", "unet+sepcnn+dense", "b", "c", there=False)
    (cache.root / "serves" / f"{digest('torn')}.json").write_text('{"run": ')
    said = {row.split()[1]: " ".join(row.split()[6:]) for row in cache.said("ls").splitlines()[1:]}
    assert said == {
        digest("a")[:8]: "unet+sepcnn+dense (3 runs)",
        digest("b")[:8]: "none+ [31msepcnn+dense, unet+sepcnn+dense (3 runs), 1 run that is gone",
        digest("c")[:8]: "1 run that is gone",
        digest("d")[:8]: "unknown",
    }
    told = {one["key"]: one["serves"] for one in json.loads(cache.said("ls", "--json"))}
    assert told[digest("d")] == []
    folder = str(cache.root.parent / "results" / "three")
    assert told[digest("c")] == [
        {"run": "three", "pipeline": "unet+sepcnn+dense", "dataset": "", "folder": folder, "there": False}
    ]


def test_what_commands_keep_for_themselves_is_told_by_their_names(cache):
    cache.artefact("paths", "a")
    (row,) = cache.said("ls").splitlines()[1:]
    assert row.endswith("bench data split, bench import")


def test_runs_of_one_name_are_told_apart_by_their_datasets(cache):
    cache.artefact("fit", "a")
    for run, dataset in (("one", "phantom"), ("two", "phantom"), ("three", "montgomery")):
        serve(cache, run, "unet+sepcnn+dense", "a", dataset=dataset)
    assert "unet+sepcnn+dense · phantom (2 runs)" in cache.said("ls")
    assert "unet+sepcnn+dense · montgomery" in cache.said("ls")


def test_what_serves_no_run_that_is_there_is_pruned_and_nothing_that_nobody_knows(cache):
    paths = {word: cache.artefact("fit", word) for word in "abc"}
    serve(cache, "one", "a+b", "a")
    serve(cache, "two", "a+b", "a", "b", there=False)
    assert "would remove 1 artefact, 1 note of a run (" in cache.said("prune", "--gone", "--dry-run")
    assert paths["b"].exists()
    assert cache.said("prune", "--gone", "--yes").startswith("removed 1 artefact, 1 note of a run (")
    assert [word for word, path in paths.items() if path.exists()] == ["a", "c"]
    assert cache.said("prune", "--gone", "--yes").startswith("removed nothing")
    assert "1 run that is gone" not in cache.said("ls")


def test_a_run_that_is_asked_for_again_is_remembered_once_and_as_used_now(cache):
    serve(cache, "one", "a+b", "x")
    (path,) = (cache.root / "serves").iterdir()
    age(path, 40)
    remember(
        cache.root,
        digest("one"),
        Served("one", "a+b", str(cache.root.parent / "results" / "one"), [f"fit/{digest('x')}"]),
    )
    assert path.stat().st_mtime > time.time() - 60
    assert cache.said("prune", "--older-than", "30d", "--yes").startswith("removed nothing")


def test_verdicts_and_what_runs_stand_on_are_pruned_like_artefacts(cache):
    cache.artefact("fit", "a")
    old = [cache.file(f"verdicts/{digest('v')}.json"), cache.file("verdicts/trust.json")]
    serve(cache, "one", "a+b", "a")
    old += (cache.root / "serves").iterdir()
    for path in old:
        age(path, 31)
    kept = cache.file(f"verdicts/{digest('w')}.records")
    foreign = cache.file("verdicts/notes.txt")
    age(foreign, 31)
    assert cache.said("prune", "--older-than", "30d", "--yes").startswith("removed 2 verdicts, 1 note of a run (")
    assert kept.exists() and foreign.exists() and not any(path.exists() for path in old)
    cache.said("clear", "--yes")
    assert not kept.exists() and foreign.exists()


def test_keys_are_as_short_as_tells_them_apart(cache):
    for key in ("0" * 64, "0" * 11 + "1" * 53, "2" * 64):
        cache.store.build("fit", key, lambda folder: None)
    assert {row[1] for row in rows(cache.said("ls"))[1:]} == {"0" * 12, "0" * 11 + "1", "2" * 12}


def test_a_list_of_one_stage_and_as_json(filled):
    told = json.loads(filled.said("ls", "--stage", "fit", "--json"))
    assert [(one["stage"], one["key"]) for one in told] == [("fit", digest("b")), ("fit", digest("c"))]
    assert [Path(one["path"]) for one in told] == [filled.root / "objects" / "fit" / digest(word) for word in "bc"]
    assert told[0]["bytes"] == on_disk(filled.root / "objects" / "fit" / digest("b"))
    assert told[0]["used"].endswith("+00:00")


def test_a_stage_without_artefacts_is_no_mistake_and_one_that_does_not_exist_is(filled):
    assert filled.said("ls", "--stage", "masks") == f"no artefacts of masks in {filled.root}\n"
    assert json.loads(filled.said("ls", "--stage", "masks", "--json")) == []
    assert "no stage named 'prepar'; did you mean prepare?" in filled.refused("ls", "--stage", "prepar")


def on_disk(path: Path) -> int:
    told = subprocess.run(["du", "-s", "-B1", path], capture_output=True, text=True, check=True)
    return int(told.stdout.split()[0])


def test_sizes_are_those_that_du_counts(filled):
    told = json.loads(filled.said("du", "--json"))
    assert told["cache"] == str(filled.root)
    assert {stage: one["count"] for stage, one in told["stages"].items()} == {"fit": 2, "prepare": 1}
    for stage, one in told["stages"].items():
        assert one["bytes"] == sum(on_disk(path) for path in (filled.root / "objects" / stage).iterdir())
    assert told["others"]["checkpoint"] == {"count": 1, "bytes": on_disk(filled.root / "partial/fit" / digest("d"))}
    assert {kind: one["count"] for kind, one in told["others"].items()} == {
        "checkpoint": 1, "half-built": 1, "half-removed": 1, "description": 2, "digest file": 1, "import file": 1,
        "memory": 1, "log": 1
    }  # fmt: skip
    parts = (*told["stages"].values(), *told["others"].values())
    assert told["bytes"] == sum(one["bytes"] for one in parts)


def test_a_sparse_file_counts_by_what_it_takes(cache):
    with (cache.artefact("fit", "a") / "data").open("r+b") as file:
        file.truncate(10**9)
    assert json.loads(cache.said("du", "--json"))["bytes"] < 10**6


def test_usage_is_a_table_with_the_largest_stage_first_and_a_total(filled):
    filled.file(f"verdicts/{digest('h')}.json")
    filled.file(f"serves/{digest('i')}.json")
    filled.file(f"slurm/{digest('j')[:16]}/over")
    page = filled.said("du")
    assert [row[:2] for row in rows(page)[:3]] == [["stage", "artefacts"], ["fit", "2"], ["prepare", "1"]]
    assert {item.kind for item in inventory(filled.root)} == {kind for kind, *_ in PLACES}
    for words in ("checkpoints ", "half-built ", "half-removed ", "descriptions of ", "lists of ", "logs ", "total "):
        assert f"\n{words}" in page
    assert len({len(line) for line in page.splitlines() if line != "besides"}) == 1  # sizes end in one column


@pytest.mark.parametrize("command", [("ls",), ("du",), ("prune", "--older-than", "1d"), ("clear",)])
def test_an_absent_cache_and_an_empty_one_are_empty_and_not_created(cache, command):
    assert cache.said(*command) == f"the cache is empty: {cache.root}\n"
    assert not cache.root.exists()
    cache.root.mkdir()
    assert cache.said(*command) == f"the cache is empty: {cache.root}\n"
    assert list(cache.root.iterdir()) == []


def test_a_file_in_the_place_of_the_cache_is_one_clear_line(cache):
    cache.root.touch()
    assert "cannot be read (Not a directory); choose another one with BENCH_CACHE" in cache.refused("du")


def test_pruning_keeps_what_was_used(cache):
    kept = [cache.artefact("fit", "a", days=29), cache.checkpoint("b", days=29)]
    found = cache.artefact("fit", "c", days=99)
    cache.store.use("fit", digest("c"))
    old = [
        cache.artefact("fit", "d", days=31),
        cache.checkpoint("e", days=31),
        cache.left("fit-0123456789abcdef-a1b2c3d4", days=31),
    ]
    assert "removed 1 artefact, 1 checkpoint, 1 half-built (" in cache.said("prune", "--older-than", "30d", "--yes")
    assert [path.exists() for path in (*kept, found)] == [True] * 3
    assert [path.exists() for path in old] == [False] * 3
    assert list((cache.root / "building").iterdir()) == []
    assert cache.said("prune", "--older-than", "30d", "--yes") == f"removed nothing from {cache.root}\n"


def test_a_checkpoint_is_as_old_as_the_newest_thing_in_it(cache):
    path = cache.checkpoint("a", days=31)
    os.utime(path / "epoch-0001" / "weights")
    cache.said("prune", "--older-than", "30d", "--yes")
    assert path.exists()


def test_a_dry_run_says_what_would_go_and_removes_nothing(cache):
    old, checkpoint = cache.artefact("fit", "a", days=31), cache.checkpoint("b", days=40)
    with cache.store.in_use():  # it only looks
        *listed, last = cache.said("prune", "--older-than", "30d", "--dry-run").splitlines()
    assert [line.split()[:2] for line in listed[1:]] == [["fit", digest(word)[:8]] for word in "ab"]
    assert listed[-1].endswith("checkpoint")
    assert last.startswith("would remove 1 artefact, 1 checkpoint (")
    assert old.exists()
    assert checkpoint.exists()


@pytest.mark.parametrize("arguments", [(), ("--older-than", "30"), ("--older-than", "0d")])
def test_pruning_needs_an_age(filled, arguments):
    assert "--older-than" in filled.refused("prune", *arguments)
    assert len(inventory(filled.root)) == 12


def test_pruning_says_what_it_removes_and_asks(cache):
    old, kept = cache.artefact("fit", "a", days=31), cache.artefact("fit", "b", days=2)
    words = ("prune", "--older-than", "30d")
    told = cache.refused(*words)
    assert "there is no terminal to ask on; add --yes to remove 1 artefact (" in told and old.exists()
    page = cache.said(*words, typed="n\n")
    assert page.splitlines()[1].split()[:2] == ["fit", digest("a")[:8]] and digest("b")[:8] not in page
    assert "Remove 1 artefact (" in page and page.endswith("nothing removed\n") and old.exists()
    assert "removed 1 artefact (" in cache.said(*words, typed="y\n")
    assert kept.exists() and not old.exists()
    assert cache.said(*words).startswith("removed nothing")  # nothing to ask about


def test_a_month_is_no_minute(cache):
    cache.artefact("fit", "a", days=2)
    told = cache.refused("prune", "--older-than", "1m", "--yes")
    assert told == "bench: --older-than '1m': m may be minutes or months; say one such as 60s, 1h or 30d\n"


def test_clearing_removes_everything_of_ours(filled):
    told = filled.said("clear", "--yes")
    assert told.startswith("removed 3 artefacts, 1 checkpoint, 1 half-built, 1 half-removed, 2 descriptions of ")
    assert inventory(filled.root) == []
    assert [path.name for path in filled.root.rglob("*") if path.is_file()] == ["cache"]  # the lock on the whole
    assert filled.said("du") == f"the cache is empty: {filled.root}\n"


def test_an_array_of_jobs_is_removed_when_it_is_over_and_stays_while_its_jobs_may_be_queued(cache):
    over, ended, queued = (cache.root / "slurm" / (letter * 16) for letter in "abc")
    cache.file(f"slurm/{over.name}/over")
    for folder in (ended, queued):
        cache.file(f"slurm/{folder.name}/jobs.json", '["7_0", "7_1"]')
        cache.file(f"slurm/{folder.name}/7_0_0_result.pkl")
    cache.file(f"slurm/{ended.name}/7_1_0_result.pkl")
    for folder in (over, ended, queued):
        age(folder, 40)
    foreign = cache.file("slurm/mine/over")
    told = json.loads(cache.said("du", "--json"))["others"]
    assert {kind: one["count"] for kind, one in told.items()} == {"job array": 2, "job array at work": 1}
    assert cache.said("prune", "--older-than", "30d", "--yes").startswith("removed 2 job arrays (")
    assert queued.exists() and not over.exists() and not ended.exists()
    told = cache.said("clear", "--yes").splitlines()
    assert told[0].startswith("removed nothing from")
    assert told[1].startswith(f"{queued} stays: jobs of it may wait in the queue of Slurm;")
    assert "scancel 7)" in told[1]
    cache.file(f"slurm/{queued.name}/7_1_0_result.pkl")
    assert cache.said("clear", "--yes").startswith("removed 1 job array (")
    assert not queued.exists() and foreign.exists()


def test_clearing_asks(filled):
    page = filled.said("clear", typed="n\n")
    assert "Remove 3 artefacts, " in page
    assert page.endswith("nothing removed\n")
    assert len(inventory(filled.root)) == 12
    assert "removed 3 artefacts" in filled.said("clear", typed="y\n")
    assert inventory(filled.root) == []


def test_clearing_without_a_terminal_needs_yes(filled):
    assert "there is no terminal to ask on; add --yes to remove 3 artefacts" in filled.refused("clear")
    assert len(inventory(filled.root)) == 12


@pytest.mark.parametrize("command", [("prune", "--older-than", "1s"), ("clear",), ("clear", "--yes")])
def test_nothing_is_removed_while_a_run_is_at_work(filled, command):
    with filled.store.in_use():
        told = filled.refused(*command)
    assert told == f"bench: a run is at work in {filled.root}; wait or use another BENCH_CACHE\n"
    assert len(inventory(filled.root)) == 12
    assert filled.call(*command, typed="y\n")[0] == 0


def test_a_run_that_begins_during_the_question_keeps_its_artefacts(filled):
    run = filled.store.in_use()

    def begin(text: str) -> str:
        run.__enter__()
        return "y"

    filled.monkeypatch.setattr("click.termui.visible_prompt_func", begin)
    code, _, err = filled.call("clear", typed="")
    run.__exit__(None, None, None)
    assert (code, err.startswith("bench: a run is at work")) == (2, True)
    assert len(inventory(filled.root)) == 12


def test_what_is_not_ours_is_never_touched(filled, tmp_path):
    """As if BENCH_CACHE were a home folder by mistake."""
    outside = tmp_path / "outside"
    outside.mkdir()
    key = digest("a folder of ours that lies elsewhere")
    names = [
        "thesis.tex",
        "file-digests.txt",
        ".git/objects/0a/" + "b" * 62,
        "objects/readme",
        "objects/fit/notes/one",
        f"objects/fit/{digest('a file')}",
        f"objects/My Stage/{digest('x')}/data",
        f"objects/fit/{digest('x')[:40]}/data",
        f"partial/fit/{digest('x')}.bak/data",
        "building/house/plan",
        "building/fit-2024-a1b2c3d4/data",
        "descriptions/job.json",
        f"descriptions/{digest('x')}.json.orig",
        f"descriptions/{digest('x')}.json/data",
        "logs/worker.log",
        "logs/apache/worker-a1b2c3d4.log",
        "locks/door",
    ]
    for name in names:
        filled.file(name, name)
    (outside / "x-ray").write_text("1")
    (filled.root / "objects" / "fit" / key).symlink_to(outside)
    (filled.root / "empty").mkdir()
    filled.said("prune", "--older-than", "1s", "--yes")
    filled.said("clear", "--yes")
    assert {name: filled.file(name, (filled.root / name).read_text()).read_text() for name in names} == {
        name: name for name in names
    }
    assert (filled.root / "objects" / "fit" / key / "x-ray").exists()
    assert (filled.root / "empty").is_dir()
    assert inventory(filled.root) == []


KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from benchmark.storage.inventory import PLACES, discard, inventory
from benchmark.storage.serving import Served, remember

root, survives = Path(sys.argv[1]), int(sys.argv[2])
rename, done = Path.rename, []

def last_breath(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def counted(path, target):
    if len(done) == survives:
        last_breath()
    done.append(rename(path, target))

Path.rename = counted
shutil.rmtree = last_breath
discard(root, inventory(root))
"""


@pytest.mark.parametrize("survives", [0, 2, 99])
def test_a_removal_that_is_killed_leaves_whole_artefacts_and_what_the_next_one_sweeps(cache, survives):
    for word in "abcd":
        shutil.copytree("tests/plugin", cache.artefact("fit", word), dirs_exist_ok=True)
    whole = {path.name for path in (cache.root / "objects/fit" / digest("a")).rglob("*")}
    ended = subprocess.run([sys.executable, "-c", KILLED, cache.root, str(survives)], cwd=Path(__file__).parents[2])
    assert ended.returncode == -9
    left = [path for word in "abcd" if (path := cache.store.find("fit", digest(word)))]
    assert len(left) == max(4 - survives, 0)
    assert all({path.name for path in one.rglob("*")} == whole for one in left)
    assert "1 half-removed" in cache.said("prune", "--older-than", "1d", "--yes")
    assert list((cache.root / "building").iterdir()) == []
    assert len(inventory(cache.root)) == len(left)


def test_what_cannot_be_removed_is_one_clear_line(filled, monkeypatch):
    def refuses(path, target):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "rename", refuses)
    with pytest.raises(StorageError, match=r"/\S+ cannot be removed \(Permission denied\); see whose"):
        discard(filled.root, inventory(filled.root))


@pytest.mark.parametrize("words", [("prune", "--older-than", "1d", "--yes"), ("clear", "--yes")])
def test_locks_of_artefacts_go_with_what_is_removed(filled, words):
    with filled.store.lock(f"fit-{digest('built once')}"):
        pass
    filled.said(*words)
    assert [path.name for path in (filled.root / "locks").iterdir()] == ["cache"]


def test_while_a_run_is_at_work_no_lock_is_removed(filled):
    held = f"fit-{digest('held')}"
    with filled.store.in_use(), filled.store.lock(held):
        assert "a run is at work" in filled.refused("prune", "--older-than", "1d")
        assert (filled.root / "locks" / held).exists()


def test_an_unknown_command_suggests_the_nearest(cache):
    assert "no command named 'prun'; did you mean prune? See: bench cache --help" in cache.refused("prun")


def test_nothing_heavy_is_imported(filled):
    code = f"""
import sys
from benchmark.cli.main import bench
for words in (["ls"], ["du"], ["prune", "--older-than", "1s", "--yes"], ["clear", "--yes"]):
    bench(["cache", *words], standalone_mode=False)
assert not set({HEAVY!r}) & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2], capture_output=True)
