"""`bench verify` on what a command has left: a fresh run, the same again, a copy, a copy without its pictures."""

import json
import shutil

import pytest

from benchmark.records.ledger import entries
from tests.commands import Bench, once_run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    return once_run(tmp_path_factory)


def verify(bench: Bench, *arguments: object) -> tuple[int, dict]:
    told = bench.call("verify", *arguments, "--json")
    return told.returncode, json.loads(told.stdout)


def test_a_fresh_run_verifies_to_the_last_number(bench):
    code, found = verify(bench, bench.results)
    assert code == 0
    assert (found["trusted"], found["records"], found["recomputed"], found["lines"]) == (True, 2, 2, 2)  # controls too
    assert {(one["kind"], one["what"].partition(":")[0]) for one in found["findings"]} <= {
        ("unchecked", "statistics of heat maps")
    }
    assert len(found["heads"]) == 1


def test_a_run_that_is_found_is_no_line_of_the_ledger(bench):
    before = entries(bench.results)
    bench.run()
    assert entries(bench.results) == before
    (record,) = bench.records().values()
    (line,) = (line for line in before[0].lines if line.run == record["run"])
    assert len(before[0].lines) == 2  # that of the controls too
    assert (line.run, line.status, line.record, line.test) == (record["run"], "ok", record["seal"], record["test"])


def test_a_copy_elsewhere_verifies_and_names_what_was_left_out(bench, tmp_path):
    root = shutil.copytree(bench.results, tmp_path / "copy")
    for picture in root.rglob("*.png"):
        picture.unlink()
    code, found = verify(bench, root)
    assert code == 0
    assert {one["file"] for one in found["findings"] if one["kind"] == "left-out"} > {"curves.png", "mean-heat.png"}


def test_it_says_what_it_guards_against(bench):
    told = bench.call("verify", bench.results, BENCH_CACHE=str(bench.root / "another"))
    assert told.returncode == 0
    assert "accident and vanity, not an adversary" in " ".join(told.stdout.split())


def test_nothing_to_verify_is_said(bench, tmp_path):
    assert bench.call("verify", tmp_path).returncode == 3
    told = bench.call("verify", tmp_path / "nowhere")
    assert told.returncode == 2
    assert told.stderr.count("\n") == 1
