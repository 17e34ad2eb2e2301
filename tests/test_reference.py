"""The results that are committed: whole, and nothing in them that is not for everyone's eyes."""

import re
from pathlib import Path

import msgspec
import numpy as np

from benchmark.comparison.compare import compare
from benchmark.records.files import read, scan, verify

REFERENCE = Path(__file__).parent.parent / "results" / "reference"
PICTURES = {"curves.png", "mean-heat.png", "trials.png"}  # drawn from numbers: no film, and nothing over one
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


def test_a_comparison_has_a_leader_and_says_what_it_stands_on():
    found = compare(record for _, record in scan(REFERENCE))
    table = next(table for table in found.tables if "binary" in table.tasks)
    assert table.lead is not None
    assert table.dataset.name == "covid-radiography"
    assert any("source" in notice.lower() for notice in table.dataset.notices)


def test_no_film_is_among_the_files():
    files = [path for path in REFERENCE.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= KINDS
    assert {path.name for path in files if path.suffix == ".png"} <= PICTURES
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
