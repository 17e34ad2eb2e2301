"""Durations as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.planning.durations import parse_age, parse_duration
from registry.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("20m", 1_200),
        ("1h30m", 5_400),
        ("30d", 2_592_000),
        ("2w", 1_209_600),
        ("1.5h", 5_400),
        (" 1m ", 60),
        ("0h5m", 300),
        ("90m", 5_400),
    ],
)
def test_a_duration_is_read_in_seconds(text, seconds):
    read = parse_duration(text, "--timeout")
    assert read == seconds
    assert isinstance(read, float)


@pytest.mark.parametrize(
    "text",
    ["", " ", "30", "0s", "0h0m", "-5m", "5 m", "m", "5M", "5min", "30m1h", "1h1h", "1h30", "1e3s", "1.s", "inf", "٣s"],
)
def test_anything_else_is_one_line_that_names_the_flag_and_shows_the_form(text):
    with pytest.raises(ConfigError, match=r"^--older-than .* is no length of time; .* such as 30d, 20m or 1h30m$"):
        parse_duration(text, "--older-than")


@given(*[st.integers(0, 999)] * 5)
def test_the_parts_add_up(weeks, days, hours, minutes, seconds):
    parts = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    text = f"{weeks}w{days}d{hours}h{minutes}m{seconds}s"
    if parts:
        assert parse_duration(text, "--timeout") == parts.total_seconds()


@pytest.mark.parametrize("text", ["1m", "12m", "1.5m", " 1m ", "1w2m", "1m30s"])
def test_an_age_in_minutes_may_be_months_and_is_refused(text):
    with pytest.raises(ConfigError, match=r"^--since .*: m may be minutes or months; say one such as 60s, 1h or 30d$"):
        parse_age(text, "--since")


@pytest.mark.parametrize(("text", "seconds"), [("60s", 60), ("1h30m", 5_400), ("30d", 2_592_000)])
def test_other_ages_are_durations(text, seconds):
    assert parse_age(text, "--since") == seconds
