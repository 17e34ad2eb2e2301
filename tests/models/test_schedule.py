"""The schedule by hand: how long, how fast, when validated."""

import msgspec
import numpy as np
import pytest

from benchmark.models.schedule import MOST_VALIDATIONS, learning_rates, length, reached, rungs, validated
from benchmark.tasks.schema import Schedule


@pytest.mark.parametrize(
    ("epochs", "minimum", "exact", "steps", "expected"),
    [
        (5, 300, False, 100, 5),  # 500 steps
        (5, 300, False, 50, 6),  # 250 would be too few
        (5, 300, False, 7, 43),  # whole epochs: 301 steps
        (5, 300, True, 7, 5),
        (5, 0, False, 1, 5),
    ],
)
def test_a_training_is_as_long_as_its_epochs_or_its_minimum_of_steps(epochs, minimum, exact, steps, expected):
    assert length(Schedule(epochs=epochs, minimum_steps=minimum, exact_epochs=exact), steps) == expected


def test_the_rate_rises_for_a_tenth_and_falls_along_half_a_cosine():
    rates = learning_rates(0.3, 20)
    assert rates.dtype == np.float32
    assert rates[:3] == pytest.approx([0.15, 0.3, 0.3])  # two steps up; the cosine begins at its highest
    assert rates[11] == pytest.approx(0.15)  # half way down
    assert rates[-1] == pytest.approx(0.15 * (1 + np.cos(np.pi * 17 / 18)))
    assert (np.diff(rates[2:]) < 0).all() and rates[-1] > 0


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_shortest_trainings_have_rates_above_zero(steps):
    assert (learning_rates(0.3, steps) > 0).all()


def test_validations_are_spread_over_what_their_share_of_the_time_allows():
    schedule = Schedule(validation_share=0.05)
    # 60 epochs of 3,000 images: a twentieth is 9,000; one validation costs a third of 300 + 256 forward passes: 48 fit
    assert validated(schedule, 60, 3000, 556)[-1] == 60
    assert len(validated(schedule, 60, 30000, 556)) <= MOST_VALIDATIONS
    # a tenth of the images: 900 allow 4
    assert validated(schedule, 60, 300, 556) == sorted({15, 30, 45, 60} | rungs(60))
    # next to none: the end, and where a search may pause
    assert validated(schedule, 7, 20, 556) == [3, 7]


def test_a_larger_share_validates_more_often():
    few, many = (validated(Schedule(validation_share=share), 40, 300, 400) for share in (0.05, 0.2))
    assert (len(set(few) - rungs(40)), len(set(many) - rungs(40))) == (3, 15)


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [(1, {1}), (2, {2}), (3, {1, 3}), (7, {3, 7}), (9, {1, 3, 9}), (27, {1, 3, 9, 27}), (60, {3, 7, 20, 60})],
)
def test_rungs_are_those_of_hyperband(epochs, expected):
    assert rungs(epochs) == expected


def test_a_rung_of_a_longer_training_is_the_same_share_of_it():
    schedule = Schedule(epochs=9)
    assert [reached(schedule, 9, until) for until in (1, 3, 9)] == [1, 3, 9]
    assert [reached(schedule, 20, until) for until in (1, 3, 9, 12)] == [3, 7, 20, 20]


def test_the_settings_of_a_schedule_are_checked():
    for wrong in ({"validation_share": 0.0}, {"validation_share": 1.0}, {"learning_rate": float("nan")}):
        with pytest.raises(ValueError, match="lies between"):
            msgspec.convert(wrong, Schedule)
