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
from benchmark.records import external
from benchmark.records.estimate import Estimate
from benchmark.report.external import conclusion, external_markdown, grid_of, print_external, remarks
from benchmark.report.external_export import external_csv, external_json
from benchmark.report.shown import Comparison as Shown
from tests.externals import deciding, evaluation, recalibration, stored, stored_masks
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


@pytest.fixture
def again(tmp_path):
    """Makes tables of pipelines of three trainings, recalibrated on the first 60 images."""
    targets, groups = (np.arange(360) % 3 == 0).astype(int), np.arange(360)

    def made(*pipelines, shift=0.0):
        found = []
        for name, count in pipelines:
            for seed in range(3):
                place = tmp_path / f"{name}{seed}"
                logits = deciding(targets, range(70 + seed, 70 + 2 * seed + count)) - np.array([0.0, shift])
                own = {"pipeline": name, "seed": seed, "record": place.name, "trainings": [place.name]}
                found.append(Found(stored(place, targets, logits, groups, 60, **own), place))
        (table,) = external_tables(found, lambda: external_rows)
        return table

    return made


def test_the_rival_of_a_row_is_another_pipeline_and_not_what_recalibration_makes_of_it(again):
    table = again(("a+b+c", 20), ("d+e+f", 22), shift=1.2)
    first = next(row for row in table.rows if row.name == table.ranking.first)
    itself = next(row for row in table.rows if row.pipeline == first.pipeline and row is not first)
    assert (first.name, itself.name) == ("a+b+c · recalibrated on 60", "a+b+c")
    order, changed = conclusion(table).split(" Recalibrated on ")
    assert order.startswith("a+b+c · recalibrated on 60 stands first with ")
    assert "cannot be told apart from d+e+f · recalibrated on 60: its balanced-accuracy is higher by 0.007 [" in order
    change = first.value(table.metric) - itself.value(table.metric)
    assert changed.startswith(f"60 images, the balanced-accuracy of a+b+c changes by {change:+.3f} [0.")
    assert "cannot be told" not in changed


def test_recalibration_that_changes_no_decision_is_said_to_change_none(again):
    assert conclusion(again(("a+b+c", 20), ("d+e+f", 22))).endswith(
        " Recalibrated on 60 images, a+b+c decides the same on all 300."
    )


def test_a_pipeline_alone_is_held_against_what_recalibration_makes_of_it(again):
    table = again(("a+b+c", 20))
    assert "cannot be told apart from" in conclusion(table) and "Recalibrated on" not in conclusion(table)


def test_a_ranking_names_rows_as_programs_read_them(again):
    (shown,) = json.loads(external_json([again(("a+b+c", 20), ("d+e+f", 22))]))["external"]
    names = [row["name"] for row in shown["rows"]]
    assert len(set(names)) == 4 and shown["ranking"]["first"] == names[0]
    assert set(shown["ranking"]["tied"]) <= set(names)


@pytest.fixture
def segmenters(tmp_path):
    """A segmenter that two runs have in common, one that every seed trains anew, and one that is never trained."""
    rng, groups = np.random.default_rng(2), np.arange(120)
    dice = rng.uniform(0.85, 0.95, 120)
    found = []
    for name, seed, segmenter, add in [
        ("unet+a+b", 0, "f" * 64, 0.02), ("unet+a+b", 1, "f" * 64, 0.02),
        *(("own+a+b", seed, f"{seed}" * 64, 0.01 + seed / 500) for seed in range(5)),
        ("threshold+a+b", 0, "", 0.0),
    ]:  # fmt: skip
        place = tmp_path / f"{name}{seed}"
        noise = rng.normal(0, 0.01, 120) if segmenter != "f" * 64 else np.zeros(120)
        own = {"pipeline": name, "seed": seed, "record": place.name, "trainings": [place.name], "segmenter": segmenter}
        found.append(Found(stored_masks(place, (dice + add + noise).clip(0, 1), groups, **own), place))
    (table,) = external_tables(found, lambda: external_rows)
    return table


def test_what_is_never_trained_is_not_said_to_be_trained_once(segmenters):
    rows = {row.pipeline: row for row in segmenters.rows}
    once = "trained once: the spread of the other rows stands for its own."
    assert [text for text in remarks(segmenters) if once in text] == [f"unet+a+b: {once}"]
    standings = {name: row.standing.trainings for name, row in rows.items()}
    assert standings == {"unet+a+b": 1, "own+a+b": 5, "threshold+a+b": 0}


def test_what_is_never_trained_has_the_interval_over_images_alone(segmenters, tmp_path):
    row = next(row for row in segmenters.rows if row.pipeline == "threshold+a+b")
    recorded = external.read(tmp_path / "threshold+a+b0" / "external.json").masks["dice"]
    assert (row.standing.low, row.standing.high) == pytest.approx((recorded.low, recorded.high), abs=1e-6)


def test_what_is_never_trained_leads_where_it_is_better_on_these_images(tmp_path):
    groups, found = np.arange(120), []
    dice = np.random.default_rng(3).uniform(0.8, 0.9, 120)
    for name, seed, segmenter, add in [
        ("threshold+a+b", 0, "", 0.05), *(("unet+a+b", seed, f"{seed}" * 64, seed / 1000) for seed in range(3)),
    ]:  # fmt: skip
        place = tmp_path / f"{name}{seed}"
        noise = np.random.default_rng(seed).normal(0, 0.01, 120)
        own = {"pipeline": name, "seed": seed, "record": place.name, "segmenter": segmenter}
        found.append(Found(stored_masks(place, dice + add + noise, groups, **own), place))
    (table,) = external_tables(found, lambda: external_rows)
    assert table.ranking.leads and conclusion(table).startswith("threshold+a+b leads with ")
