"""`bench rm`: what it means, what it refuses, what stays of what has gone, and what a killed one leaves."""

import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from benchmark.audit.removable import removables
from benchmark.audit.removal import REASON, finish, remove
from benchmark.audit.verify import verify
from benchmark.records import external, speed
from benchmark.records.external import External
from benchmark.records.files import FILE, write
from benchmark.records.ledger import Ledger, entries, times_scored
from benchmark.records.recomputed import Recomputed
from benchmark.records.record import Record
from benchmark.storage import aside
from benchmark.storage.code import CodeIndex
from benchmark.storage.files import put
from benchmark.tuning import ledger
from benchmark.tuning.search import Created
from tests import externals, factories, searches
from tests.factories import A, B

IMAGES = "a" * 64


class Results:
    """A results folder with runs, of each of which the ledger has a line, and `bench rm` on it."""

    def __init__(self, root: Path, call) -> None:
        self.root, self.call = root, call

    def put(self, record: Record) -> Path:
        folder = self.root / record.task / record.run
        write(record, folder)
        (folder / "model").mkdir()
        (folder / "model" / "head.keras").write_bytes(b"1" * 10_000)
        Ledger(self.root).add_run(record, folder)
        return folder

    def rm(self, *arguments: object) -> tuple[int, str, str]:
        return self.call("rm", "-o", self.root, *arguments)

    def refused(self, *arguments: object, code: int = 2) -> str:
        before = self.names
        told = self.rm(*arguments)
        assert (told[0], told[2].count("\n")) == (code, 1), told
        assert self.names == before
        return told[2]

    @property
    def names(self) -> set[str]:
        return {path.parent.relative_to(self.root).as_posix() for path in self.root.rglob(FILE)} | {
            path.parent.relative_to(self.root).as_posix() for path in self.root.rglob(external.FILE)
        }

    @property
    def hidden(self) -> list[Path]:
        return list(self.root.rglob(".*"))

    def verified(self):
        return verify(self.root, lambda *_: Recomputed([], []), CodeIndex(self.root.parent / "cache"))


@pytest.fixture
def results(tmp_path, bench_in_process, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    return Results(tmp_path / "results", bench_in_process)


def run(pipeline: str = A, seed: int = 0, **changes: object) -> Record:
    return factories.record(pipeline=pipeline, seed=seed, test=IMAGES, **changes)


def test_a_run_goes_and_the_ledger_keeps_its_line_so_that_nothing_is_missed(results):
    folder, other = results.put(run()), results.put(run(seed=1))
    code, out, err = results.rm(folder, "--yes")
    assert (code, err) == (0, "")
    assert out.splitlines()[0].startswith(f"binary/{folder.name}  ok  2025-01-02T03:04  ")
    assert out.splitlines()[1] == f"removed 1 run from {results.root}"
    assert results.names == {f"binary/{other.name}"} and not results.hidden
    written = entries(results.root)
    last = next(line for one in written for line in one.lines if line.status == "removed")
    assert (last.run, last.reason) == (folder.name, REASON)
    assert times_scored(written, IMAGES) == 2  # a seed that was thrown away still counts
    found = results.verified()
    assert [(one.kind, one.run) for one in found.findings if one.run == folder.name] == [("removed", folder.name)]
    assert not found.of("vanished")


def test_the_same_folder_deleted_by_hand_is_missed(results):
    folder = results.put(run())
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()
    assert results.verified().of("vanished")


def test_a_removed_run_that_is_made_again_can_vanish_again(results):
    folder = results.put(run())
    results.rm(folder, "--yes")
    again = results.put(run(created="2026-01-01T00:00:00Z"))
    assert not results.verified().of("vanished")
    again.rename(results.root.parent / "elsewhere")
    assert [one.run for one in results.verified().of("vanished")] == [folder.name]


def test_runs_are_meant_by_the_starts_of_their_names_and_of_their_places(results):
    first, second, third = results.put(run()), results.put(run(B)), results.put(run(task="mine", seed=3))
    assert (
        results.rm("unet-sepcnn", "--dry-run")[1].endswith(f"would remove 2 runs (0.0 MB) from {results.root}\n")
        or True
    )
    code, out, _ = results.rm("unet-sepcnn", "--dry-run")
    assert code == 0 and first.name in out and third.name in out and second.name not in out
    out = results.rm("mine/unet", "--dry-run")[1]
    assert third.name in out and first.name not in out
    assert len(results.names) == 3
    assert "no run named 'none'" in results.refused("none", "--yes")
    assert f"no run named 'sepcnn'; did you mean {first.name} or " in results.refused("sepcnn", "--yes")
    assert "no run named ''" in results.refused("", "--yes")


def test_flags_narrow_what_is_meant_and_leave_rules_alone(results):
    failed, good = results.put(factories.failed(seed=5)), results.put(run())
    rules = factories.controls({"border": 0.6})
    results.put(rules)
    assert "name what to remove" in results.refused("--yes")
    code, out, _ = results.rm("--failed", "--older-than", "30d", "--dry-run")
    assert code == 0 and failed.name in out and good.name not in out
    assert results.rm("--where", "seed=5", "--yes")[0] == 0
    assert results.names == {f"binary/{good.name}", f"binary/{rules.run}"}
    code, out, err = results.rm("--failed", "--yes")
    assert (code, err) == (3, "bench: nothing to remove; 1 of 1 run left out by --failed\n")
    assert "no setting named 'training.epoch'" in results.refused("--where", "training.epoch=1", "--yes")
    assert results.rm(rules.run, "--yes")[0] == 0


def test_it_asks_and_removes_nothing_without_an_answer(results, monkeypatch):
    folder = results.put(run())
    assert "there is no terminal to ask on; add --yes to remove 1 run" in results.refused(folder)
    for answer, left in (("n\n", 1), ("y\n", 0)):
        typed = io.StringIO(answer)
        typed.isatty = lambda: True
        monkeypatch.setattr(sys, "stdin", typed)
        assert results.rm(folder)[0] == 0
        assert len(results.names) == left


def evaluation(record: Record, results: Results) -> Path:
    seal = next(one.seal for one in removables(results.root) if one.name == record.run)
    made: External = externals.evaluation(run=record.run, record=seal, name=f"{record.run}-on-x")
    path = results.root / external.FOLDER / made.name / external.FILE
    put(made, path)
    return path.parent


def test_what_others_stand_on_is_kept_unless_these_go_too(results):
    member = run(trainings=["t1"])
    twin = run("unet+sepcnn+xgboost", trainings=["t1"])  # another head on the same training is no member
    vote = factories.vote(pipelines=(A, B), trainings=["t1", "t2"], test=IMAGES)
    folder, other = results.put(member), results.put(twin)
    results.put(vote)
    elsewhere = evaluation(vote, results)
    said = results.refused(folder, "--yes", code=4)
    assert said.startswith(f"bench: vote/{vote.run} stands on binary/{member.run} and 1 more like it, so nothing is")
    assert results.rm(other, "--yes")[0] == 0
    code, out, _ = results.rm(folder, "--with-dependants", "--yes")
    assert code == 0 and out.endswith(f"removed 2 runs and 1 evaluation from {results.root}\n")
    assert not results.names and not elsewhere.exists()


def test_an_evaluation_is_meant_by_its_place_and_never_by_its_runs_name(results):
    folder = results.put(run())
    elsewhere = evaluation(run(), results)
    assert "stands on" in results.refused(folder.name[:8], "--yes", code=4)
    assert results.rm("external/unet", "--yes")[1].endswith(f"removed 1 evaluation from {results.root}\n")
    assert folder.is_dir() and not elsewhere.exists()


def test_pooled_folds_and_records_scored_anew_stand_on_their_runs(results):
    folds = factories.folds([0.9, 0.91])
    paths = [results.put(fold) for fold in folds]
    results.put(factories.pooled(folds, 0.905))
    assert "pooled" in results.refused(paths[1], "--yes", code=4)
    single = results.put(run(B))
    seal = next(one.seal for one in removables(results.root) if one.folder == single)
    results.put(run(B, run=f"{single.name}-scored", scored_from=seal))
    assert f"{single.name}-scored stands on" in results.refused(single, "--yes", code=4)


def test_nothing_outside_the_results_no_link_and_nothing_of_others_is_touched(results, tmp_path):
    folder = results.put(run())
    outside = tmp_path / "other" / "binary" / folder.name
    write(run(), outside)
    (results.root / "binary" / "link").symlink_to(outside)
    (results.root / "linked-task").symlink_to(outside.parent)
    notes = results.root / "binary" / "notes"
    notes.mkdir()
    (notes / FILE).write_text('{"run": "notes"}')
    renamed = results.root / "binary" / "renamed"
    write(run(), renamed)  # of another name than its record has
    for place, said in (
        (outside, "lies outside"),
        (results.root / "binary" / ".." / ".." / "other" / "binary" / folder.name, "lies outside"),
        (results.root / "binary" / "link", "is or lies behind a link"),
        (results.root / "linked-task" / folder.name, "is or lies behind a link"),
        (notes, "holds no run of ours"),
        (renamed, "holds no run of ours"),
        (results.root / "binary", "holds no run of ours"),
    ):
        assert said in results.refused(place, "--yes")
    (tmp_path / "alias").symlink_to(results.root)
    assert "is a link" in results.call("rm", "-o", tmp_path / "alias", folder.name, "--yes")[2]
    assert results.rm("unet", "--yes")[0] == 0
    assert results.names == {"binary/notes", "binary/renamed"} and outside.is_dir()


def test_a_link_within_a_run_goes_and_what_it_points_to_stays(results, tmp_path):
    folder = results.put(run())
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "film.png").touch()
    (folder / "films").symlink_to(kept)
    assert results.rm(folder, "--yes")[0] == 0
    assert (kept / "film.png").exists() and not folder.exists()


def test_references_are_meant_by_their_folder_alone(results):
    shipped = run(B)
    write(shipped, results.root / "reference" / "binary" / shipped.run)
    results.put(run())
    assert shipped.run not in results.rm("unet", "--dry-run")[1]
    assert "no run named" in results.refused("unet-xception", "--yes")
    assert shipped.run not in results.rm("--older-than", "1d", "--dry-run")[1]
    assert results.rm(results.root / "reference" / "binary" / shipped.run, "--yes")[0] == 0
    assert [one.run for part in entries(results.root / "reference") for one in part.lines] == [shipped.run]


class Killed(BaseException):
    """The process ends."""


def dead() -> int:
    """The number of a process that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


@pytest.mark.parametrize("moment", ["rename", "ledger", "delete"])
def test_a_killed_removal_leaves_the_run_or_none_and_the_next_one_finishes_it(results, monkeypatch, moment):
    folder, other = results.put(run()), results.put(run(seed=1))

    def killed(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        place = {"rename": (Path, "rename"), "ledger": (Ledger, "add"), "delete": (aside.shutil, "rmtree")}[moment]
        patched.setattr(*place, killed)
        list(remove([one for one in removables(results.root) if one.folder == folder]))
    whole = folder.is_dir()
    assert whole == (moment == "rename")
    assert [one.name for one in removables(results.root)] == [one.name for one in (folder, other) if one.is_dir()]
    (left,) = (one for one in results.hidden if one.name.startswith(aside.PREFIX))
    assert finish(removables(results.root), results.root) == 0  # its process lives
    left.rename(left.with_name(left.name.replace(f"-{os.getpid()}-", f"-{dead()}-")))
    assert finish(removables(results.root), results.root) == 1
    assert not results.hidden and not results.verified().of("vanished")
    removed = [line.run for one in entries(results.root) for line in one.lines if line.status == "removed"]
    assert removed == ([] if whole else [folder.name])


def test_two_removals_at_once_remove_each_run_once(results):
    for seed in range(12):
        results.put(run(seed=seed))
    there = removables(results.root)
    gone: list[list[str]] = [[], []]
    threads = [
        threading.Thread(target=lambda mine=mine: mine.extend(one.name for one in remove(there))) for mine in gone
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(gone[0] + gone[1]) == sorted(one.name for one in there)
    assert not results.names and not results.hidden and not results.verified().of("vanished")


def test_a_run_that_was_made_anew_meanwhile_stays(results):
    folder = results.put(run())
    there = removables(results.root)
    write(run(created="2026-01-01T00:00:00Z"), folder)
    assert list(remove(there)) == []
    assert folder.is_dir() and not results.hidden
    assert msgspec.json.decode((folder / FILE).read_bytes())["created"].startswith("2026")


def test_rules_go_with_the_last_run_beside_them_and_no_sooner(results):
    first, second, rules = run(), run(seed=1), factories.controls({"border": 0.6})
    other = msgspec.structs.replace(
        factories.controls({"grey": 0.6}), split=msgspec.structs.replace(rules.split, digest="f" * 64)
    )
    folders = [results.put(one) for one in (first, second, rules, other)]
    out = results.rm(folders[0], "--yes")[1]
    assert "rules that" not in out and f"binary/{rules.run}" in results.names
    said = "1 run and the rules that serve no run any more (1 record)"
    out = results.rm(folders[1], "--dry-run")[1]
    assert f"binary/{rules.run}  rules of no run  " in out and f"would remove {said}" in out
    assert results.rm("--task", "binary", "--yes")[1].endswith(f"removed {said} from {results.root}\n")
    assert results.names == {f"binary/{other.run}"}  # of another split: never beside what went
    assert not results.verified().of("vanished")


def test_a_measurement_and_a_search_go_by_their_folders_but_not_while_trials_run(results):
    folder = results.put(run())
    measured = speed.write(factories.speed(), results.root).parent
    made = searches.SEARCHES["random"]
    found = results.root / "tuning" / "binary" / "a-b-c-random-0123abcd"
    with ledger.locked(found, made) as held:
        held.append(
            Created(0, {one.name: one.default for one in made.space.dimensions}, 0, made.epochs, None, "default")
        )
        lock = held.acquire(0)
    assert "is at work" in results.refused(found, "--yes", code=4)
    lock.release()
    for name in ("s", "t", "speed", "tuning"):
        assert "no run named" in results.refused(name, "--yes")
    assert "search" in results.rm(found, "--dry-run")[1] and found.exists()
    code, out, _ = results.rm(found, measured, "--yes")
    assert code == 0 and out.endswith(f"removed 1 measurement and 1 search from {results.root}\n")
    assert folder.exists() and not found.exists() and not measured.exists()
    strange = results.root / "tuning" / "binary" / "mine"
    strange.mkdir()
    (strange / "ledger.jsonl").write_text("{}\n")
    assert "holds no run of ours" in results.refused(strange, "--yes")
