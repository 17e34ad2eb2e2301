"""(h) When a grid of runs ends on two workers, beside the soonest that any order could end it.

Planner, pool, workers, store and records are the real ones; each step sleeps for a known time.  How long steps take is
known to the pool from the artefacts of an earlier round on other data and with another seed.
"""

import itertools
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from benchmark.execution import pool as pools
from benchmark.execution.pool import Begun, Ended, Pool, Recorded
from benchmark.execution.process import side_by_side
from benchmark.execution.protocol import Build, Built
from benchmark.planning.graph import Step
from benchmark.planning.runs import Planned, plan_runs
from benchmark.planning.schedule import Schedule
from benchmark.storage.cache import Store
from benchmark.tasks.schema import Component
from benchmark.tasks.spec import RunSpec
from tests.perf.sleeping import SCALE, seconds
from tests.perf.standin import replaced
from tests.perf.timing import Line, ratio
from tests.specs import USUAL, index, spec, summary
from tests.workers import Plain

JOBS = 2
REPEATS = 2
LONGER = 4.0  # than the lengths in `tests.perf.sleeping`, so that what a worker does besides sleeping is little
EARLIER = 0.25  # of the lengths in the earlier round: only their proportions count
SLEEPING = "tests.perf.sleeping"
ROOT = str(Path(__file__).parents[2])
TRAINED_WITH = Component("dense", USUAL["dense"])
HEADS = (
    {"head": TRAINED_WITH},
    {"head": Component("majority"), "classical": True, "features_head": TRAINED_WITH},
    {"head": Component("xgboost"), "classical": True, "features_head": TRAINED_WITH},
)


class InPlanOrder(Schedule):
    """Of the ready steps the first in the plan."""

    def _chains(self, seconds: Callable[[Step], float]) -> dict[str, float]:
        return {key: -float(place) for place, key in enumerate(self.left)}


class Round(NamedTuple):
    """Seconds until the last record, the least that were possible, and those in which workers were at a step."""

    end_s: float
    least_s: float
    busy_s: float


def measure(place: Path, told: Callable[[str], None]) -> list[Line]:
    """When a grid ends, of both orders in turns."""
    rounds: dict[type[Schedule], list[Round]] = {Schedule: [], InPlanOrder: []}
    for number, order in itertools.product(range(REPEATS), rounds):
        found = measured(place / f"{number}-{order.__name__}", order, grid(seeds=(1, 2)), LONGER)
        rounds[order].append(found)
        told(f"{number + 1} of {REPEATS}, {order.__name__}: {found.end_s:.2f} s, at best {found.least_s:.2f}")
    ours, plain = ([(one.end_s, one.least_s) for one in rounds[order]] for order in (Schedule, InPlanOrder))
    busy = [(one.busy_s, JOBS * one.end_s) for one in rounds[Schedule]]
    grid_of = "2 segmenters × 2 backbones × 3 heads (two classical) × 2 seeds"
    note = f"{grid_of} on {JOBS} workers; theirs: the longer of all work ÷ {JOBS} and the longest chain of steps"
    return [
        ratio("h", "the end of a grid of runs, the longest chain first", "s", ours, "<=", 1.03, note),
        ratio("h", "for comparison: its steps in the order of the plan", "s", plain, "<=", None),
        ratio("h", "for comparison: seconds at a step of all workers' seconds", "s", busy, ">=", None),
    ]


def grid(seeds: Sequence[int]) -> list[RunSpec]:
    """Every pipeline with each seed."""
    networks = itertools.product(seeds, ("unet", "sepunet"), ("sepcnn", "xception"), HEADS)
    return [
        spec(seed=seed, segmenter=Component(segmenter), backbone=Component(backbone), **head)
        for seed, segmenter, backbone, head in networks
    ]


def measured(place: Path, order: type[Schedule], specs: Sequence[RunSpec], scale: float) -> Round:
    """These runs in that order of their ready steps."""
    place.mkdir(parents=True)
    earlier = [one for one in grid(seeds=(0,)) if (one.segmenter, one.backbone) in _networks(specs)]
    try:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(pools, "Schedule", order)
            _finished(place, earlier, "e" * 64, scale * EARLIER)
            return _finished(place, specs, "d" * 64, scale)
    finally:
        shutil.rmtree(place)


def least_s(planned: Sequence[Planned], jobs: int, scale: float) -> float:
    """Seconds before which no order of steps ends: the longer of all work by so many workers and the longest chain."""
    steps = steps_of(planned)
    spent = {key: scale * seconds(step.name, step.spec) for key, step in steps.items()}
    chains = Schedule(steps, lambda step: spent[step.key])._chain
    return max(sum(spent.values()) / jobs, max(chains.values()))


def steps_of(planned: Sequence[Planned]) -> Mapping[str, Step]:
    """Key -> step of all that is built, records too."""
    return {key: step for run in planned for key, step in {**run.missing, run.plan.key: run.plan.record}.items()}


def _finished(place: Path, specs: Sequence[RunSpec], data: str, scale: float) -> Round:
    """The same on data of that digest, in a cache that may have artefacts of other data."""
    store = Store(place / "cache")
    runs = plan_runs(specs, summary(digest=data), Plain(), store, place / "results", index())
    planned = [replaced(run, SLEEPING) for run in runs]
    environment = {"PYTHONPATH": os.pathsep.join([ROOT, os.environ.get("PYTHONPATH", "")]), SCALE: str(scale)}
    with Pool(side_by_side(JOBS, place / "logs", environment)) as pool:
        for number, worker in enumerate(pool.workers):  # it has started and imported what it needs
            step = next(step for step in steps_of(planned).values() if step.name == "split")
            worker.ask(Build(msgspec.structs.replace(step, inputs={}), str(place / f"warm-{number}")), Built)
        started, begun, busy_s, ends = time.perf_counter(), {}, 0.0, []
        for one in pool.run(planned, store):
            if isinstance(one, Begun):
                begun[one.step.key] = time.perf_counter()
            elif isinstance(one, Ended):
                busy_s += time.perf_counter() - begun[one.step.key]
            elif isinstance(one, Recorded):
                ends.append(one.record)
        elapsed = time.perf_counter() - started
    wrong = [record for record in ends if record.status != "ok"]
    if len(ends) != len(specs) or wrong:
        raise RuntimeError(f"{len(ends)} of {len(specs)} runs ended; {wrong[:1]}")
    return Round(elapsed, least_s(planned, JOBS, scale), busy_s)


def _networks(specs: Sequence[RunSpec]) -> list[tuple[Component, Component]]:
    return [(one.segmenter, one.backbone) for one in specs]
