"""The ledger of runs: chained lines, one file a command, folders that merge; and what it says of what is gone."""

import json
import shutil
import threading

import pytest

from benchmark.audit.verify import verify
from benchmark.records import files as records
from benchmark.records import ledger as ledger_module
from benchmark.records.ledger import FOLDER, Entries, Ledger, entries, precedes, times_scored, tips
from benchmark.records.recomputed import Recomputed
from registry.errors import StorageError
from tests import factories
from tests.published import index


def made(ledger, root, *, seed=0, take=0, status="ok"):
    """A run of a command, without files of its own; gives its record's file."""
    changes = {"files": {}, "test": "t" * 64, "created": f"take {take}"}
    record = factories.failed(seed=seed) if status == "failed" else factories.record(seed=seed, **changes)
    folder = root / record.task / record.run
    records.write(record, folder)
    ledger.add_run(record, folder)
    return folder / records.FILE


def found(root):
    """Kind -> how often, of what the ledger says; predictions are nobody's concern here."""
    kinds = [one.kind for one in verify(root, lambda *_: Recomputed(), index()).findings]
    kinds = [kind for kind in kinds if kind not in ("missing", "contradicted", "unchecked")]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def test_each_run_is_a_line_with_the_hash_of_the_one_before(tmp_path):
    ledger = Ledger(tmp_path)
    paths = [made(ledger, tmp_path, seed=seed) for seed in (0, 1)]
    (one,) = entries(tmp_path)
    assert [line.record for line in one.lines] == [records.as_written(path).seal for path in paths]
    assert [line.previous for line in one.lines] == one.hashes[:2]
    assert {line.test for line in one.lines} == {"t" * 64}
    assert times_scored([one], "t" * 64) == 2
    assert one.faults == [] and not one.torn
    assert len((tmp_path / FOLDER / one.name).read_bytes().splitlines()) == 3


def test_a_command_that_makes_no_run_leaves_no_file(tmp_path):
    Ledger(tmp_path)
    assert not (tmp_path / FOLDER).exists()


def test_a_file_names_the_heads_of_those_before_it_and_the_last_is_to_be_kept_elsewhere(tmp_path):
    for seed in range(3):
        made(Ledger(tmp_path), tmp_path, seed=seed)
    ledger = entries(tmp_path)
    latest = max(ledger, key=lambda one: len(one.heads))
    assert latest.heads == {one.name: one.hashes[-1] for one in ledger if one is not latest}
    assert tips(ledger) == {latest.name: latest.hashes[-1]}


def test_a_failed_run_that_leaves_a_good_record_in_place_has_a_line_without_a_seal(tmp_path):
    ledger = Ledger(tmp_path)
    made(ledger, tmp_path)
    made(ledger, tmp_path, status="failed")
    assert [(line.status, bool(line.record)) for line in entries(tmp_path)[0].lines] == [
        ("ok", True),
        ("failed", False),
    ]
    assert found(tmp_path) == {}


def test_a_failed_run_is_a_record_that_may_not_vanish_either(tmp_path):
    path = made(Ledger(tmp_path), tmp_path, status="failed")
    assert found(tmp_path) == {}
    shutil.rmtree(path.parent)
    assert found(tmp_path) == {"vanished": 1}


def test_a_run_that_was_repeated_is_superseded(tmp_path):
    for take in range(3):
        made(Ledger(tmp_path), tmp_path, take=take)
    assert found(tmp_path) == {"superseded": 2}


@pytest.mark.parametrize("same_command", [True, False])
def test_an_older_record_that_is_put_back_does_not_pass(tmp_path, same_command):
    """Whoever repeats a training until it pleases keeps the one that pleased."""
    ledger = Ledger(tmp_path)
    path = made(ledger, tmp_path)
    before = path.read_bytes()
    made(ledger if same_command else Ledger(tmp_path), tmp_path, take=1)
    path.write_bytes(before)
    assert found(tmp_path) == {"vanished": 1}


def test_a_run_that_a_command_has_taken_away_is_removed(tmp_path):
    ledger = Ledger(tmp_path)
    path = made(ledger, tmp_path)
    seal = records.as_written(path).seal
    shutil.rmtree(path.parent)
    ledger.add(path.parent.name, "removed", seal)
    assert found(tmp_path) == {"removed": 1}


def test_two_commands_at_once_each_write_their_own_file(tmp_path):
    ledgers = [Ledger(tmp_path), Ledger(tmp_path)]

    def work(place):
        for seed in range(5):
            made(ledgers[place], tmp_path, seed=10 * place + seed)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(one.lines) for one in entries(tmp_path)) == [5, 5]
    assert found(tmp_path) == {}


@pytest.mark.parametrize("order", [("one", "two"), ("two", "one")])
def test_two_folders_that_are_merged_either_way_verify(tmp_path, order):
    """Each has runs of its own, and both made one of them."""
    for take, name in enumerate(("one", "two")):
        root = tmp_path / name
        made(Ledger(root), root, seed=take + 1)
        made(Ledger(root), root, seed=0, take=take)
    target = tmp_path / "merged"
    for name in order:
        shutil.copytree(tmp_path / name, target, dirs_exist_ok=True)
    assert found(target) == {"superseded": 1}
    made(Ledger(target), target, seed=5)
    assert found(target) == {"superseded": 1}
    shutil.rmtree(next(path.parent for path in target.rglob("result.json") if records.read(path).seed == 0))
    assert found(target) == {"vanished": 2}


def test_a_torn_last_line_is_dropped_and_said_and_the_rest_counts(tmp_path):
    ledger = Ledger(tmp_path)
    made(ledger, tmp_path)
    path = made(ledger, tmp_path, seed=1)
    (file,) = (tmp_path / FOLDER).iterdir()
    file.write_bytes(file.read_bytes()[:-40])
    assert found(tmp_path) == {"older": 1, "torn": 1}
    made(Ledger(tmp_path), tmp_path, seed=2)
    assert found(tmp_path) == {"older": 1, "torn": 1}
    shutil.rmtree(path.parent)
    assert found(tmp_path) == {"torn": 1}


def test_a_last_line_without_its_end_counts(tmp_path):
    made(Ledger(tmp_path), tmp_path)
    (file,) = (tmp_path / FOLDER).iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    assert found(tmp_path) == {}


def test_a_file_that_later_ones_name_can_be_neither_cut_nor_taken_away(tmp_path):
    first = Ledger(tmp_path)
    for seed in (0, 1):
        made(first, tmp_path, seed=seed)
    (file,) = (tmp_path / FOLDER).iterdir()
    made(Ledger(tmp_path), tmp_path, seed=2)
    whole = file.read_bytes()
    file.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    assert found(tmp_path) == {"edited": 1, "older": 1}
    file.unlink()
    assert found(tmp_path) == {"older": 1, "vanished": 1}
    file.write_bytes(whole)
    assert found(tmp_path) == {}


def test_lines_that_were_changed_or_change_places_do_not_pass(tmp_path):
    ledger = Ledger(tmp_path)
    for seed in range(3):
        made(ledger, tmp_path, seed=seed)
    (file,) = (tmp_path / FOLDER).iterdir()
    lines = file.read_bytes().splitlines(keepends=True)
    other = json.loads(lines[1])
    for changed in (
        [lines[0], lines[2], lines[1], lines[3]],
        [lines[0], lines[2], lines[3]],
        [lines[0], json.dumps({**other, "status": "failed"}).encode() + b"\n", *lines[2:]],
        [*lines, b"what is this\n"],
        lines[1:],
    ):
        file.write_bytes(b"".join(changed))
        assert "edited" in found(tmp_path)


def test_what_is_older_than_the_ledger_is_said_to_be(tmp_path):
    record = factories.record(seed=7, files={})
    records.write(record, tmp_path / record.task / record.run)
    assert found(tmp_path) == {"older": 1}
    made(Ledger(tmp_path), tmp_path)
    assert found(tmp_path) == {"older": 1}


def test_a_line_precedes_what_was_begun_after_it_and_nothing_else(tmp_path):
    first, second = Ledger(tmp_path), Ledger(tmp_path)
    made(first, tmp_path)
    made(second, tmp_path, seed=1)
    made(first, tmp_path, seed=2)  # when the second file was there
    ledger = entries(tmp_path)
    early = next(one.name for one in ledger if len(one.lines) == 2)
    late = next(one.name for one in ledger if len(one.lines) == 1)
    ledger = {one.name: one for one in ledger}
    assert precedes(ledger, (early, 0), (early, 1))
    assert precedes(ledger, (early, 0), (late, 0))
    assert not precedes(ledger, (early, 1), (late, 0))
    assert not precedes(ledger, (late, 0), (early, 1))


def test_a_ledger_that_cannot_be_written_is_said_in_one_line(tmp_path):
    (tmp_path / FOLDER).write_text("a file")
    with pytest.raises(StorageError, match=FOLDER):
        made(Ledger(tmp_path), tmp_path)


def test_a_results_folder_within_another_has_its_own_ledger(tmp_path):
    inner = tmp_path / "reference"
    path = made(Ledger(inner), inner)
    made(Ledger(tmp_path), tmp_path, seed=1)
    assert found(tmp_path) == found(inner) == {}
    shutil.rmtree(path.parent)
    assert found(tmp_path) == found(inner) == {"vanished": 1}


def test_the_place_of_a_hash_is_the_first_that_it_stands_at():
    assert Entries("a", hashes=["x", "y", "x"]).places == {"x": 0, "y": 1}


def test_a_command_of_very_many_runs_goes_on_in_another_file_before_one_is_too_large_to_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger_module, "MOST_BYTES", 1_000)
    ledger = Ledger(tmp_path)
    for number in range(9):
        ledger.add(f"run-{number}", "ok", f"{number:064}", test="t" * 64)
    known = entries(tmp_path)
    assert len(known) > 1
    assert times_scored(known, "t" * 64) == 9
    assert not any(one.faults or one.torn for one in known)
    lines = {line.run: (one.name, place) for one in known for place, line in enumerate(one.lines)}
    by_name = {one.name: one for one in known}
    assert all(precedes(by_name, lines["run-0"], lines[f"run-{number}"]) for number in range(1, 9))
    assert len(tips(known)) == 1
    max(tmp_path.glob("ledger/*"), key=lambda path: len(by_name[path.name].heads) == 0).unlink()
    assert "vanished" in found(tmp_path)
