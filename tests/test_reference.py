"""The results that are committed: whole, the same in every table, and nothing in them that is not for everyone's eyes.

The first reference records are kept as `tests/reference_schema_1`, and their tables, as they were first printed, in
`tests/golden/reference.json` and `.csv`; a name that changes is a line in `tests/perf/same/translation.py`.
"""

import csv
import io
import json
import math
import re
from pathlib import Path

import msgspec
import numpy as np
import pytest

from benchmark.comparison.compare import compare
from benchmark.records.files import read, scan, verify
from tests.perf.gpu import reference
from tests.perf.same.reading import flat
from tests.perf.same.translation import renamed

REFERENCE = Path(__file__).parent.parent / "results" / "reference"
FIRST = Path(__file__).parent / "reference_schema_1"
GOLDEN = Path(__file__).parent / "golden"
RULES, UNCOUNTED = ("majority", "source-oracle"), ("parameters", "trainable_parameters", "model_bytes")  # 0, now null
REPLACED = ("leader", "against")  # what was said of the order of rows, before all were tested at once
PICTURES = {"curves.png", "mean-heat.png", "trials.png"}  # drawn from numbers: no radiograph, and nothing over one
KINDS = {".json", ".jsonl", ".csv", ".npz", ".png", ".keras", ".md", ".toml"}


def test_every_record_is_as_it_was_sealed():
    records = list(REFERENCE.rglob("result.json"))
    assert len(records) > 3
    for path in records:
        assert verify(path).status == "ok"


def test_every_record_is_understood_to_the_last_field():
    """Written again by today's structs, it has the same seal."""
    for path in REFERENCE.rglob("result.json"):
        assert verify(read(path)).run == path.parent.name


def test_a_comparison_has_a_first_row_and_says_what_it_stands_on():
    found = compare(record for _, record in scan(REFERENCE))
    table = next(table for table in found.tables if "binary" in table.tasks)
    assert table.ranking is not None
    assert table.dataset.name == "covid-radiography"
    assert any("source" in notice.lower() for notice in table.dataset.notices)


@pytest.mark.parametrize(("form", "fewest"), [("json", 800), ("csv", 700)])
def test_bench_compare_prints_the_values_that_it_always_has(bench_in_process, form, fewest):
    code, text, _ = bench_in_process("compare", FIRST, "--format", form)
    assert code == 0
    golden = numbers(form, (GOLDEN / f"reference.{form}").read_text(encoding="utf-8"))
    found, expected = numbers(form, text), {name: one for name, one in golden.items() if not {*REPLACED} & {*name}}
    assert len(expected) > fewest
    assert expected.keys() <= found.keys()
    different = {name for name, value in expected.items() if not close(found[name], value)}
    if form == "json":
        uncounted = {name for name in different if name[3] in RULES and name[5] in UNCOUNTED}
        assert len(uncounted) == len(RULES) * len(UNCOUNTED) and not any(found[name] for name in uncounted)
        different -= uncounted
    assert not different, [(name, found[name], expected[name]) for name in sorted(different)[:5]]


def numbers(form, text):
    """Name in today's words -> number, or none, of a printed comparison."""
    content = json.loads(text) if form == "json" else [numeric(row) for row in csv.DictReader(io.StringIO(text))]
    values = {renamed("comparison", name): leaf for name, leaf in flat(content)}
    return {
        (*name, place): value
        for name, leaf in values.items()
        for place, value in enumerate(leaf if isinstance(leaf, list) else [leaf])
        if not isinstance(value, (str, dict))
    }


def close(one, other):
    return one is other or (None not in (one, other) and math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12))


def numeric(row):
    return {key: float(cell) if re.fullmatch(r"-?[\d.]+(e-?\d+)?", cell) else cell for key, cell in row.items()}


def test_no_radiograph_is_among_the_files():
    files = [path for path in REFERENCE.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= KINDS
    assert {path.name for path in files if path.suffix == ".png"} <= PICTURES
    assert not {"gallery.json", "gradcam.json"} & {path.name for path in files}  # they hold pictures
    assert not {"gallery.json", "gradcam.json"} & {*reference.PUBLISHED}
    for path in (path for path in files if path.suffix == ".npz"):
        with np.load(path, allow_pickle=False) as stored:
            assert all(stored[name].ndim <= 2 for name in stored)
            assert all(stored[name].shape[-1] < 16 or stored[name].ndim == 1 for name in stored)


def test_no_record_names_a_place_on_somebodys_disk():
    for path in REFERENCE.rglob("*.json*"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r'"/[a-z]+/', text), path
        if path.name == "result.json":
            assert not Path(msgspec.json.decode(text)["spec"]["dataset"]["root"]).is_absolute()


def test_all_of_it_is_small():
    sizes = [path.stat().st_size for path in REFERENCE.rglob("*") if path.is_file()]
    assert max(sizes) < 3_000_000
    assert sum(sizes) < 20_000_000


def test_git_turns_no_line_ends_of_results():
    """A record's seal and the digests of its files are of bytes."""
    rules = (REFERENCE.parent / ".gitattributes").read_text(encoding="utf-8").splitlines()
    assert rules == ["* -text"]
