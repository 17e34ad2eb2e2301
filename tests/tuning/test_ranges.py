"""What is searched: declared ranges, narrowed or fixed by a task's table and by flags."""

import msgspec
import pytest

from benchmark.tasks.schema import Component, Span, Tuning
from benchmark.tasks.settings import found_by, setting, with_settings
from benchmark.tuning.ranges import space_of
from registry.errors import ConfigError, UnknownNameError
from registry.options import Option, Range
from tests.factories import tuned
from tests.specs import spec

OPTIONS = {
    "unet": (Option("filters", 8, ("int",), (), Range(4, 64, step=4)), Option("dropout", 0.0, ("float",))),
    "sepcnn": (
        Option("filters", 16, ("int",), (), Range(8, 64, step=8)),
        Option("kernel_size", 3, ("int",), (), Range(3, 7, step=2)),
    ),
    "dense": (Option("units", 224, ("int",)), Option("dropout", 0.2, ("float",), (), Range(0, 0.5))),
    "switched": (
        Option("frozen", False, ("bool",)),
        Option("pool", "mean", ("str",), ("mean", "max")),
        Option("cut", None, ("int", "none"), (), Range(1, 9)),
        Option("weights", "none", ("str",)),
    ),
}
EVERYTHING = ["segmenter", "backbone", "head", "training", "augmentation", "images"]
RATE = "training.learning_rate"


def space(pipeline=None, overridden=(), searched=None, **table):
    tuning = Tuning(searched=EVERYTHING if searched is None else searched, space=table.pop("space", {}))
    return space_of(pipeline or spec(), tuning, lambda kind, name: OPTIONS[name], overridden)


def names(found):
    return [dimension.name for dimension in found.dimensions]


def one(name, **more):
    return next(dimension for dimension in space(**more).dimensions if dimension.name == name)


def test_what_components_declare_is_searched_and_what_has_no_range_is_not():
    assert names(space()) == [
        "segmenter.filters",
        "backbone.filters",
        "backbone.kernel_size",
        "head.dropout",
        "training.learning_rate",
        "training.batch_size",
        "augmentation.flips",
        "augmentation.rotation",
        "augmentation.rotated",
        "images.size",
    ]


def test_a_dimension_has_the_declared_range_and_the_pipelines_own_value_as_default():
    found = one("backbone.filters", pipeline=spec(backbone=Component("sepcnn", {"filters": 24, "kernel_size": 3})))
    assert (found.kind, found.low, found.high, found.step, found.default) == ("int", 8, 64, 8, 24)
    rate = one(RATE)
    assert (rate.kind, rate.log, rate.default) == ("float", True, 3e-3)


def test_literals_and_booleans_are_choices_and_an_option_that_is_none_is_not_searched():
    head = Component("switched", {"frozen": False, "pool": "mean", "cut": None, "weights": "none"})
    found = {each.name: each.choices for each in space(spec(head=head), searched=["head"]).dimensions}
    assert found == {"head.frozen": [False, True], "head.pool": ["mean", "max"]}


def test_only_the_tables_that_the_task_names_are_searched():
    assert names(space(searched=["head", "images"])) == ["head.dropout", "images.size"]


def test_a_table_narrows_a_range_and_keeps_what_it_does_not_say():
    found = one(RATE, space={RATE: Span(high=3e-3)})
    assert (found.low, found.high, found.log) == (1e-4, 3e-3, True)
    assert one("training.batch_size", space={"training.batch_size": Span(choices=[16, 32])}).choices == [16, 32]


def test_what_is_fixed_or_said_by_a_flag_is_not_searched():
    found = names(space(space={"head.dropout": 0.2}, overridden={"images.size", "voter.x"}))
    assert not {"head.dropout", "images.size"} & set(found)
    assert "images.size" not in names(space(space={"images.size": 64}, overridden={"images.size"}))  # the flag holds


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        ({"training.learning_rat": 1.0}, UnknownNameError, "did you mean training.learning_rate"),
        ({"head.units": 64}, UnknownNameError, "no setting that can be searched named 'head.units'"),
        (
            {"images.size": 96},
            ConfigError,
            r"keeps images.size at 96, and the pipeline has 256; .* --set images.size=96",
        ),
        ({"images.size": Span(low=50, high=100, step=10)}, ConfigError, "images.size = 50: size is a multiple of 16"),
        ({"head.dropout": Span(high=0.9)}, ConfigError, r"head.dropout lies in \[0, 0.5\], received 0.9"),
        ({"head.dropout": 7}, ConfigError, r"head.dropout lies in \[0, 0.5\], received 7"),
        ({"head.dropout": "high"}, ConfigError, r"head.dropout lies in \[0, 0.5\], received 'high'"),
        ({"augmentation.flips": Span(low=1)}, ConfigError, "takes choices"),
        ({"augmentation.flips": Span(choices=["both", "up"])}, ConfigError, "flips = up is not what"),
        ({"augmentation.flips": Span(choices=["none"])}, ConfigError, "received the default 'both'"),
        ({"training.batch_size": Span(low=8.5)}, ConfigError, "takes integers"),
        ({RATE: Span(low=0.5, high=0.1)}, ConfigError, "low end that is not above its high end"),
        ({RATE: Span(low=1, high=20)}, ConfigError, "learning_rate lies between 0 and 10"),
    ],
)
def test_a_table_that_cannot_be_is_one_line_before_anything_runs(table, error, message):
    with pytest.raises(error, match=message):
        space(space=table)


def test_where_nothing_is_left_to_search_the_message_names_what_could_be():
    with pytest.raises(ConfigError, match=r"nothing is left to search: .*, of segmenter.filters, backbone.filters"):
        space(searched=["head"], space={"head.dropout": 0.2})


def test_settings_are_read_and_replaced_by_name():
    values = {"head.dropout": 0.4, RATE: 0.01, "images.size": 96}
    changed = with_settings(spec(), values)
    assert {name: setting(changed, name) for name in values} == values
    assert changed.head.options["units"] == 224
    assert setting(changed, "head.unknown") is setting(changed, "unknown.units") is None
    assert with_settings(changed, {name: setting(spec(), name) for name in values}) == spec()


def test_a_pipeline_whose_settings_were_changed_since_owes_nothing_to_the_search():
    found = tuned(pipeline="unet+sepcnn+dense", values={"head.dropout": 0.4})
    assert found_by(found, with_settings(spec(), found.values))
    assert not found_by(found, spec())
    assert not found_by(
        msgspec.structs.replace(found, pipeline="none+sepcnn+dense"), with_settings(spec(), found.values)
    )
    assert not found_by(None, spec())
