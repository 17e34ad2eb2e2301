"""The name over the picture of a film: whole where there is room, else without its middle."""

import pytest

from benchmark.figures.predicted import shortened


@pytest.mark.parametrize(
    ("name", "most", "shown"),
    [
        ("film.png", 30, "film.png"),
        ("a" * 17, 17, "a" * 17),
        ("Thorax_2026-01-31_a-p_0012.png", 21, "Thorax_202…p_0012.png"),
        ("Thorax_2026-01-31_a-p_0012.png", -5, "Thorax_2…0012.png"),
    ],
)
def test_a_long_name_keeps_its_beginning_and_its_end(name, most, shown):
    assert shortened(name, most) == shown
    assert len(shown) <= max(most, 17)
