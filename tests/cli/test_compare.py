"""`bench compare` on records alone: which runs it shows, and where it writes what."""

import csv
import json
import re

import pytest

from benchmark.records.files import write
from tests import factories
from tests.factories import A, C

PIPELINES = (A, C)


@pytest.fixture
def results(tmp_path):
    """Two pipelines of three seeds, the second in another task's folder, and a rule beside them."""
    for pipeline in PIPELINES:
        for seed in range(3):
            one = factories.record(0.9 + seed / 100, pipeline=pipeline, seed=seed, test="a" * 64)
            write(one, tmp_path / "results" / "binary" / one.run)
    rules = factories.controls({"border": 0.6})
    write(rules, tmp_path / "results" / "binary" / rules.run)
    return tmp_path / "results"


@pytest.fixture
def compare(results, bench_in_process, monkeypatch, tmp_path):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "140")
    return lambda *arguments: bench_in_process("compare", results, *arguments)


def test_a_seed_that_is_left_out_is_counted_and_said_under_its_row(compare):
    code, out, err = compare("--where", "seed!=1")
    assert (code, err) == (0, "")
    assert out.startswith("2 of 6 runs left out by --where seed!=1.\n")
    assert "all pipelines: stands on fewer trainings: seed 1 left out by --where seed!=1" in " ".join(out.split())
    assert "control: border" in out and "Scored at least 6 times" in " ".join(out.split())
    told = json.loads(compare("--where", "seed!=1", "--json")[1])
    assert told["selected"] == "2 of 6 runs left out by --where seed!=1"
    code, out, err = compare("--where", "seed!=1", "--format", "csv")
    assert err == "bench: 2 of 6 runs left out by --where seed!=1\n"
    assert [row["seeds"] for row in csv.DictReader(out.splitlines()) if row["control"] == "False"] == ["0 2", "0 2"]


def test_without_filters_nothing_is_said_of_them(compare):
    out = compare()[1]
    assert "left out" not in out and "fewer trainings" not in out and "selected" not in json.loads(compare("--json")[1])


def test_what_filters_leave_nothing_of_is_one_line(compare):
    assert compare("--since", "1h") == (3, "", "bench: 6 of 6 runs left out by --since 1h, and nothing is left\n")
    assert compare("--since", "2025-01-01")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--where", "training.epoch=5"], "no setting named 'training.epoch'; did you mean training.epochs"),
        (["--where", "training.epochs"], "--where 'training.epochs' cannot be read"),
        (["--since", "soon"], "--since 'soon' is no length of time and no date"),
        (["--task", "bnary"], "no task named 'bnary'; did you mean binary"),
        (["--dataset", "x"], "no dataset named 'x'; known: phantom"),
        (["--against", "border"], "'border' is a control, which every row is tested with in any case"),
        (
            ["-o", "table.pdf"],
            "-o 'table.pdf' ends in .pdf, which is of no form; expected .txt, .md, .csv, .json, .html",
        ),
        (["-o", "table"], "-o 'table' ends in no suffix"),
        (["-o", "table.csv", "--format", "md"], "--format md contradicts the suffix of -o 'table.csv'"),
        (["-o", "table.csv", "--json"], "--json contradicts the suffix of -o 'table.csv'"),
        (["--json", "--format", "md"], "--json and --format md contradict each other"),
        (["--details", "-o", "table.txt"], "--details prints each run on the screen"),
    ],
)
def test_what_cannot_be_done_is_one_line(compare, arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = compare(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1) and said in err
    assert not list(tmp_path.glob("table*"))


@pytest.mark.parametrize("suffix", ["txt", "md", "csv", "json", "html", "HTML"])
def test_the_suffix_of_a_file_says_its_form(compare, tmp_path, suffix):
    path = tmp_path / "deep" / f"table.{suffix}"
    assert compare("-o", path) == (0, "", "")
    form = {"txt": "table"}.get(suffix, suffix.lower())
    assert path.read_text() == compare("--format", form)[1]


def test_a_document_is_whole_and_loads_nothing(compare):
    page = compare("--format", "html")[1]
    assert page.startswith(
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>binary · phantom</title>'
    )
    assert page.endswith("</body></html>\n") and page.count("<table>") == 1
    assert not re.search(r"<(script|link|img|iframe)|https?:|url\(", page)
