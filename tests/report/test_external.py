"""Evaluations on images of elsewhere as people and programs read them."""

import csv
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from benchmark.comparison.external import Found, external_tables
from benchmark.evaluation.external_rows import row_intervals
from benchmark.records.estimate import Estimate
from benchmark.report.external import external_csv, external_json, external_markdown, print_external
from tests.externals import evaluation, recalibration


@pytest.fixture
def tables():
    found = [
        evaluation(0.8, recalibration=recalibration()),
        evaluation(0.7, pipeline="none+sepcnn+dense", differences=[]),
    ]
    return external_tables([Found(one, Path(one.name)) for one in found], row_intervals)


def printed(tables, width=160):
    out = io.StringIO()
    print_external(Console(file=out, width=width), tables)
    return out.getvalue()


def test_a_table_says_what_was_mapped_left_out_shared_needed_and_which_subgroups_differ(tables):
    text = " ".join(printed(tables).split())
    for sentence in (
        "external · binary · elsewhere",
        "300 images in 280 groups of elsewhere (Non-COVID 225, COVID 75)",
        "covid → COVID, healthy → Non-COVID",
        "Left out, of no class: Hernia 4.",
        "unet+sepcnn+dense · recalibrated on 50",
        "-0.150 [-0.178, -0.122] 0.950",
        "films shared with training: 1 left out (identical images): theirs-1 = COVID-431.",
        "it takes of local images: 683 with COVID for the sensitivity, 400 without COVID for the specificity.",
        "unet+sepcnn+dense: balanced-accuracy differs by sex, F less M +0.250 [0.100, 0.400], simultaneous over 3",
        "none+sepcnn+dense: no two subgroups differ, of 3 pairs tested at once.",
        "sex: M 10",
    ):
        assert sentence in text


@pytest.mark.parametrize("width", [40, 80, 120, 250])
def test_no_line_is_wider_than_the_screen(tables, width):
    assert max(map(len, printed(tables, width).splitlines())) <= width


def test_what_does_not_fit_is_named(tables):
    assert "More columns at" in printed(tables, 100)
    assert "More columns" not in printed(tables, 300)


def test_markdown_has_every_column_and_subgroup(tables):
    text = external_markdown(tables)
    assert "| pipeline | balanced-accuracy | Δ to own test | own test |" in text
    assert "calibration-slope" in text and "| sex: M | 10 |" in text


def test_csv_has_a_line_per_row_unrounded(tables):
    rows = list(csv.DictReader(io.StringIO(external_csv(tables))))
    assert [row["recalibrated"] for row in rows] == ["50", "0", "0"]
    assert float(rows[1]["drop balanced-accuracy"]) == pytest.approx(-0.15)
    assert float(rows[1]["own test balanced-accuracy"]) == 0.95


def test_json_has_the_map_and_the_subgroups(tables):
    (table,) = json.loads(external_json(tables))["external"]
    assert table["mapping"] == {"covid": "COVID", "healthy": "Non-COVID"}
    assert [row["tested"] for row in table["rows"]] == [0, 3, 3]


def test_masks_are_a_table_of_their_own_kind():
    dice = {"dice": Estimate(0.924, 0.919, 0.929, 138), "implausible": Estimate(0.0, 0.0, 0.027, 138)}
    one = evaluation(kind="masks", masks=dice, metrics={}, drop={}, internal={}, subgroups=[], needed={}, notes=[])
    text = printed(external_tables([Found(one, Path())], row_intervals))
    assert "lung masks" in text and "0.924 [0.919, 0.929]" in text and "own test" not in text
