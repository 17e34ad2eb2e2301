import pytest

from benchmark.tuning.encoding import Encoding, choices
from benchmark.tuning.space import Dimension
from tests.searches import KIND, RATE, UNITS

DIMENSIONS = [RATE, UNITS, KIND]


@pytest.mark.parametrize("listed", [choices, Dimension.points])
def test_values_come_back_from_what_an_oracle_was_told(listed):
    encoding = Encoding(DIMENSIONS, listed)
    values = {each.name: each.points()[-1] for each in DIMENSIONS}
    assert encoding.decoded(encoding.encoded(values)) == values


def test_choices_are_known_by_their_place_and_numbers_as_they_are():
    encoded = Encoding(DIMENSIONS).encoded({each.name: each.default for each in DIMENSIONS})
    assert encoded == {"rate": RATE.default, "units": UNITS.default, "kind": KIND.choices.index(KIND.default)}


def test_a_choice_of_true_is_not_the_number_one():
    dimension = Dimension("x", 1, "choice", choices=[True, 1])
    assert Encoding([dimension]).encoded({"x": 1}) == {"x": 1}
    assert Encoding([dimension]).encoded({"x": True}) == {"x": 0}
