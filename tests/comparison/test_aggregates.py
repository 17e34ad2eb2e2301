import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtrit

from benchmark.comparison.aggregates import Aggregates, t_quantile
from benchmark.records.estimate import Estimate
from tests import factories


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


@given(st.integers(1, 400))
def test_the_quantile_of_student_s_t_is_that_of_scipy(freedom: int) -> None:
    assert t_quantile(freedom) == pytest.approx(float(stdtrit(freedom, 0.975)), rel=1e-9)


def test_three_seeds_give_the_mean_an_interval_two_do_not() -> None:
    runs = [factories.record(seed=k, metrics={"mcc": Estimate(v, n=9)}) for k, v in enumerate((0.90, 0.92, 0.94))]
    reach = 4.302653 * 0.02 / math.sqrt(3)  # t with two degrees of freedom
    assert Aggregates(runs)["mcc"].seed_interval == pytest.approx((0.92 - reach, 0.92 + reach))
    assert Aggregates(runs[:2])["mcc"].seed_interval is None


def test_the_spread_over_folds_is_that_inside_seeds() -> None:
    runs, folds = [], []
    for seed, values in enumerate(([0.8, 0.9], [0.5, 0.7])):
        single = factories.folds(values, seed=seed)
        folds += single
        runs.append(factories.pooled(single, 0.8))
    one = Aggregates(runs, folds)["balanced-accuracy"]
    assert one.spread_over_folds == pytest.approx((0.1 + 0.2) / 2 / math.sqrt(2))
    assert one.spread == 0.0
