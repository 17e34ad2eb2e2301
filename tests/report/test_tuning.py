"""What is printed of a search, and of what it cost beside a score."""

import csv
import io
import json

import msgspec
import pytest

from benchmark.comparison.compare import compare
from benchmark.records.differences import Difference
from benchmark.records.estimate import Estimate
from benchmark.records.training import TrainingInfo
from benchmark.report.details import print_run
from benchmark.report.export import to_csv, to_json
from benchmark.report.markdown import markdown
from benchmark.report.terminal import print_comparison
from benchmark.report.tuning import print_report
from benchmark.tuning.report import TuningReport, side_of
from tests import factories
from tests.factories import A, B
from tests.report.test_report import screen

COST = ("trials", "unfinished", "s", "default_stayed")
VALIDATION = Difference(0.021, -0.002, 0.044, 0.08, 0.033, 90)
TEST = Difference(0.011, -0.006, 0.028, 0.2, 0.024, 300)


def side(value, loss, **changes):
    return side_of(factories.record(value, training=TrainingInfo(val_loss=loss), **changes))


def report(**changes):
    found = TuningReport(
        tuned=factories.tuned(),
        metric="balanced-accuracy",
        changed={"training.learning_rate": [0.001, 0.00231], "augmentation.flips": ["both", "anatomical"]},
        default=side(0.940, 0.271),
        best=side(0.951, 0.248, pipeline="unet+sepcnn+dense"),
        validation=VALIDATION,
        test=TEST,
        file="results/tuning/binary/unet-sepcnn-dense-hyperband-0a1b2c3d/tuned.toml",
        folder="results/tuning/binary/unet-sepcnn-dense-hyperband-0a1b2c3d",
        again="bench run --task results/tuning/binary/unet-sepcnn-dense-hyperband-0a1b2c3d/tuned.toml",
    )
    return msgspec.structs.replace(found, **changes)


def printed(found, width=140):
    return screen(lambda console: print_report(console, found), width)


@pytest.mark.parametrize("width", [80, 140])
def test_what_a_search_found_on_a_terminal(golden, width):
    golden(f"tuned-{width}.txt", printed(report(), width))


def test_where_no_trial_beat_the_default_it_stays(golden):
    stayed = {"tuned": factories.tuned(stayed=True), "best": None, "validation": None, "test": None, "changed": {}}
    golden("tuned-default.txt", printed(report(**stayed), 100))


def test_trials_that_have_not_ended_stand_beside_those_that_failed():
    text = " ".join(printed(report(tuned=factories.tuned(finished=3, unfinished=2))).split())
    assert "hyperband tuned unet+sepcnn+dense: 6 trials (1 failed, 2 unfinished), 58 epochs, 5 min 12 s on" in text


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"test": TEST}, "the tuned settings are ahead, not statistically significant (paired bootstrap over groups"),
        (
            {"test": Difference(0.02, 0.004, 0.03)},
            "the tuned settings are significantly better than the default (paired",
        ),
        ({"test": Difference(-0.02, -0.03, -0.004)}, "the default wins: the tuned settings are significantly worse ("),
        ({"test": Difference(-0.01, -0.03, 0.004)}, "the default is ahead, not statistically significant (paired"),
        (
            {"metric": "log-loss", "test": Difference(-0.02, -0.03, -0.01)},
            "the tuned settings are significantly better",
        ),
        ({"test": Difference(None, note="no predictions.npz of x")}, "not testable (no predictions.npz of x)"),
        ({"default": side(0.94, 0.2)}, "Trained to the end, the default has the lower loss on validation."),
    ],
)
def test_the_verdict_follows_the_interval_on_test(changes, text):
    assert text in " ".join(printed(report(**changes)).split())


def test_a_run_that_failed_has_its_cause_in_the_verdict():
    failed = side_of(factories.failed("oom"))
    text = " ".join(printed(report(best=failed, validation=None, test=None)).split())
    assert "failed when it was trained to the end: oom at fit: the machine had no memory left" in text


def test_a_report_is_json():
    text = msgspec.to_builtins(report())
    assert text["test"]["value"] == 0.011
    assert text["tuned"]["trials"] == 6


def tuned_and_not():
    one = factories.record(0.954, pipeline=A, tuned=factories.tuned())
    return compare([one, factories.record(0.940, pipeline=B)], test=factories.family(0.01))


def test_compare_shows_what_a_search_cost_beside_the_score(golden):
    golden("tuned-compare-140.txt", screen(lambda console: print_comparison(console, tuned_and_not()), 140))


def test_every_format_has_the_cost_of_a_search_where_some_row_has_it():
    comparison = tuned_and_not()
    rows = {row["pipeline"]: row for row in csv.DictReader(io.StringIO(to_csv(comparison)))}
    text = {name: [row[f"tuning_{column}"] for column in COST] for name, row in rows.items() if name in (A, B)}
    assert text == {A: ["6", "0", "312.4", "False"], B: [""] * 4}
    text = {row["pipeline"]: row.get("tuning") for row in json.loads(to_json(comparison))["tables"][0]["rows"]}
    assert text[A]["trials"] == 6
    assert text[B] is None
    assert "6 trials · 5 min 12 s" in markdown(comparison)


@pytest.mark.parametrize("stayed", [False, True])
def test_where_the_default_stayed_every_format_says_so_beside_what_the_search_cost(stayed):
    record = factories.record(0.954, pipeline=A, tuned=factories.tuned(stayed=stayed, finished=4, unfinished=1))
    comparison = compare([record, factories.record(0.940, pipeline=B)], test=factories.family(0.01))
    screened = screen(lambda console: print_comparison(console, comparison), 200)
    cell = "6 trials (1 unfinished) · 5 min 12 s"
    for table in (screened, markdown(comparison)):
        assert cell in table
        assert (f"{cell} · default stayed" in table) is stayed
        assert ("default stayed: none was better" in " ".join(table.split())) is stayed
    row = next(row for row in csv.DictReader(io.StringIO(to_csv(comparison))) if row["pipeline"] == A)
    assert [row[f"tuning_{column}"] for column in COST] == ["6", "1", "312.4", str(stayed)]
    details = " ".join(screen(lambda console: print_run(console, record), 140).split())
    assert ("Default settings, which no trial beat, searched by hyperband" in details) is stayed


def test_no_format_speaks_of_tuning_where_nobody_searched():
    comparison = compare([factories.record(0.940, pipeline=B)], test=factories.family(0.01))
    text = to_csv(comparison) + to_json(comparison) + markdown(comparison)
    assert "tuning" not in text.lower()
    assert "tuning" not in screen(lambda console: print_comparison(console, comparison), 200).lower()


def test_the_details_of_a_run_tell_its_search():
    text = " ".join(screen(lambda console: print_run(console, factories.record(tuned=factories.tuned())), 140).split())
    assert "Settings found by hyperband (6 trials · 5 min 12 s on 2 cores of an Example CPU, 58 epochs; " in text
    assert "loss on validation: default 0.312, best 0.287): training.learning_rate 0.00231" in text


def test_a_side_takes_its_numbers_from_the_record():
    found = side(0.95, 0.25)
    assert (found.loss, found.failure) == (0.25, "")
    assert isinstance(found.value, Estimate)
