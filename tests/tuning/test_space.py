"""The dimensions of a search."""

import pytest

from benchmark.tuning.space import Dimension, Space, check_space
from registry.errors import ConfigError


@pytest.mark.parametrize(
    ("dimension", "points"),
    [
        (Dimension("a", 0.2, "float", 0, 0.5), [0.2, 0, 0.125, 0.25, 0.375, 0.5]),
        (Dimension("a", 1e-3, "float", 1e-4, 1, log=True), [1e-3, 1e-4, 1e-2, 1e-1, 1]),
        (Dimension("a", 0.3, "float", 0.1, 0.4, step=0.1), [0.3, 0.1, 0.2, 0.4]),
        (Dimension("a", 16, "int", 8, 32, step=8), [16, 8, 24, 32]),
        (Dimension("a", 3, "int", 1, 4), [3, 1, 2, 4]),
        (Dimension("a", 32, "int", 8, 128, step=2, log=True), [32, 8, 16, 64, 128]),
        (Dimension("a", 100, "int", 8, 10), [100, 8, 9, 10]),  # the default outside what is searched
        (Dimension("a", None, "choice", choices=["b", None, True, 1]), [None, "b", True, 1]),
        (Dimension("a", 5, "int", 7, 7), [5, 7]),
    ],
)
def test_a_grid_has_the_default_first_then_the_others_in_order(dimension, points):
    found = dimension.points()
    assert found == (pytest.approx(points) if dimension.kind == "float" else points)
    assert dimension.kind == "float" or [type(point) for point in found] == [type(point) for point in points]


def test_a_number_is_said_with_six_digits_and_never_leaves_its_range():
    rate = Dimension("a", 1e-3, "float", 1e-4, 1e-2, log=True)
    assert rate.rounded(0.00123456789) == 0.00123457
    assert rate.rounded(0.010000000000000002) == 1e-2
    assert Dimension("a", 1, "int", 1, 12).rounded(13.0) == 12


@pytest.mark.parametrize(
    ("dimension", "fault"),
    [
        (Dimension("a", 1, "int"), r"needs a low end that is not above its high end, received \[None, None\]"),
        (Dimension("a", 1, "float", 2, 1), r"not above its high end, received \[2"),
        (Dimension("a", None, "float", 0, 1), "received the default None; make it a choice"),
        (Dimension("a", True, "int", 0, 1), "received the default True; make it a choice"),
        (Dimension("a", 1, "float", 0, 1, log=True), "all of it lies above 0, received 0"),
        (Dimension("a", 0, "float", 1, 2, log=True), "all of it lies above 0, received 0"),
        (Dimension("a", 1, "float", 1, 2, step=0), "needs a step that is above 0, received 0"),
        (Dimension("a", 1, "float", 1, 2, step=1, log=True), "a ratio above 1, received 1"),
        (Dimension("a", 1, "int", 1, 2.5), r"takes integers, received \[1, 2.5\]"),
        (Dimension("a", 1, "choice", choices=[True, "x"]), r"takes one of \[True, 'x'\], received the default 1"),
    ],
)
def test_a_dimension_that_cannot_be_searched_says_why(dimension, fault):
    with pytest.raises(ConfigError, match=f"dimension 'a' of the search .*{fault}"):
        check_space(Space([dimension]))


def test_a_space_has_each_dimension_once_and_at_least_one():
    once = Dimension("a", 1, "int", 1, 2)
    with pytest.raises(ConfigError, match="nothing to search"):
        check_space(Space([]))
    with pytest.raises(ConfigError, match="'a' of the search is there twice"):
        check_space(Space([once, once]))
    assert check_space(Space([once])).defaults() == {"a": 1}
