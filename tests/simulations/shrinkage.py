"""What shrinking a calibration to the identity is worth, on simulated networks; prints one table per number of images.

    python -m tests.simulations.shrinkage [--settings 60] [--repeats 10] [--images 10 16 30 …] [--temperature]

A setting is a network: how well it separates two classes (AUROC .65 to .999; scores normal, normal with twice the
spread among positives, or with the tails of Student's t), how over- or underconfident it is (true slope .3 to 3) and
how far its threshold is off (-2 to 2 in log-odds at equal class shares).  On so many calibration images, a tenth to a
half of them positive, log-odds are left as they are (raw), fitted by Platt's method (ml: softened targets, no prior)
and shrunk by priors of several strengths; all are judged on quantiles of the scores, an endless test set.  Regret: how
much worse than the better of raw and ml, means over repeats; its median and worst are over settings.  `--temperature`
does the same for a temperature of four classes (true one 1/3 to 3), by log-loss, `ml` being a prior that is no more.
"""

import argparse
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy import stats
from scipy.optimize import brentq, minimize

from benchmark.evaluation.metrics import ece
from benchmark.evaluation.shrinkage import INTERCEPT_SD, LOG_SLOPE_SD, shrunk_platt, shrunk_temperature

IMAGES = (10, 16, 30, 55, 120, 500, 2000)
AUROCS, PREVALENCES = (0.65, 0.8, 0.9, 0.97, 0.999), (0.1, 0.3, 0.5)
SLOPES, INTERCEPTS = (0.3, 0.6, 1.0, 1.7, 3.0), (-2.0, -1.0, -0.5, 0.0, 0.0, 0.5, 1.0, 2.0)
PRIORS = tuple(itertools.product((0.25, 0.5, 0.7, 1.0), (0.5, 1.0, 1.5, 2.0)))  # SDs of log-slope and intercept
TEMPERATURE_PRIORS = (0.25, 0.5, 1.0)
NO_PRIOR = 1e6
POINTS = (np.arange(1000) + 0.5) / 1000
SHAPES = {  # distribution of the negatives' scores, and of the positives' but for their distance
    "normal": (stats.norm(), stats.norm()),
    "unequal": (stats.norm(), stats.norm(scale=2)),
    "tails": (stats.t(3), stats.t(3)),
}

Fit = tuple[float, float]  # slope and intercept


class Verdict(NamedTuple):
    """What a fit is worth: decisions at equal class shares, probabilities at the prevalence."""

    balanced_accuracy: float
    log_loss: float
    ece: float


@dataclass(frozen=True)
class Network:
    """Scores of either class that its own slope and intercept make calibrated log-odds at equal class shares."""

    shape: str
    auroc: float
    prevalence: float
    slope: float
    intercept: float

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Log-odds (n,) at equal class shares as the network gives them, and positives (n,)."""
        positives = np.arange(n) < max(1, round(self.prevalence * n))
        return self._given(np.where(positives, *self._scores(rng.random(n))[::-1])), positives

    def quantiles(self) -> np.ndarray:
        """(2, 1000) log-odds as the network gives them, of negatives and of positives."""
        return self._given(np.stack(self._scores(POINTS)))

    def _scores(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        negatives, positives = SHAPES[self.shape]
        return negatives.ppf(shares), positives.ppf(shares) + _distance(self.shape, self.auroc)

    def _given(self, scores: np.ndarray) -> np.ndarray:
        slope, intercept = _population(self.shape, self.auroc)
        return (slope * scores + intercept - self.intercept) / self.slope


@cache
def _distance(shape: str, auroc: float) -> float:
    """How far apart classes are for that AUROC."""
    negatives, positives = SHAPES[shape]
    return float(brentq(lambda gap: negatives.cdf(positives.ppf(POINTS) + gap).mean() - auroc, 0, 60))


@cache
def _population(shape: str, auroc: float) -> Fit:
    """What makes scores calibrated log-odds, fitted to all of their distribution."""
    negatives, positives = SHAPES[shape]
    scores = np.concatenate([negatives.ppf(POINTS), positives.ppf(POINTS) + _distance(shape, auroc)])
    return likelihood_fit(scores, np.repeat([0.0, 1.0], len(POINTS)), 0.0)


def likelihood_fit(odds: np.ndarray, soft: np.ndarray, shift: float) -> Fit:
    """Slope and intercept of greatest likelihood, without a prior."""

    def cost(found: np.ndarray) -> tuple[float, np.ndarray]:
        fitted = found[0] * odds + found[1] + shift
        left = 1 / (1 + np.exp(-np.clip(fitted, -500, 500))) - soft
        return float((np.logaddexp(0, fitted) - soft * fitted).sum()), np.array([left @ odds, left.sum()])

    found = minimize(cost, np.array([1.0, 0.0]), jac=True, method="BFGS").x
    return max(float(found[0]), 1e-3), float(found[1])


def platt(odds: np.ndarray, positives: np.ndarray) -> Fit:
    """Platt's fit as published, with softened targets."""
    count, rest = int(positives.sum()), int((~positives).sum())
    soft = np.where(positives, (count + 1) / (count + 2), 1 / (rest + 2))
    return likelihood_fit(odds, soft, float(np.log(count / rest)))


def judged(network: Network, fit: Fit) -> Verdict:
    """On endless test images."""
    odds = fit[0] * network.quantiles() + fit[1]
    shares = np.array([[1 - network.prevalence], [network.prevalence]])
    at_prevalence = odds + np.log(network.prevalence / (1 - network.prevalence))
    losses = np.logaddexp(0, at_prevalence * np.array([[1], [-1]]))
    p = 1 / (1 + np.exp(-np.clip(at_prevalence.ravel(), -500, 500)))
    error = ece(np.repeat([0, 1], len(POINTS)), np.stack([1 - p, p], axis=1), np.repeat(shares, len(POINTS)))
    right = ((odds[0] <= 0).mean() + (odds[1] > 0).mean()) / 2
    return Verdict(float(right), float((shares * losses).sum() / len(POINTS)), float(error))


def networks(rng: np.random.Generator, count: int) -> Iterator[Network]:
    for _ in range(count):
        yield Network(*(one[rng.integers(len(one))] for one in (list(SHAPES), AUROCS, PREVALENCES, SLOPES, INTERCEPTS)))


def simulated(
    images: int, settings: int, repeats: int, seed: int, priors: tuple[Fit, ...] = PRIORS
) -> dict[str, np.ndarray]:
    """(settings, 3) verdicts of every way to fit, means over repeats."""
    rng = np.random.default_rng(seed)
    ways: dict[str, Callable[[np.ndarray, np.ndarray], Fit]] = {"raw": lambda odds, positives: (1.0, 0.0), "ml": platt}
    for sds in priors:
        ways[f"{sds[0]:.2f} {sds[1]:.1f}"] = lambda odds, positives, sds=sds: shrunk_platt(odds, positives, *sds)
    found: dict[str, list[np.ndarray]] = {name: [] for name in ways}
    for network in networks(rng, settings):
        drawn = [network.draw(rng, images) for _ in range(repeats)]
        for name, way in ways.items():
            verdicts = [judged(network, way(*one)) for one in (drawn[:1] if name == "raw" else drawn)]
            found[name].append(np.mean(verdicts, axis=0))
    return {name: np.array(verdicts) for name, verdicts in found.items()}


def regrets(found: dict[str, np.ndarray], name: str, column: int) -> np.ndarray:
    """(settings,) how much worse than the better of raw and ml, in a column of the verdicts."""
    sign = 1 if column == 0 else -1
    best = np.maximum(sign * found["raw"][:, column], sign * found["ml"][:, column])
    return np.asarray(best - sign * found[name][:, column])


def simulated_temperatures(images: int, settings: int, repeats: int, seed: int) -> dict[str, np.ndarray]:
    """(settings, 3) as `simulated`, with the log-loss alone; four classes."""
    rng = np.random.default_rng(seed)
    ways = {"raw": None, "ml": NO_PRIOR} | {f"{sd:.2f}": sd for sd in TEMPERATURE_PRIORS}
    found: dict[str, list[list[float]]] = {name: [] for name in ways}
    for _ in range(settings):
        temperature, spread = np.exp(rng.uniform(-np.log(3), np.log(3))), rng.choice([0.7, 1.5, 3.0, 6.0])
        losses: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(repeats):
            true = spread * rng.normal(size=(images + 4000, 4))
            targets = (true + rng.gumbel(size=true.shape)).argmax(axis=1)
            given, fit, test = temperature * true, np.s_[:images], np.s_[images:]
            for name, sd in ways.items():
                answer = given[test] / (1 if sd is None else shrunk_temperature(given[fit], targets[fit], sd))
                own = answer[np.arange(len(answer)), targets[test]]
                losses[name].append(float((np.logaddexp.reduce(answer, axis=1) - own).mean()))
        for name, values in losses.items():
            found[name].append([np.nan, float(np.mean(values)), np.nan])
    return {name: np.array(values) for name, values in found.items()}


def table(found: dict[str, np.ndarray], columns: tuple[int, ...]) -> Iterator[str]:
    titles = ["balanced accuracy: mean, regret median, 90 %, worst", "log-loss: the same", "ECE: mean"]
    yield "priors     " + " | ".join(f"{titles[column]:52s}" for column in columns)
    for name, verdicts in found.items():
        cells = []
        for column in columns:
            numbers = [verdicts[:, column].mean()]
            if column < 2:
                regret = regrets(found, name, column)
                numbers += [np.median(regret), np.quantile(regret, 0.9), regret.max()]
            cells.append(f"{' '.join(f'{number:+.4f}' for number in numbers):52s}")
        yield f"{name:10s} " + " | ".join(cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--images", type=int, nargs="+", default=IMAGES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--temperature", action="store_true")
    given = parser.parse_args()
    for images in given.images:
        print(f"\n{images} images; now {LOG_SLOPE_SD} {INTERCEPT_SD}")
        if given.temperature:
            lines = table(simulated_temperatures(images, given.settings, given.repeats, given.seed), (1,))
        else:
            lines = table(simulated(images, given.settings, given.repeats, given.seed), (0, 1, 2))
        print(*lines, sep="\n", flush=True)


if __name__ == "__main__":
    main()
