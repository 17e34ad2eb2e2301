"""Evaluations on images of elsewhere as people and programs read them."""

import csv
import io
import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from rich.console import Console

from benchmark.comparison.external import external_tables
from benchmark.comparison.external_tables import Found
from benchmark.evaluation import external_rows
from benchmark.records.estimate import Estimate
from benchmark.report.external import external_csv, external_json, external_markdown, grid_of, print_external
from benchmark.report.shown import Comparison as Shown
from tests.externals import deciding, evaluation, recalibration, stored
from tests.report.test_html import Reader


@pytest.fixture
def tables():
    found = [
        evaluation(0.8, recalibration=recalibration()),
        evaluation(0.7, pipeline="none+sepcnn+dense", differences=[]),
    ]
    return external_tables([Found(one, Path(one.name)) for one in found], lambda: external_rows)


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
    text = printed(external_tables([Found(one, Path())], lambda: external_rows))
    assert "lung masks" in text and "0.924 [0.919, 0.929]" in text and "own test" not in text


@pytest.fixture
def tested(tmp_path):
    """Two rows of three trainings, .92 and .80 of the images right, one of them recalibrated too; and a third alone."""
    targets, groups = (np.arange(300) % 3 == 0).astype(int), np.arange(300)
    found = []
    for name, start, count in (("a+b+c", 0, 20), ("d+e+f", 100, 60)):
        for seed in range(3):
            place = tmp_path / f"{name}{seed}"
            logits = deciding(targets, range(start + seed, start + 2 * seed + count))
            own = {"pipeline": name, "seed": seed, "record": place.name, "trainings": [place.name]}
            found.append(Found(stored(place, targets, logits, groups, **own), place))
    return external_tables(found, lambda: external_rows)


def test_rows_on_common_images_are_tested_at_once_and_who_leads_is_said(tested):
    (table,) = tested
    assert (table.ranking.first, table.ranking.leads, table.ranking.tied) == ("a+b+c", True, ["a+b+c"])
    text = " ".join(printed(tested).split())
    assert grid_of(table)[0][:4] == ["balanced-accuracy", "Δ to own test", "Δ to first", "own test"]
    assert "a+b+c leads with 0.9" in text and "its balanced-accuracy is higher than d+e+f's by 0." in text
    assert "Δ to first: 95 % simultaneous over 1 pair of rows, on the same images. Bold: leads." in text
    second = table.rows[1].verdict
    assert second.value == pytest.approx(table.rows[1].value(table.metric) - table.rows[0].value(table.metric))
    assert second.high < 0
    markdown = external_markdown(tested)
    assert "| **a+b+c** | **0.9" in markdown and "| d+e+f | 0." in markdown and "leads with" in markdown
    first, other = csv.DictReader(io.StringIO(external_csv(tested)))
    assert first["difference to first"] == "" and float(other["difference to first high"]) == second.high
    (shown,) = json.loads(external_json(tested))["external"]
    assert shown["ranking"]["leads"] is True and shown["rows"][1]["verdict"]["p"] < 0.05


def test_of_one_training_each_nothing_leads(tmp_path):
    targets, groups = (np.arange(300) % 3 == 0).astype(int), np.arange(300)
    found = []
    for name, count in (("a+b+c", 20), ("d+e+f", 100)):
        one = stored(tmp_path / name, targets, deciding(targets, range(count)), groups, pipeline=name, record=name)
        found.append(Found(one, tmp_path / name))
    text = " ".join(printed(external_tables(found, lambda: external_rows)).split())
    assert "a+b+c stands first with" in text and "Every row was trained once" in text and "nothing leads" in text


def test_the_calibration_error_stands_beside_what_a_perfect_model_shows(tested):
    (table,) = tested
    row = table.rows[0]
    error, floor = row.metrics["ece"].value, row.metrics["ece-floor"]
    expected = f"a+b+c: ece {error:.3f} (a perfect model of this size: {floor.value:.3f}, at most {floor.high:.3f})."
    assert expected in " ".join(printed(tested, 400).split())


def test_tables_of_elsewhere_stand_in_a_notebook_too(tested):
    shown = Shown([], external=tested)
    read = Reader(shown._repr_html_())
    text = " ".join(" ".join(read.texts).split())
    assert "external · binary · elsewhere" in text and "a+b+c leads with" in text and "sex: M" in text
    assert read.bold == ["external · binary · elsewhere", "a+b+c"] and read.tags.count("table") == 3
    assert "nothing to compare" not in text
    assert "a+b+c leads with" in " ".join(str(shown).split())


def test_names_of_elsewhere_are_escaped_in_a_notebook():
    evil = "<script>alert('x')</script>&"
    one = evaluation(pipeline=evil, notes=[evil], recalibration=recalibration())
    one = msgspec.structs.replace(one, dataset=msgspec.structs.replace(one.dataset, name=evil, notices=[evil]))
    page = Shown([], external=external_tables([Found(one, Path())], lambda: external_rows))._repr_html_()
    assert "<script" not in page and Reader(page).texts.count(evil) >= 2
