"""Metrics as plain numbers are those that were read, and add up to the same."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.comparison.aggregates import Aggregates
from benchmark.comparison.numbers import Numbers, Places, as_numbers, columns
from benchmark.records.estimate import Estimate
from tests import factories

RUN = factories.record()
NUMBER = st.one_of(st.none(), st.floats(-1e15, 1e15, allow_nan=False))
ESTIMATE = st.builds(Estimate, NUMBER, NUMBER, NUMBER, st.integers(0, 10**15), st.sampled_from(["", "", "of few"]))
WHOLE = st.builds(Estimate, *[st.floats(0, 1)] * 3, st.integers(0, 300))
METRICS = st.dictionaries(st.sampled_from(["accuracy", "auroc", "n/COVID"]), st.one_of(WHOLE, ESTIMATE), max_size=3)


@given(METRICS)
def test_each_estimate_is_the_one_that_was_read(metrics):
    found = as_numbers(metrics, Places())
    assert dict(found) == metrics
    assert [*found] == [*metrics]
    assert len(found) == len(metrics)
    assert found.get("none") is None
    assert "none" not in found
    with pytest.raises(KeyError):
        found["none"]


def test_records_of_one_task_share_the_names_of_their_metrics():
    places = Places()
    first, second = (as_numbers(RUN.metrics, places) for _ in range(2))
    assert first.places is second.places


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([None, 0, 1]), METRICS), max_size=5), st.booleans())
def test_runs_add_up_to_the_same_from_estimates_and_from_numbers(drawn, folded):
    """To the last bit: of several seeds or one, with values, bounds and notes that lack, pooled over folds or not."""
    runs = [msgspec.structs.replace(RUN, seed=seed, fold=fold, metrics=metrics) for seed, fold, metrics in drawn]
    places = Places()
    plain = [msgspec.structs.replace(run, metrics=as_numbers(run.metrics, places)) for run in runs]
    given_, found = Aggregates(runs, runs * folded), Aggregates(plain, plain * folded)
    assert [*given_] == [*found]
    assert dict(given_) == dict(found)


def test_columns_are_had_where_nothing_lacks():
    whole = {"accuracy": Estimate(0.5, 0.25, 0.75, 8)}
    places = Places()
    assert columns([as_numbers(whole, places)] * 2, "accuracy") == [(0.5, 0.5), (0.25, 0.25), (0.75, 0.75), (8.0, 8.0)]
    for lacking in ({}, {"accuracy": Estimate(0.5)}, {"accuracy": Estimate(0.5, 0.25, 0.75, 8, "of few")}):
        assert columns([as_numbers(whole, places), as_numbers(lacking, places)], "accuracy") is None
    assert columns([whole], "accuracy") is None
    assert isinstance(as_numbers(whole, places), Numbers)
