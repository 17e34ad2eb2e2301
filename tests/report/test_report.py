import csv
import io
import json
import re
from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from benchmark.comparison.aggregates import Aggregate
from benchmark.comparison.compare import compare
from benchmark.comparison.tables import Comparison, Row
from benchmark.records.calibration import Threshold
from benchmark.records.estimate import CONSTANT, FEW_GROUPS, Estimate
from benchmark.records.record import Cost, Record
from benchmark.records.verdicts import Contender, FamilyTest, Standing, Verdict, Verdicts
from benchmark.report import captions, wording
from benchmark.report.conclusion import conclusion
from benchmark.report.details import print_run
from benchmark.report.export import to_csv, to_json
from benchmark.report.html import html
from benchmark.report.markdown import markdown
from benchmark.report.terminal import print_comparison
from tests import factories
from tests.factories import A, B, C, family

LONG = "none+densenet121[weights=none,trainable=false]+attention-pool"
CELL = re.compile(r"-?\d\.\d{3} \[-?\d\.\d{3}, -?\d\.\d{3}\]")


def runs() -> list[Record]:
    """A clear leader, a pipeline with a failed seed, one that failed throughout; sources unknown in a second table."""
    binary = [factories.record(0.954 + 0.005 * seed, pipeline=A, seed=seed) for seed in range(3)]
    binary += [factories.record(0.944 + 0.001 * seed, pipeline=B, seed=seed) for seed in (0, 2)]
    binary += [factories.failed("nan", pipeline=B, seed=1)]
    binary += [factories.failed("oom", pipeline=C, seed=seed) for seed in range(3)]
    labels = ("Normal", "COVID", "Viral Pneumonia", "Lung_Opacity")
    base = factories.record(0.81, task="multiclass", classes=labels, n=24)
    assert base.dataset
    blind = msgspec.structs.replace(base.dataset, sources={}, digest="a" * 64, notices=[], skipped=["x: empty"])
    undefined = {**base.metrics, "auroc": Estimate(None, n=24, note="one class only")}
    few = {**undefined, "macro-f1": Estimate(0.7, 0.4, 0.9, 6)}
    majority = {"majority": {"balanced-accuracy": Estimate(0.8, n=24)}}
    return [*binary, msgspec.structs.replace(base, dataset=blind, metrics=few, controls=majority)]


def founding() -> list[Record]:
    """Founding models, their vote and XGBoost on the features of one, run by three tasks; one question."""
    records = [factories.record(0.940, pipeline=A), factories.record(0.946, pipeline=B), factories.vote(0.955)]
    records.append(factories.vote(0.951, pipelines=(A, B, LONG)))
    boosted = {"task": "features-xgb", "map_method": "occlusion"}
    return [*records, factories.record(0.921, pipeline="unet+sepcnn+xgboost", **boosted), factories.failed(pipeline=C)]


def folded() -> list[Record]:
    """Cross-validations of five folds: two pooled, one unfinished, one that could not be pooled."""
    records = []
    for name, values in ((A, [0.90, 0.92, 0.94, 0.95, 0.93]), (B, [0.88, 0.90, 0.90, 0.91, 0.92])):
        single = factories.folds(values, pipeline=name, n=60)
        records += [*single, factories.pooled(single, sum(values) / 5)]
    records += (some := factories.folds([0.97, 0.98, 0.96], pipeline=C, k=5, n=60))
    records.append(factories.failed("oom", pipeline=C, fold=3, split=some[0].split))
    records += (all_five := factories.folds([0.8, 0.8, 0.8, 0.8, 0.7], pipeline=LONG, n=60))
    return [*records, factories.failed("data", pipeline=LONG, fold=None, split=all_five[0].split)]


def comparison() -> Comparison:
    return msgspec.structs.replace(
        compare(runs(), test=family(0.008)), left_out=["results/x/result.json is not a record (…)"]
    )


def screen(show: Callable[[Console], None], width: int, *, colour: bool = False) -> str:
    page = io.StringIO()
    show(Console(file=page, width=width, force_terminal=colour, color_system="standard" if colour else None))
    return page.getvalue()


@pytest.mark.parametrize("width", [80, 140])
def test_the_comparison_on_a_terminal(golden: Callable[[str, str], None], width: int) -> None:
    golden(f"comparison-{width}.txt", screen(lambda console: print_comparison(console, comparison()), width))


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize(("name", "made"), [("founding", founding), ("folded", folded)])
def test_votes_and_folds_on_a_terminal(
    golden: Callable[[str, str], None], width: int, name: str, made: Callable[[], list[Record]]
) -> None:
    found = compare(made(), test=family(0.011))
    golden(f"{name}-{width}.txt", screen(lambda console: print_comparison(console, found), width))


@pytest.mark.parametrize("width", [80, 120])
def test_differences_to_one_pipeline_on_a_terminal(golden: Callable[[str, str], None], width: int) -> None:
    found = compare(founding(), against=A, test=family(0.011))
    golden(f"against-{width}.txt", screen(lambda console: print_comparison(console, found), width))


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("vote", lambda: factories.vote(pipelines=(A, LONG))),
        ("ova-vote", factories.ova_vote),
        ("folds", lambda: factories.pooled(factories.folds([0.9, 0.92, 0.94]), 0.92)),
    ],
)
def test_a_run_with_members_on_a_terminal(
    golden: Callable[[str, str], None], name: str, made: Callable[[], Record]
) -> None:
    golden(f"run-{name}.txt", screen(lambda console: print_run(console, made()), 80))


@pytest.mark.parametrize("width", [80, 140])
def test_a_run_on_a_terminal(golden: Callable[[str, str], None], width: int) -> None:
    thresholds = {"specificity-95": Threshold(log_odds=0.4312, calibration_specificity=0.953, negatives=150)}
    calibration = msgspec.structs.replace(factories.record().calibration, thresholds=thresholds)
    shown = factories.record(pipeline=A, calibration=calibration)
    golden(f"run-{width}.txt", screen(lambda console: print_run(console, shown), width))


@pytest.mark.parametrize(("metric", "shown"), [("mcc", "mcc"), ("auroc", "balanced-accuracy")])
def test_a_run_shows_its_decisions_with_and_without_calibration_and_what_shrank_it(metric: str, shown: str) -> None:
    one = factories.record(0.932, metric=metric)
    prior = {"log_slope_sd": 0.7, "intercept_sd": 1.5}
    calibration = msgspec.structs.replace(one.calibration, prior=prior, groups=61)
    raw = {f"{name}@uncalibrated": Estimate(0.955, 0.9, 0.97, 300) for name in ("mcc", "balanced-accuracy")}
    record = msgspec.structs.replace(one, metrics=one.metrics | raw, calibration=calibration)
    text = screen(lambda console: print_run(console, record), 140)
    calibrated = wording.estimate(one.metrics[shown])
    assert f"Decisions by {shown}: calibrated {calibrated}, not calibrated 0.955 [0.900, 0.970].\n" in text
    assert "n 87, groups 61; priors around the identity: log slope sd 0.7, intercept sd 1.5.\n" in text
    assert "@uncalibrated" not in text  # nor twice, in the table
    line = next(csv.DictReader(io.StringIO(to_csv(compare([record])))))
    assert line["balanced-accuracy@uncalibrated"] == "0.955" and line["mcc@uncalibrated low"] == "0.9"
    rows = json.loads(to_json(compare([record])))["tables"][0]["rows"]
    assert rows[0]["metrics"]["mcc@uncalibrated"]["high"] == 0.97


def test_a_run_of_before_shows_no_decisions_without_calibration_and_no_prior() -> None:
    text = screen(lambda console: print_run(console, factories.record()), 140)
    assert "calibrated" not in text and "prior" not in text


def test_the_details_of_controls_say_what_each_saw_and_which_learner_was_taken() -> None:
    text = screen(lambda console: print_run(console, factories.controls({"majority": 0.5, "border": 0.831})), 140)
    assert "border    0.831 [0.811, 0.851]  what it sees" in text
    assert "  boosted trees; class-balanced log-loss on validation: boosted trees 0.3" in text


def test_a_failed_run_on_a_terminal(golden: Callable[[str, str], None]) -> None:
    golden("run-failed.txt", screen(lambda console: print_run(console, factories.failed("oom")), 80))


def test_the_comparison_as_markdown(golden: Callable[[str, str], None]) -> None:
    golden("comparison.md", markdown(comparison()))


def test_the_comparison_as_csv(golden: Callable[[str, str], None]) -> None:
    golden("comparison.csv", to_csv(comparison()))


def test_the_comparison_as_json(golden: Callable[[str, str], None]) -> None:
    golden("comparison.json", to_json(comparison()))


NAME = st.from_regex(r"[a-z]{1,12}\[[a-z]{1,9}=[0-9.]{1,8}(,[a-z]{1,9}=[0-9]{1,4}){0,4}\]", fullmatch=True)
PIPELINE = st.lists(NAME, min_size=3, max_size=3).map("+".join)
VOTE = st.lists(PIPELINE, min_size=1, max_size=4).map(lambda pipelines: f"soft({', '.join(pipelines)})")


@settings(deadline=None, max_examples=40)
@given(st.lists(PIPELINE | VOTE, min_size=1, max_size=4, unique=True), st.integers(48, 200))
def test_no_cell_is_cut_and_no_line_too_long_at_any_width(names: list[str], width: int) -> None:
    made = compare([factories.record(0.9 + 0.01 * k, pipeline=name) for k, name in enumerate(names)])
    lines = screen(lambda console: print_comparison(console, made), width).splitlines()
    assert max(map(len, lines)) <= width
    for row in made.tables[0].rows:
        value = wording.estimate(row.metrics["balanced-accuracy"])
        assert any(value in line for line in lines)


@pytest.mark.parametrize("width", [80, 140])
def test_every_interval_of_a_table_stands_whole_on_one_line(width: int) -> None:
    text = screen(lambda console: print_comparison(console, comparison()), width)
    table = [line for line in text.splitlines() if line.startswith(("unet+", "none+", "control:"))]
    for line in table:
        assert line.count("[") == line.count("]") == len(CELL.findall(line))


def test_long_names_are_folded_beside_their_numbers() -> None:
    name = "unet[width=16,depth=4]+xception[cut=45,weights=none,trainable=false]+sepconv[filters=128,dropout=0.25]"
    other = "unet+xception[cut=9,weights=imagenet,trainable=true]+sepconv"
    made = compare([factories.record(pipeline=name), factories.failed(pipeline=other)])
    text = screen(lambda console: print_comparison(console, made), 80)
    assert (
        "unet[width=16,depth=4]+  0.950 [0.930, 0.970]  300      1  0.940 [0.920, 0.960]\n"
        "  xception[cut=45,\n"
        "  weights=none,\n" in text
    )
    assert "unet+xception[cut=9,     failed\n" in text and "  sepconv\n  s0: nan at fit" in text


def test_where_nothing_fits_beside_them_names_stand_above_their_numbers() -> None:
    made = compare([factories.record(pipeline="a-backbone-with-a-name-that-nobody-would-give+dense")])
    text = screen(lambda console: print_comparison(console, made), 48)
    assert "a-backbone-with-a-name-that-nobody-would-give+\ndense\n  0.950 [0.930, 0.970]" in text


def test_cost_gives_way_before_other_metrics() -> None:
    made = compare([factories.record()])
    shown = {}
    for width in range(60, 200):
        text = screen(lambda console: print_comparison(console, made), width)
        header = text.split("\n\n")[1].split("─")[0]
        shown[width] = ("sensitivity" in header, "training" in header)
    assert shown[60] == (False, False)
    assert shown[199] == (True, True)
    metric_from = min(width for width, (metric, _) in shown.items() if metric)
    assert all(metric for width, (metric, _) in shown.items() if width >= metric_from)


def bold_rows(test: FamilyTest) -> list[str]:
    made = compare(runs()[:6], test=test)
    text = screen(lambda console: print_comparison(console, made), 140, colour=True)
    return [line for line in text.splitlines() if line.startswith("\x1b[1munet")]


def test_bold_is_the_first_and_what_cannot_be_told_apart_from_it() -> None:
    (line,) = bold_rows(family(0.002))
    assert re.findall(r"\x1b\[1m(.*?)\x1b\[0m", line) == ["unet+sepcnn+dense       0.959 [0.957, 0.961]"]
    assert len(bold_rows(family(0.02))) == 2
    assert bold_rows(lambda *_: Verdicts([], [], note="no predictions")) == []


def test_cells_on_fewer_than_ten_images_are_grey() -> None:
    made = compare([factories.record(n=9)])
    text = screen(lambda console: print_comparison(console, made), 140, colour=True)
    assert "\x1b[2m  0.950 [0.930, 0.970]" in text
    assert "Grey: images of fewer than ten groups." in re.sub(r"\x1b\[\d*m", "", text)


def test_a_cell_on_images_of_few_groups_is_grey_however_many_images() -> None:
    metrics = factories.record().metrics | {"balanced-accuracy": Estimate(0.95, 0.6, 1.0, 300, FEW_GROUPS)}
    text = screen(
        lambda console: print_comparison(console, compare([factories.record(metrics=metrics)])), 140, colour=True
    )
    assert "\x1b[2m  0.950 [0.600, 1.000]" in text


def test_a_metric_at_a_threshold_is_called_what_it_is() -> None:
    made = compare([factories.record()], metric="sensitivity@specificity-95")
    text = markdown(made)
    assert wording.metric("sensitivity@specificity-95") == "sensitivity at the threshold chosen for specificity .95"
    assert [wording.metric(name) for name in ("sensitivity", "auroc/COVID", "mcc@uncalibrated")] == [
        "sensitivity", "auroc/COVID", "mcc@uncalibrated",
    ]  # fmt: skip
    assert "| sensitivity at the threshold chosen for specificity .95 |" in text
    header = screen(lambda console: print_comparison(console, made), 140).partition("─")[0]
    assert all(words in header for words in ("sensitivity at the", "threshold chosen for", "specificity .95"))


def test_metrics_with_the_same_note_share_a_line() -> None:
    metrics = factories.record().metrics | {
        name: Estimate(0.5, 0.5, 0.5, 300, CONSTANT) for name in ("balanced-accuracy", "sensitivity")
    }
    row = compare([factories.record(metrics=metrics)]).tables[0].rows[0]
    found = wording.notes(row, ["balanced-accuracy", "sensitivity", "auroc"])
    assert found == ["balanced-accuracy, sensitivity: gives every image the same answer"]


def test_a_threshold_on_few_negatives_is_noted_in_the_details() -> None:
    note = "threshold chosen on negatives of fewer than 100 groups"
    thresholds = {"specificity-95": Threshold(log_odds=0.4, negatives=60, note=note)}
    one = factories.record()
    metrics = one.metrics | {"sensitivity@specificity-95": Estimate(0.8, 0.7, 0.9, 150, note)}
    shown = msgspec.structs.replace(
        one, metrics=metrics, calibration=msgspec.structs.replace(one.calibration, thresholds=thresholds)
    )
    text = screen(lambda console: print_run(console, shown), 140)
    assert "at the threshold chosen for specificity .95" in text and f"\n  {note}\n" in text
    assert "Threshold chosen for specificity .95: log odds 0.4" in text


def oracle_of(score: float) -> dict[str, dict[str, Estimate]]:
    return {
        "majority": {"balanced-accuracy": Estimate(0.5)},
        "source-oracle": {"balanced-accuracy": Estimate(score)},
    }


def test_a_source_rule_that_was_not_tested_is_named_where_it_is_no_worse() -> None:
    sentence = "A rule that knows only the source scores 1.000, no worse than unet+sepcnn+dense"
    assert sentence in conclusion(compare([factories.record(0.95, controls=oracle_of(1.0))]).tables[0])
    assert "only the source" not in conclusion(compare([factories.record(0.95, controls=oracle_of(0.6))]).tables[0])


def with_controls(value: float, **rules: float) -> str:
    """The sentences under one pipeline, trained three times, beside controls whose outputs are stored."""
    records = [factories.record(value, seed=seed) for seed in range(3)]
    (table,) = compare(records, test=family(0.02)).tables
    controls = [
        Row(rule, True, "ok", metrics={"balanced-accuracy": Aggregate(v, v, v, 300)}, verdict=verdict(v - value))
        for rule, v in rules.items()
    ]
    return conclusion(msgspec.structs.replace(table, rows=[table.rows[0], *controls]))


def verdict(gap: float) -> Verdict:
    return Verdict(gap, gap - 0.02, gap + 0.02)


def test_the_first_sentence_names_the_rules_that_the_first_is_not_better_than() -> None:
    text = with_controls(0.9, **{"majority": 0.5, "source-oracle": 1.0, "grey-histogram": 0.89})
    assert text.startswith(
        "No gain of unet+sepcnn+dense over a rule that knows only the source and a rule that sees only how often each "
        "grey level occurs can be shown: source-oracle scores 1.000, a difference of +0.100 [0.080, 0.120]."
    )


def test_a_control_that_decides_as_the_first_does_is_named_before_the_others() -> None:
    (table,) = compare([factories.record(1.0, seed=seed) for seed in range(3)], test=family(0.02)).tables
    same, near = (
        Row(rule, True, "ok", metrics={"balanced-accuracy": Aggregate(v, v, v, 300)}, verdict=one)
        for rule, v, one in (
            ("source-oracle", 1.0, Verdict(0.0, identical=True, n=300)),
            ("border", 0.99, verdict(-0.01)),
        )
    )
    assert conclusion(msgspec.structs.replace(table, rows=[table.rows[0], near, same])).startswith(
        "No gain of unet+sepcnn+dense over a rule that knows only the source and a rule that sees only the border of "
        "the frame can be shown: source-oracle scores 1.000, the same decision as unet+sepcnn+dense on all 300 images."
    )


def test_a_first_that_is_better_than_all_controls_is_said_to_be_so_and_by_how_much() -> None:
    text = with_controls(0.9, majority=0.5, border=0.8)
    assert "No gain" not in text
    assert "It is better than every control, than border (0.800) by 0.100 [0.080, 0.120]." in text


def test_rules_that_score_more_are_named_where_too_few_groups_allow_no_test() -> None:
    """A network of a few steps beside rules that were worked out, of which one is behind it."""
    scores = {"metadata": 0.75, "grey-histogram": 0.781, "border": 0.4}
    rules = {name: {"balanced-accuracy": Estimate(value, n=40)} for name, value in scores.items()}

    def text(**worse: float) -> str:
        found = {**rules, **{name: {"balanced-accuracy": Estimate(value, n=40)} for name, value in worse.items()}}
        table = compare([factories.record(0.438, controls=found)], test=untestable).tables[0]
        return conclusion(table)

    few = "fewer than 10 groups of COVID: no verdict"
    assert f"grey-histogram (0.781) and metadata (0.750) score more than {A} (0.438); not tested: {few}." in text()
    assert f"metadata (0.750) scores more than {A} (0.438); not tested: {few}." in text(**{"grey-histogram": 0.3})
    level = {"grey-histogram": 0.438, "metadata": 0.2}
    assert f"grey-histogram (0.438) scores no worse than {A} (0.438); not tested" in text(**level)
    assert "border" not in text() and "not tested" not in text(**{**level, "grey-histogram": 0.3}).partition("only")[0]


def untestable(contenders: Sequence[Contender], metric: str, reference: int, named: bool) -> Verdicts:
    """As of a table with fewer than ten groups."""
    note = "fewer than 10 groups of COVID: no verdict"
    return Verdicts([Standing()] * len(contenders), [Verdict(value=0.1, note=note)] * len(contenders), note=note)


def closing(gap: float, reach: float = 0.02, seeds: int = 2, against: str | None = None, **fields: object) -> str:
    records = [
        factories.record(value, pipeline=name, seed=seed)
        for name, value in ((A, 0.9), (B, 0.9 - gap))
        for seed in range(seeds)
    ]
    return conclusion(compare(records, against=against, test=family(reach, **fields)).tables[0])


def test_who_leads_is_said_with_the_difference_to_the_next() -> None:
    assert (
        f"{A} leads with 0.900 [0.870, 0.930] (corrected for being chosen among these rows): its balanced-accuracy is "
        f"higher than {B}'s by 0.050 [0.030, 0.070]." in (closing(0.05))
    )


def test_a_tie_says_what_would_show_the_difference() -> None:
    text = closing(0.01)
    assert (
        f"{A} stands first with 0.900 [0.870, 0.930] (corrected for being chosen among these rows), but cannot be told "
        f"apart from {B}: its balanced-accuracy is higher by 0.010 [-0.010, 0.030]." in text
    )
    assert (
        "a true difference of 0.028 between the two is found in about 80 % (of the squared error 64 % is the " in text
    )
    assert "as large as the one seen, 0.010, would take 3,102 test images and 18 trainings a row." in text
    assert "leads" not in text


def test_more_trainings_are_advised_where_they_would_do() -> None:
    text = closing(0.019, image_error=0.002, training_error=0.0097, training_variance=3 * 0.0097**2)
    assert "0.019, would take 7 trainings a row on these images." in text


def test_one_training_a_row_is_said_to_be_of_these_trainings_with_the_flag_that_helps() -> None:
    text = closing(0.05, seeds=1, these_trainings=True)
    assert f"{A} stands first" in text and "leads" not in text.replace("nothing leads", "")
    assert "Every row was trained once: what training again would change is not known, so nothing leads; " in text
    assert "--seeds 0,1,2 trains again" in text


def test_imported_predictions_are_not_said_to_be_trained_again_by_a_flag() -> None:
    spec = {"kind": "imported", "file": "theirs.csv"}
    pairs = ((A, 0.9), (B, 0.85))
    records = [msgspec.structs.replace(factories.record(value, pipeline=name), spec=spec) for name, value in pairs]
    table = compare(records, test=family(0.008, these_trainings=True)).tables[0]
    text = conclusion(table)
    assert "so nothing leads; bench import takes a file of each training." in text and "--seeds" not in text


def test_tables_of_one_title_are_told_apart() -> None:
    first = factories.record(0.9, pipeline=A)
    assert first.split and first.dataset
    other = msgspec.structs.replace(first, split=msgspec.structs.replace(first.split, digest="12345678" * 8))
    both = compare([first, other])
    titles = captions.titles(both.tables)
    images = f"{sum(first.dataset.counts.values()):,} images"
    plain = captions.title(both.tables[0])
    assert sorted(titles) == sorted(f"{plain}, {images}, split {one.split.digest[:8]}" for one in (first, other))
    assert captions.titles(both.tables[:1]) == [plain]
    shown = [screen(lambda console: print_comparison(console, both), 140), markdown(both), html(both)]
    assert all(title in text for title in titles for text in shown)


def test_a_row_without_a_training_has_no_hardware_that_forbids_comparing_times() -> None:
    trained = factories.record(0.9, pipeline=A, cost=Cost(training_s=9.0, hardware="one processor"))
    other = factories.record(0.9, pipeline=B, cost=Cost(training_s=9.0, hardware="another"))
    imported = factories.record(0.9, pipeline=B, cost=Cost(hardware="ONNX Runtime, 2 cores"))
    said = [captions.legend(compare([trained, one]).tables[0], ["training time"]) for one in (other, imported)]
    assert ["different hardware" in legend for legend in said] == [True, False]


def test_equal_decisions_are_called_the_same_on_all_images() -> None:
    same = {"low": None, "high": None, "p": None, "error": None, "minimum_detectable": None, "identical": True}
    text = closing(0.0, **same)
    assert f"cannot be told apart from {B}: the same decision on all 300 images." in text


def test_a_cheaper_row_that_loses_little_is_named() -> None:
    cost = factories.record().cost
    small = msgspec.structs.replace(cost, parameters=70_000)
    records = [factories.record(0.9, pipeline=A, seed=seed) for seed in (0, 1)]
    records += [factories.record(0.898, pipeline=B, seed=seed, cost=small) for seed in (0, 1)]

    def text(margin: float) -> str:
        return conclusion(compare(records, margin=margin, test=family(0.005)).tables[0])

    assert f"{B} (70 k parameters) is no worse by more than 0.01." in text(0.01)
    assert "no worse" not in text(0.006)


def test_a_pipeline_that_was_named_is_what_the_sentence_is_about() -> None:
    assert f"Against {B}, named before, with 0.850: {A} is better." in closing(0.05, against=B)
    assert f"Against {B}, named before, with 0.890: {A} cannot be told apart from it." in closing(0.01, against=B)


def test_a_table_without_the_pipeline_that_was_named_says_so() -> None:
    labels = ("Normal", "COVID", "Viral Pneumonia", "Lung_Opacity")
    records = [factories.record(pipeline=A), factories.record(task="multiclass", classes=labels, pipeline=B)]
    first, other = compare(records, against=A, test=family()).tables
    assert f"{A}, which was named, is not in this table." in conclusion(other)
    assert "which was named" not in conclusion(first)


def teaching(naive: float, oracle: float = 1.0, share: float = 0.6, enrichment: float = 10.0) -> str:
    """The closing sentence of a naive network beside a masked one, whose heat is spread otherwise."""
    controls = oracle_of(oracle)
    heat = {C: (share, enrichment), A: (0.01, 0.2)}
    records = [
        factories.record(
            value,
            pipeline=pipeline,
            controls=controls,
            gradcam={
                "marks-share/COVID": Estimate(heat[pipeline][0]),
                "marks-enrichment/COVID": Estimate(heat[pipeline][1]),
            },
        )
        for pipeline, value in ((C, naive), (A, 0.9))
    ]
    return conclusion(compare(records).tables[0])


def test_a_leader_that_looks_at_the_marks_where_the_source_tells_all_shows_nothing() -> None:
    assert teaching(0.99).endswith(
        f"{C} looks at the lettering and frame burnt into the films (60% of its heat for COVID, 10.0 times "
        f"chance), so its score is no sign that it sees the disease; {A}, with 1% there, scores 0.900."
    )


@pytest.mark.parametrize(
    "otherwise",
    [
        {"naive": 0.8},  # the other one leads
        {"naive": 0.99, "oracle": 0.9},  # it finds more than the source tells
        {"naive": 0.99, "oracle": 0.5},  # the source tells nothing
        {"naive": 0.99, "share": 0.1},
        {"naive": 0.99, "enrichment": 1.2},  # marks all over the film
    ],
)
def test_no_leader_is_said_to_look_at_the_marks_without_cause(otherwise: dict[str, float]) -> None:
    assert "lettering" not in teaching(**otherwise)


def test_where_every_row_looks_at_the_marks_none_is_held_up() -> None:
    maps = {"marks-share/COVID": Estimate(0.6), "marks-enrichment/COVID": Estimate(9.0)}
    oracle = {"source-oracle": {"balanced-accuracy": Estimate(1.0)}}
    records = [factories.record(v, pipeline=p, gradcam=maps, controls=oracle) for p, v in ((C, 0.99), (A, 0.9))]
    assert conclusion(compare(records).tables[0]).endswith("so its score is no sign that it sees the disease.")


def test_the_share_of_the_heat_on_the_marks_has_a_column_beside_that_of_the_anatomy() -> None:
    maps = {"marks-share/COVID": Estimate(0.62), "marks-enrichment/COVID": Estimate(9.0)}
    made = compare([factories.record(gradcam={**factories.record().gradcam, **maps}), factories.record(pipeline=B)])
    text = " ".join(screen(lambda console: print_comparison(console, made), 220).split())
    assert re.search("marks.*lung", text) and "0.62" in text
    assert "Marks share: the share of the maps' mass on lettering and frame burnt into the film" in text
    (first, *_) = csv.DictReader(io.StringIO(to_csv(made)))
    assert (float(first["marks-share"]), float(first["marks-enrichment"])) == (0.62, 9.0)


def test_where_the_class_with_the_most_heat_on_the_marks_is_not_the_same_in_all_runs_none_is_named() -> None:
    oracle = {"source-oracle": {"balanced-accuracy": Estimate(1.0)}}
    records = [
        factories.record(
            pipeline=C,
            seed=seed,
            controls=oracle,
            gradcam={f"marks-{kind}/{name}": Estimate(value) for kind, value in (("share", 0.6), ("enrichment", 9.0))},
        )
        for seed, name in enumerate(("COVID", "Non-COVID"))
    ]
    assert "60% of its heat for one class" in _naive_sentence(records)


def _naive_sentence(records: list[Record]) -> str:
    """The closing sentence where a masked pipeline stands second."""
    second = factories.record(0.9, pipeline=A, controls=records[0].controls)
    return conclusion(compare([*records, second]).tables[0])


def test_heat_outside_the_lungs_is_said_of_whatever_row_it_is() -> None:
    outside = {"lung-enrichment/COVID": Estimate(0.2), "lung-enrichment/Non-COVID": Estimate(1.8)}
    inside = {"lung-enrichment/COVID": Estimate(1.4), "lung-enrichment/Non-COVID": Estimate(1.8)}
    records = [factories.record(0.95, pipeline=A, gradcam=inside), factories.record(0.9, pipeline=B, gradcam=outside)]
    text = conclusion(compare(records).tables[0])
    assert f"the heat for a class lies outside the lungs of {B} (0.20 of an even spread, for COVID)." in text
    assert "outside the lungs" not in conclusion(compare(records[:1]).tables[0])


def test_where_a_control_is_not_beaten_no_control_is_said_to_be() -> None:
    assert "better than every control" not in with_controls(0.9, border=0.91, majority=0.5)


def test_at_eighty_columns_the_marks_are_seen_and_seeds_only_where_rows_differ_in_them() -> None:
    maps = {"marks-share/COVID": Estimate(0.62), "marks-enrichment/COVID": Estimate(9.0)}
    found = {**factories.record().gradcam, **maps}
    alike = [factories.record(pipeline=pipeline, gradcam=found) for pipeline in (A, B)]

    def header(records: list[Record]) -> str:
        text = screen(lambda console: print_comparison(console, compare(records)), 80)
        return " ".join(text.split("\n\n")[1].split("─")[0].split())

    assert "marks" in header(alike) and "seeds" not in header(alike)
    assert "seeds" in header([*alike, factories.record(pipeline=A, gradcam=found, seed=1)])


def test_unknown_sources_are_said_in_the_closing_sentence() -> None:
    base = factories.record()
    assert base.dataset
    blind = msgspec.structs.replace(base.dataset, sources={})
    sentence = conclusion(compare([factories.record(dataset=blind, controls={})]).tables[0])
    assert "Sources unknown, so nothing here excludes that the source was learnt." in sentence


def test_a_leader_no_better_than_the_largest_class_is_named() -> None:
    text = conclusion(compare([factories.record(0.51)], test=family(0.02)).tables[0])
    assert text.startswith("No gain of unet+sepcnn+dense over always answering the largest class can be shown")


def test_csv_holds_every_number_unrounded() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(comparison()))))
    third = 0.954 + (0.959 + 0.964 - 2 * 0.954) / 3
    assert float(rows[0]["balanced-accuracy"]) == pytest.approx(third, abs=1e-12)
    assert {row["status"] for row in rows} == {"ok", "partial", "failed", "not-computable"}


def test_json_has_the_promised_shape() -> None:
    document = json.loads(to_json(comparison()))
    for table in document["tables"]:
        assert {"task", "dataset", "split", "rows"} <= table.keys()
        for row in table["rows"]:
            assert {"pipeline", "control", "status", "seeds", "n", "metrics"} <= row.keys()
            for one in row["metrics"].values():
                assert {"value", "low", "high"} <= one.keys()


def test_markdown_cells_do_not_break_their_table() -> None:
    text = markdown(compare([factories.record(pipeline="a|b+c*d+e")]))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (wording.number(-0.0004), "0.000"),
        (wording.number(None), "–"),
        (wording.number(float("nan")), "–"),
        (wording.duration(61.5), "61.5 s"),
        (wording.duration(252), "4 min 12 s"),
        (wording.duration(3899.6), "1 h 05 min"),
        (wording.count(617_112), "617 k"),
        (wording.count(20_861_480), "20.9 M"),
        (wording.size(2_710_000), "2.7 MB"),
    ],
)
def test_numbers_are_short(shown: str, expected: str) -> None:
    assert shown == expected


def test_exported_costs_that_nobody_counted_are_none_and_no_0() -> None:
    cost = msgspec.structs.replace(factories.record().cost, trainable_parameters=0)  # as of a head that is no network
    unknown = msgspec.structs.replace(cost, parameters=0)
    records = [factories.record(pipeline=A, cost=cost), factories.record(pipeline=B, cost=unknown)]
    comparison = compare(records)
    rows = {row["pipeline"]: row["cost"] for row in json.loads(to_json(comparison))["tables"][0]["rows"]}
    found = {name: (one["parameters"], one["trainable_parameters"]) for name, one in rows.items() if name in (A, B)}
    assert found == {A: (cost.parameters, 0), B: (None, None)}


def test_a_calibration_error_that_a_perfect_model_always_shows_is_said_to_tell_nothing() -> None:
    assert wording.beside_perfect(Estimate(0.1, 0, 0.2, 60)) == "a perfect model of this size: 0.100, at most 0.200"
    few = wording.beside_perfect(Estimate(0.395, 0.0, 0.3950000000001, 6))  # each image is a bin of its own
    assert few == "of so few images, what a perfect model may show too"
