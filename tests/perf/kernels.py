"""Steps of a training on a processor, as they are and otherwise: `python -m tests.perf.kernels`, in a checkout's root.

Each candidate of `tests.perf.candidates` has a process of its own, with the memory settings of a worker; some of them
and today's step take turns, one after the other, and the ratio of a turn is to today's step of the same round.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import click

from benchmark.execution.process import ALLOCATOR
from tests.perf.candidates import CANDIDATES, Candidate
from tests.perf.machine import load
from tests.perf.timing import Spread

TODAY = "the same again"


class Step(NamedTuple):
    """Wall and processor seconds of a step, or their ratios to those of today's."""

    wall: float
    processor: float


@click.command()
@click.option("--backbone", default="sepcnn", show_default=True)
@click.option("--size", default=128, show_default=True, help="Pixels a side.")
@click.option("--only", default=",".join(CANDIDATES), help="Candidates, comma-separated; all by default.")
@click.option("--rounds", default=7, show_default=True)
@click.option("--together", default=4, show_default=True, help="Candidates whose processes are there at once.")
@click.option("--cores", help="Numbers of the cores that are used, such as 0 or 0,1; all by default.")
def main(backbone: str, size: int, only: str, rounds: int, together: int, cores: str | None) -> None:
    """Print a row of Markdown for each candidate: the ratio of its step to today's, with the extremes."""
    names = only.split(",")
    if unknown := set(names) - set(CANDIDATES):
        raise click.BadParameter(f"{', '.join(unknown)}; expected some of {', '.join(CANDIDATES)}", param_hint="--only")
    if cores:
        os.sched_setaffinity(0, map(int, cores.split(",")))
    click.echo(f"{backbone}, {size} pixels, load {load()[0]}", err=True)
    for start in range(0, len(names), together):
        some = names[start : start + together]
        for name, ratios in zip(some, measured(backbone, size, some, rounds), strict=True):
            click.echo(row(CANDIDATES[name], ratios))


def measured(backbone: str, size: int, names: Sequence[str], rounds: int) -> list[list[Step]]:
    """Ratios of every round for each candidate; the order turns round with each."""
    with steps(TODAY, backbone, size) as today, _all(names, backbone, size) as others:
        ratios: list[list[Step]] = [[] for _ in names]
        for number in range(rounds):
            places = range(len(others))
            for place in reversed(places) if number % 2 else places:
                if number % 2:
                    own, beside = ask(others[place]), ask(today)
                else:
                    beside, own = ask(today), ask(others[place])
                ratios[place].append(Step(own.wall / beside.wall, own.processor / beside.processor))
        return ratios


@contextmanager
def _all(names: Sequence[str], backbone: str, size: int) -> Iterator[list[subprocess.Popen[str]]]:
    if not names:
        yield []
        return
    with steps(names[0], backbone, size) as first, _all(names[1:], backbone, size) as others:
        yield [first, *others]


@contextmanager
def steps(name: str, backbone: str, size: int) -> Iterator[subprocess.Popen[str]]:
    """The process of a candidate, ready."""
    environment = {**os.environ, **ALLOCATOR, **CANDIDATES[name].environment}
    command = [sys.executable, "-m", "tests.perf.steps", name, backbone, str(size)]
    one = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )
    try:
        assert one.stdout and one.stdin
        if one.stdout.readline() != "ready\n":
            raise click.ClickException(f"{name!r} cannot be computed here: try {' '.join(map(repr, command))}")
        yield one
    finally:
        one.kill()
        one.communicate()


def ask(one: subprocess.Popen[str]) -> Step:
    """Seconds of a step, now."""
    assert one.stdin and one.stdout
    one.stdin.write("\n")
    one.stdin.flush()
    return Step(*map(float, one.stdout.readline().split()))


def row(candidate: Candidate, ratios: Sequence[Step]) -> str:
    """A line of the table in README.md."""
    told = " | ".join(
        f"{spread.median:.2f} ({spread.low:.2f}-{spread.high:.2f})"
        for spread in map(Spread.of, zip(*ratios, strict=True))
    )
    return f"| {candidate.what} | {told} | {candidate.learnt} |"


if __name__ == "__main__":
    main()
