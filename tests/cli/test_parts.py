"""Datasets that come in parts, from the command line."""

import json

import pytest

from tests import xrays
from tests.commands import TINY, Bench
from tests.data.test_copies import crop, film

pytestmark = pytest.mark.slow


@pytest.fixture
def bench(tmp_path):
    """Films of two labels in parts; a crop of a film of the test part, and a patient of it, are in training too."""
    for part, count in (("train", 10), ("test", 5)):
        for number, label in enumerate(("Normal", "COVID")):
            for n in range(count):
                place = tmp_path / "data" / part / label
                xrays.write(
                    place / f"person{1000 * number + 100 * count + n}_virus_1.png", film(100 * count + 50 * number + n)
                )
    test = tmp_path / "data" / "test" / "COVID"
    xrays.write(tmp_path / "data" / "train" / "COVID" / "person7_virus_1.jpg", crop(film(551), 0.85))
    xrays.write(test / "person7000_virus_2.png", film(1))
    xrays.write(tmp_path / "data" / "train" / "COVID" / "person7000_virus_3.png", film(2))
    (tmp_path / "parts.toml").write_text(
        TINY.replace('"dense"', '"scikit-learn[classifier=GaussianNB]"').replace(
            "[images]", '[features]\nhead = "none"\n\n[images]'
        )
    )
    return Bench(tmp_path)


def test_parts_that_leak_are_refused_unless_somebody_says_what_to_do(bench):
    data = ("--task", bench.root / "parts.toml", "--data", bench.root / "data", "--set", "split.parts=given")
    told = bench.call("run", *data, "-o", bench.results)
    assert told.returncode == 4, told.stdout + told.stderr
    planned = bench.call("run", *data, "-o", bench.results, "--plan")
    assert planned.returncode == 4
    for said in (told.stderr, planned.stderr):
        assert "1 of 22 images outside the test part is of a patient or a file that is in it too" in said
        assert "person7000_virus_3 and test/COVID/person7000_virus_2" in said
    dropped = bench.run(
        "--data", bench.root / "data", *data[4:], "--set", "split.leaks=drop", task=bench.root / "parts.toml"
    )
    assert "left out" in dropped
    (record,) = bench.records().values()
    assert record["split"]["left_out"] == 2
    assert record["split"]["parts"] == "given"
    assert sum(record["split"]["counts"]["test"].values()) == 11
    assert record["split"]["copies"] == {"pairs": 1, "groups": 1, "films": 2, "largest": 2}
    assert record["training"]["stage_duration_s"]["copies"] > 0


def test_where_copies_alone_leak_a_plan_says_that_nobody_looked_and_the_run_stops(bench):
    (bench.root / "data" / "train" / "COVID" / "person7000_virus_3.png").unlink()
    data = ("--task", bench.root / "parts.toml", "--data", bench.root / "data", "--set", "split.parts=given")
    planned = bench.call("run", *data, "-o", bench.results, "--plan")
    assert planned.returncode == 0, planned.stderr
    assert "No copies of films were looked for, only patients and files" in planned.stdout
    assert "looked for" in json.loads(bench.call("run", *data, "--plan", "--json").stdout)["note"]
    told = bench.call("run", *data, "-o", bench.results)
    assert told.returncode == 4, told.stdout + told.stderr
    assert "1 of 21 images outside the test part" in told.stderr
    assert "0 by patient or as identical images, 1 as crops or re-encodings" in told.stderr
    free = bench.call("run", *data, "--set", "split.leaks=drop", "-o", bench.results, "--plan")
    assert free.returncode == 0 and "looked for" not in free.stdout
