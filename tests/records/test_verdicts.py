"""What would show a gap, by hand."""

import pytest

from benchmark.records.verdicts import POWER, Verdict, images_needed, trainings_needed

KNOWN = Verdict(
    value=0.02, error=0.05**0.5 * 0.1, image_error=0.01, training_error=0.02, training_variance=0.0012,
    critical=4.0, quantile=2.158, n=2000,
)  # fmt: skip


def test_so_many_trainings_would_show_a_gap_on_these_images() -> None:
    error2 = (0.06 / (2.158 + POWER)) ** 2  # of an error that a gap of .06 exceeds in 80 %: .02²
    assert error2 == pytest.approx(0.0004)
    assert trainings_needed(KNOWN, 0.06) == 4  # .0012 / (.0004 - .0001)
    assert trainings_needed(KNOWN, 1.0) == 2


def test_where_images_alone_are_too_few_no_number_of_trainings_would() -> None:
    assert trainings_needed(KNOWN, 0.029) is None
    assert images_needed(KNOWN, 0.03) == (4000, 24)  # half of an error of .01² to either


def test_what_is_unknown_is_not_guessed() -> None:
    assert trainings_needed(Verdict(), 0.03) is None and images_needed(Verdict(), 0.03) is None


def test_of_these_trainings_alone_images_are_all_there_is() -> None:
    alone = Verdict(value=0.1, quantile=2.158, image_error=0.01, n=2000)
    assert trainings_needed(alone, 0.03) is None
    assert images_needed(alone, 0.03) == (2000, 0)  # an error of .01 is what finds a gap of .03 in 80 %


def test_no_gap_needs_nothing() -> None:
    assert images_needed(KNOWN, 0.0) is None
