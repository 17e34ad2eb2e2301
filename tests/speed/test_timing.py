"""Timing with a clock of the test's own: what is repeated, how often, and what comes of it."""

import gc
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.records.speed import Rate
from benchmark.speed.timing import CALLS, durations, fitting, latency, quantile, quiet, rate


class Clock:
    """Calls of given lengths."""

    def __init__(self, lengths):
        self.now = 0.0
        self.lengths = iter(lengths)

    def __call__(self):
        return self.now

    def work(self):
        self.now += next(self.lengths)


def test_each_repeat_is_timed_by_itself():
    clock = Clock([1, 2, 4])
    assert durations(clock.work, 3, clock) == [1, 2, 4]


def test_a_rate_is_the_median_of_its_repeats_with_their_range():
    assert rate([2.0, 4.0, 1.0], 8) == Rate(median=4.0, low=2.0, high=8.0, n=3, images=8)


def test_latency_leaves_out_the_calls_that_warm_up():
    clock = Clock([9.0, 0.1] + [0.1] * 49 + [0.2])
    found = latency(clock.work, clock)
    assert found.n == CALLS[0]
    assert (found.p50_s, found.p95_s) == (pytest.approx(0.1), pytest.approx(0.1))


@pytest.mark.parametrize(("once_s", "calls"), [(0.0, 200), (0.001, 200), (0.02, 150), (3.0, 50)])
def test_short_calls_are_repeated_more_often_within_bounds(once_s, calls):
    assert fitting(once_s, 3.0, *CALLS) == calls


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=40))
def test_quantiles_are_those_of_the_standard_library(values):
    cuts = statistics.quantiles(values, n=20, method="inclusive")
    assert quantile(sorted(values), 0.5) == pytest.approx(cuts[9], abs=1e-6)
    assert quantile(sorted(values), 0.95) == pytest.approx(cuts[18], abs=1e-6)


def test_no_garbage_is_collected_meanwhile_and_all_is_as_before_even_after_an_error():
    with pytest.raises(RuntimeError), quiet():
        assert not gc.isenabled()
        raise RuntimeError
    assert gc.isenabled()
