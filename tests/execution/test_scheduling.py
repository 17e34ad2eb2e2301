"""A grid on two workers ends about as soon as any order of its steps could: by a clock that is none, and for real."""

import heapq

import pytest

from benchmark.planning.schedule import Schedule
from tests.perf.scheduling import JOBS, InPlanOrder, grid, least_s, measured, steps_of
from tests.perf.sleeping import seconds
from tests.workers import plans


def length(step):
    return seconds(step.name, step.spec)


def end_of(planned, order, jobs=JOBS):
    """When the last step ends, every one as long as it sleeps and workers never at rest while one is ready."""
    plan, now, at_work = order(steps_of(planned), length), 0.0, []
    while plan.left:
        while len(at_work) < jobs and (step := plan.next(now)):
            heapq.heappush(at_work, (now + length(step), step.key))
        now, key = heapq.heappop(at_work)
        plan.end(key)
    return now


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """2 segmenters × 2 backbones × 3 heads (two classical) × 2 seeds, with nothing there yet."""
    found, _ = plans(tmp_path_factory.mktemp("plans"), grid(seeds=(1, 2)))
    assert len(found) == 24
    return found


def test_the_longest_chain_first_ends_a_grid_within_three_hundredths_of_the_soonest(planned):
    soonest = least_s(planned, JOBS, 1.0)
    assert soonest <= end_of(planned, Schedule) <= 1.03 * soonest
    assert end_of(planned, InPlanOrder) > 1.05 * soonest  # so the order matters here


def test_one_worker_and_as_many_as_there_are_steps_end_as_soon_as_can_be(planned):
    total = sum(map(length, steps_of(planned).values()))
    assert end_of(planned, Schedule, jobs=1) == pytest.approx(total)
    assert end_of(planned, Schedule, jobs=999) == pytest.approx(least_s(planned, 999, 1.0))


@pytest.mark.slow
def test_real_workers_take_the_steps_of_a_grid_side_by_side(tmp_path):
    """The script `tests.perf.scheduling` measures how well; here a grid of one network goes through it."""
    found = measured(tmp_path / "grid", Schedule, grid(seeds=(1,))[:3], 0.5)
    assert found.least_s <= found.end_s
    assert found.busy_s > 1.2 * found.end_s  # both are at it
