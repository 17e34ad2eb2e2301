"""How long calls take, measured so that the number means something: warm, repeated, without the garbage collector.

A call must not return before its result is in memory: devices work on while Python goes ahead.
"""

import gc
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from benchmark.records.speed import Latency, Rate
from benchmark.storage.garbage import uncollected

Clock = Callable[[], float]

AIM_S = 0.5  # of one repeat: shorter ones measure the clock, longer ones the user's patience
CALLS = (50, 200)  # of single images, at least and at most
LATENCY_S = 3.0  # for as many calls as fit between those


@contextmanager
def quiet() -> Iterator[None]:
    """Collect garbage now, and none inside."""
    gc.collect()
    with uncollected():
        yield


def durations(call: Callable[[], object], repeats: int, clock: Clock = time.perf_counter) -> list[float]:
    """Seconds of each of so many calls."""
    found = []
    with quiet():
        for _ in range(repeats):
            started = clock()
            call()
            found.append(clock() - started)
    return found


def fitting(once_s: float, aim_s: float, least: int, most: int) -> int:
    """How many calls of that length fill a time, within bounds."""
    return max(least, min(most, math.ceil(aim_s / max(once_s, 1e-9))))


def rate(seconds: Sequence[float], images: int) -> Rate:
    """Images per second from the durations of repeats over so many images each."""
    per_second = sorted(images / max(one, 1e-9) for one in seconds)
    return Rate(quantile(per_second, 0.5), per_second[0], per_second[-1], len(per_second), images)


def latency(call: Callable[[], object], clock: Clock = time.perf_counter) -> Latency:
    """Of single calls, after two that warm up."""
    once_s = min(durations(call, 2, clock))
    seconds = sorted(durations(call, fitting(once_s, LATENCY_S, *CALLS), clock))
    return Latency(quantile(seconds, 0.5), quantile(seconds, 0.95), len(seconds))


def quantile(ascending: Sequence[float], share: float) -> float:
    """The value below which that share of sorted numbers lies, between neighbours in proportion."""
    place = share * (len(ascending) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ascending) - 1)
    return ascending[below] + (place - below) * (ascending[above] - ascending[below])
