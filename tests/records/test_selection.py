"""Which runs flags mean, and what is said of those that they leave out."""

from datetime import UTC, datetime

import msgspec
import pytest

from benchmark.records.record import Record
from benchmark.records.selection import Selecting, Selection, parse_condition
from registry.errors import ConfigError, UnknownNameError
from registry.published import taken_for
from tests import factories


def meets(record: Record, *texts: str) -> bool:
    return Selecting(Selection(conditions=tuple(map(parse_condition, texts))))(record)


@pytest.mark.parametrize(
    "text",
    [
        "seed=0", "fold=0", "training.batch_size=32", "training.batch_size = 32.0", "training.learning_rate=1e-3",
        "training.epochs>=16", "training.epochs<17", "training.epochs!=15", "backbone.name=sepcnn", "backbone=sepcnn",
        "backbone.width=16", "backbone.options.width>15", "runtime.deterministic=false", "runtime.threads=none",
        "status=ok", "pipeline=unet+sepcnn+dense", "classes.Non-COVID=Normal,Viral Pneumonia,Lung_Opacity",
    ],
)  # fmt: skip
def test_a_run_meets_what_its_settings_say(text: str) -> None:
    assert meets(factories.record(), text)


@pytest.mark.parametrize(
    "text",
    [
        "seed=1", "seed!=0", "training.batch_size=3", "training.epochs>16", "backbone.name=unet", "backbone.name<3",
        "training=32", "voter.name=soft", "voter.name!=soft", "training.nothing=1", "runtime.threads<2",
        "status=failed",
    ],
)  # fmt: skip
def test_a_run_does_not_meet_another_value_nor_a_setting_that_it_lacks(text: str) -> None:
    assert not meets(factories.record(), text)


def test_all_conditions_are_met() -> None:
    assert meets(factories.record(), "seed=0", "training.epochs=16")
    assert not meets(factories.record(), "seed=0", "training.epochs=17")


def test_a_vote_meets_what_all_of_its_members_meet() -> None:
    vote = factories.vote()
    assert meets(vote, "voter=soft", "training.epochs=16", "segmenter=unet")
    assert not meets(vote, "backbone=sepcnn") and not meets(vote, "backbone!=sepcnn")  # sepcnn, and xception


@pytest.mark.parametrize("text", ["training.epochs", "=3", "", "!", "training.epochs<few", "a>=b"])
def test_what_cannot_be_read_is_one_line(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^--where [^\n]*$"):
        parse_condition(text)


def made(created: str) -> Record:
    return msgspec.structs.replace(factories.record(), created=created)


def test_runs_are_selected_by_when_they_were_made() -> None:
    since = Selection(since=datetime(2026, 1, 31, 12, tzinfo=UTC), since_text="x")
    taken = ["2026-01-31T12:00:00Z", "2026-01-31T11:30:00-02:00", "2026-01-31T12:30:00", "2027-01-01T00:00:00+00:00"]
    left = ["2026-01-31T11:59:59+00:00", "2026-01-31T12:30:00+02:00", "", "yesterday"]
    assert [Selecting(since)(made(text)) for text in taken + left] == [True] * 4 + [False] * 4
    before = msgspec.structs.replace(since, since=None, before=since.since)
    assert [Selecting(before)(made(text)) for text in taken + left] == [False] * 4 + [True, True, False, False]


def test_what_was_left_out_is_counted_by_the_first_flag_that_does_it() -> None:
    selecting = Selecting(Selection(tasks=("binary",), conditions=(parse_condition("seed=0"),)))
    runs = [factories.record(seed=seed) for seed in range(3)] + [factories.record(task="other", seed=9)]
    assert [one.seed for one in [*runs, factories.controls({"border": 0.5})] if selecting(one)] == [0, 0]
    assert selecting.line == "3 of 4 runs left out: 2 by --where seed=0, 1 by --task binary"
    assert list(selecting.lacking.values()) == [
        {(seed, 0): "--where seed=0" for seed in (1, 2)} | {(9, 0): "--task binary"}
    ]
    selecting.check()
    only = Selecting(Selection(failed=True))
    assert not only(runs[0]) and only.line == "1 of 1 run left out by --failed"
    assert only(factories.failed())


def test_nothing_is_counted_where_everything_is_meant() -> None:
    selecting = Selecting(Selection())
    assert selecting(factories.record()) and (selecting.seen, selecting.line) == (0, "")


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        (Selection(tasks=("binry",)), "no task named 'binry'; did you mean binary"),
        (Selection(datasets=("phantoms",)), "no dataset named 'phantoms'; did you mean phantom"),
        (
            Selection(conditions=(parse_condition("training.epoch=5"),)),
            "setting named 'training.epoch'; did you mean tra",
        ),
        (
            Selection(conditions=(parse_condition("backbone.widt=5"),)),
            "named 'backbone.widt'; did you mean backbone.width",
        ),
    ],
)
def test_what_no_run_has_is_refused_with_the_nearest_names(selection: Selection, said: str) -> None:
    selecting = Selecting(selection)
    selecting(factories.record())
    with pytest.raises(UnknownNameError, match=said):
        selecting.check()


def test_a_time_that_leaves_nothing_out_is_said_to_have_been_applied():
    since = datetime(2020, 1, 1, tzinfo=UTC)
    selecting = Selecting(Selection(since=since, since_text="1h"))
    assert selecting(factories.record()) and selecting.line == "none of 1 run left out by --since 1h"


def test_a_folder_taken_for_a_published_dataset_is_told_and_no_other():
    assert "--dataset folder if it is another" in taken_for("covid-radiography")
    assert taken_for("folder") == ""
