"""Grey levels as networks of elsewhere expect them; by hand."""

import pytest

from benchmark.data.value_range import read_range
from registry.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "channels", "black", "white"),
    [
        ("0..1", 1, [0], [1]),
        ("-1..1", 1, [-1], [1]),
        ("0..255", 3, [0] * 3, [255] * 3),
        (".5,.25", 3, [-2] * 3, [2] * 3),
        (".5,.4,.2,.5,.2,.1", 3, [-1, -2, -2], [1, 3, 8]),
    ],
)
def test_black_and_white_become_what_the_range_says(text, channels, black, white):
    factors, offsets = read_range(text, channels)
    assert offsets == pytest.approx(black)
    assert [255 * factor + offset for factor, offset in zip(factors, offsets, strict=True)] == pytest.approx(white)


@pytest.mark.parametrize("text", ["", "1", "1..0", "a..b", "0..inf", ".5,0", ".5,.2,.1", "nan,1", ".1,.1,.1,.1,.1,.1"])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(ConfigError, match=r"expected 0\.\.1"):
        read_range(text, 1)
