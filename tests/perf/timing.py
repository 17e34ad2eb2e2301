"""Two ways of doing one thing, timed side by side: A B, B A, A B, … so that both meet the same neighbours."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import msgspec


class Spread(msgspec.Struct, frozen=True):
    """The median of some measurements and their extremes."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of at least one value."""
        return cls(statistics.median(values), min(values), max(values))


class Line(msgspec.Struct, frozen=True):
    """What was measured against which target.

    Attributes:
        key: letter of the measurement it belongs to.
        unit: of `ours` and `theirs`.
        ours, theirs: of all repeats; theirs is None where the target is absolute.
        value: what the target speaks of: the ratio where there are theirs, else ours.
        better: which side of the target is good.
        target: the value that is to be reached; None for a line that only informs.
    """

    key: str
    what: str
    unit: str
    ours: Spread
    theirs: Spread | None
    value: Spread
    better: Literal["<=", ">="]
    target: float | None
    repeats: int
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the median reaches the target."""
        if self.target is None:
            return None
        return self.value.median <= self.target if self.better == "<=" else self.value.median >= self.target


def ratio(
    key: str,
    what: str,
    unit: str,
    pairs: Sequence[tuple[float, float]],
    better: Literal["<=", ">="],
    target: float | None,
    note: str = "",
) -> Line:
    """A line of pairs (ours, theirs) that were measured one after the other; the ratio is taken pair by pair."""
    ours, theirs = zip(*pairs, strict=True)
    value = Spread.of([one / other for one, other in pairs])
    return Line(key, what, unit, Spread.of(ours), Spread.of(theirs), value, better, target, len(pairs), note)


def absolute(key: str, what: str, unit: str, values: Sequence[float], target: float | None, note: str = "") -> Line:
    """A line whose target is a number of its unit, not to be passed."""
    found = Spread.of(values)
    return Line(key, what, unit, found, None, found, "<=", target, len(values), note)


def interleaved(
    repeats: int,
    ours: Callable[[], float],
    theirs: Callable[[], float],
    told: Callable[[str], None] = lambda text: None,
) -> list[tuple[float, float]]:
    """Pairs of what both give; who comes first changes with every pair."""
    pairs = []
    for number in range(repeats):
        if number % 2:
            other, one = theirs(), ours()
        else:
            one, other = ours(), theirs()
        pairs.append((one, other))
        told(f"{number + 1} of {repeats}: ours {one:.4g}, theirs {other:.4g}")
    return pairs


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


class Spent(NamedTuple):
    """What a process cost: wall and processor seconds, its largest resident set in MB, and its exit status."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    code: int


def as_installed() -> dict[str, str]:
    """This environment, in which modules keep their bytecode as an installation does."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def process(
    command: Sequence[str],
    environment: dict[str, str] | None = None,
    cwd: str | None = None,
    complaints: int | None = subprocess.DEVNULL,
) -> Spent:
    """Run a command to its end, its output thrown away, and what it complains of too; None shows that.

    The peak counts from the memory of this process, which must therefore be small: no numpy here.
    """
    started = time.perf_counter()
    child = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=complaints, env=environment, cwd=cwd, close_fds=True
    )
    _, status, used = os.wait4(child.pid, 0)
    elapsed = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    return Spent(elapsed, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, child.returncode)
