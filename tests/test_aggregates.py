import math
import statistics

import factories
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.aggregates import Aggregates
from benchmark.records import Estimate


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8))
def test_mean_and_spread_agree_with_the_standard_library(values: list[float]) -> None:
    runs = [factories.record(seed=seed, metrics={"mcc": Estimate(value, n=9)}) for seed, value in enumerate(values)]
    one = Aggregates(runs)["mcc"]
    assert one.value == pytest.approx(statistics.fmean(values), abs=1e-12)
    assert one.spread is not None and math.isclose(one.spread, statistics.stdev(values), abs_tol=1e-9)


def test_seeds_without_a_value_are_left_out_and_their_reason_kept() -> None:
    ones = [Estimate(0.5, 0.4, 0.6, 20), Estimate(None, n=20, note="one class only"), Estimate(0.7, 0.6, 0.8, 20)]
    one = Aggregates([factories.record(seed=seed, metrics={"mcc": one}) for seed, one in enumerate(ones)])["mcc"]
    assert (one.value, one.low, one.high) == (pytest.approx(0.6), pytest.approx(0.5), pytest.approx(0.7))
    assert (one.n, one.note) == (20, "one class only")


def test_a_metric_that_no_run_has_is_a_missing_key() -> None:
    found = Aggregates([factories.record(metrics={"mcc": Estimate(0.5)})])
    assert list(found) == ["mcc"]
    assert len(found) == 1
    with pytest.raises(KeyError):
        found["auroc"]
