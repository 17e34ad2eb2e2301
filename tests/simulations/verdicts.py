"""Whether verdicts hold what they promise, on simulated tables whose truth is known; prints one line per cell.

    python -m tests.simulations.verdicts [--draws 1000] [--only TEXT …]

``equal``: pipelines that are equal in expectation; how often some pair of them is told apart, of all pairs at once.
``own``: how often a row's own interval holds what its pipeline scores when it is trained again; ``first`` that of the
row that came out first of eight, at Šidák's level.  ``power``: how often a true gap is found.  ``single``: one
training's own interval, by enumeration of all outcomes instead of draws.  A cell that does not hold ends the command
with 1.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from benchmark.evaluation.inference import Question, TestedRow, infer, own_intervals
from benchmark.evaluation.retraining import retraining
from benchmark.evaluation.scale import Z, sidak_deviate
from tests.simulations.enumeration import covered
from tests.simulations.worlds import Kind, folded_table, ranked_table, seeded, table, targets_of

World = Callable[[np.random.Generator], list[TestedRow]]
TARGETS = targets_of(2000, 464)
TRUTHS = np.linspace(0.9, 0.999, 100)  # of one training, by enumeration


class Cell(NamedTuple):
    """What is counted: the share of draws for which `count` holds; at most, or at least, `bound` is promised."""

    name: str
    world: World
    count: Callable[[list[TestedRow], int], bool | float]
    bound: float
    at_least: bool = False

    def measured(self, draws: int) -> float:
        found = [self.count(self.world(rng), draw) for draw, rng in enumerate(seeded(draws, self.name))]
        return float(np.mean(found))


def fewest(rows: Sequence[TestedRow], targets: np.ndarray) -> int:
    return int(np.bincount(targets).min())


def some_told_apart(targets: np.ndarray, share: float | None = None) -> Callable[[list[TestedRow], int], bool]:
    def count(rows: list[TestedRow], draw: int) -> bool:
        found = infer(rows, Question(fewest(rows, targets), share=share, seed=draw))
        return bool(found.told_apart.any())

    return count


def own_holds(rows: list[TestedRow], draw: int, truth: float = 0.85) -> float:
    """The share of rows whose own interval holds what their pipelines score."""
    return float(np.mean([low <= truth <= high for low, high in _intervals(rows, Z)]))


def first_holds(rows: list[TestedRow], draw: int, truth: float = 0.85) -> bool:
    """Whether that of the row which came out first does."""
    first = int(np.argmax([row.values.mean() for row in rows]))
    low, high = _intervals(rows, sidak_deviate(len(rows)))[first]
    return low <= truth <= high


def _intervals(rows: list[TestedRow], deviate: float) -> list[tuple[float, float]]:
    return own_intervals(rows, retraining([row.values for row in rows], [row.control for row in rows]), deviate)


def gap_found(targets: np.ndarray) -> Callable[[list[TestedRow], int], bool]:
    """Whether the first row is told apart from the second."""

    def count(rows: list[TestedRow], draw: int) -> bool:
        return bool(infer(rows, Question(fewest(rows, targets), seed=draw)).told_apart[0, 1])

    return count


def equal(name: str, bound: float, kinds: Sequence[Kind], targets: np.ndarray = TARGETS) -> Cell:
    return Cell(f"equal: {name}", lambda rng: table(rng, kinds, targets), some_told_apart(targets), bound)


def equal_cells() -> Iterator[Cell]:
    for sd in (0.015, 0.023):
        for seeds, bound in ((2, 0.075), (3, 0.06), (5, 0.06)):
            yield equal(f"2 rows, SD {sd}, {seeds} seeds", bound, [Kind(seeds, sd)] * 2)
    for sd, seeds in ((0.015, 3), (0.023, 3), (0.015, 2)):
        yield equal(f"8 rows, SD {sd}, {seeds} seeds", 0.06, [Kind(seeds, sd)] * 8)
    yield equal("8 rows, one training, n = 300", 0.06, [Kind(1, 0.0, 0.9)] * 8, targets_of(300, 70))
    controls = [Kind(0), Kind(0)]
    yield equal("1, 2, 3, 5 seeds, 2 controls", 0.06, [*(Kind(seeds) for seeds in (1, 2, 3, 5)), *controls])
    yield equal("1, 1, 1, 1, 3, 3 seeds", 0.08, [Kind(seeds) for seeds in (1, 1, 1, 1, 3, 3)])
    for seeds, bound in ((3, 0.08), (2, 0.10)):
        yield equal(f"one SD .03 among five .006, {seeds} seeds", bound, [Kind(seeds, 0.03), *[Kind(seeds, 0.006)] * 5])
    for seeds in (2, 3, 5):
        kinds = [Kind(seeds), Kind(seeds, vote_on=0), Kind(seeds, vote_on=0), Kind(seeds)]
        yield equal(f"a row, two votes on it, another, {seeds} seeds", 0.06, kinds)
    for rows in (2, 6):
        folded = some_told_apart(TARGETS, 0.25)
        yield Cell(
            f"equal: 5 folds, {rows} rows", lambda rng, rows=rows: folded_table(rng, rows, TARGETS), folded, 0.06
        )
    for rows, targets in ((2, TARGETS), (4, targets_of(500, 116))):
        name = f"equal: AUROC, 3 seeds, {rows} rows, n = {len(targets)}"
        ranked = lambda rng, rows=rows, targets=targets: ranked_table(rng, rows, 3, targets)  # noqa: E731
        yield Cell(name, ranked, some_told_apart(targets), 0.06)


def own_cells() -> Iterator[Cell]:
    for sd in (0.006, 0.015, 0.023):
        for seeds in (2, 3, 5):
            named = f"SD {sd}, {seeds} seeds"
            yield Cell(f"own: of 2, {named}", _alike(2, seeds, sd), own_holds, 0.93, at_least=True)
            yield Cell(f"first: of 8, {named}", _alike(8, seeds, sd), first_holds, 0.95, at_least=True)


def _alike(rows: int, seeds: int, sd: float) -> World:
    return lambda rng: table(rng, [Kind(seeds, sd)] * rows, TARGETS)


def power_cells() -> Iterator[Cell]:
    """Gaps that are found in about 80 %, two rows alone or among eight and six controls; one is promised."""
    targets = targets_of(2115, 361)
    found = {
        0.006: {2: (0.036, 0.043), 3: (0.023, 0.035), 5: (0.019, 0.028), 10: (0.015, 0.023)},
        0.015: {2: (0.069, 0.091), 3: (0.045, 0.061), 5: (0.033, 0.048), 10: (0.023, 0.034)},
    }
    yield _power(0.006, 3, 0.03, 2, targets, 0.80)
    for rows in (2, 8):
        for sd, by_seeds in found.items():
            for seeds, gaps in by_seeds.items():
                yield _power(sd, seeds, gaps[rows > 2], rows, targets, 0.0)


def _power(sd: float, seeds: int, gap: float, rows: int, targets: np.ndarray, bound: float) -> Cell:
    kinds = [Kind(seeds, sd, 0.96), *[Kind(seeds, sd, 0.96 - gap)] * (rows - 1)]
    kinds += [Kind(0, level=0.8)] * (6 if rows > 2 else 0)
    name = f"power: gap {gap}, {rows} rows, SD {sd}, {seeds} seeds"
    return Cell(name, lambda rng: table(rng, kinds, targets), gap_found(targets), bound, at_least=True)


def cells() -> Iterator[Cell]:
    yield from equal_cells()
    yield from own_cells()
    yield from power_cells()


def _line(name: str, value: float, bound: float, at_least: bool, seconds: float) -> tuple[str, bool]:
    holds = value >= bound if at_least else value <= bound
    promise = f"{'≥' if at_least else '≤'} {bound:.1%}" if bound else ""
    return f"{name:52s} {value:6.1%}  {promise:8s} {'' if holds else 'DOES NOT HOLD'} ({seconds:.0f} s)", holds


def _single(only: Sequence[str]) -> Iterator[tuple[str, float, float, bool]]:
    for negatives, positives, least in ((249, 51, 0.88), (1660, 340, 0.93)):
        for metric in ("accuracy", "balanced-accuracy"):
            name = f"single: {metric}, {positives} + {negatives}"
            if _asked(name, only):
                shares = covered(metric, negatives, positives, TRUTHS)
                yield f"{name}, mean", float(shares.mean()), 0.94, True
                yield f"{name}, least up to .998", float(shares[:-1].min()), least, True
                yield f"{name}, at .999", float(shares[-1]), 0.0, True


def _asked(name: str, only: Sequence[str]) -> bool:
    return not only or any(text in name for text in only)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--only", nargs="+", default=[], help="texts, of which a cell's name has one")
    given = parser.parse_args()
    all_hold = True
    for name, value, bound, at_least in _single(given.only):
        line, holds = _line(name, value, bound, at_least, 0)
        all_hold &= holds
        print(line, flush=True)
    for cell in cells():
        if _asked(cell.name, given.only):
            start = time.monotonic()
            line, holds = _line(
                cell.name, cell.measured(given.draws), cell.bound, cell.at_least, time.monotonic() - start
            )
            all_hold &= holds
            print(line, flush=True)
    return 0 if all_hold else 1


if __name__ == "__main__":
    sys.exit(main())
