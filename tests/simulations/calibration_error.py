"""How often the intervals of calibration errors hold the truth, on simulated models; prints a line per model.

    python -m tests.simulations.calibration_error [--draws 300] [--images 300 2000] [--groups 1 3] [--stated 1 1.3 2]

A model of two classes: true log-odds of the answer are 3 |N(0, 1)|, it states them so many times as large; its answers
are right with the true probability, those of a group by normals that share half of their variance.  The truth of the
RMS calibration error is over 15 bins of equal mass of an endless test set; a slope's is 1 / stated, and an intercept's
is what brings the mean of the stated probabilities of the positive class to that of the true ones.
"""

import argparse
from collections.abc import Iterator
from functools import cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from benchmark.evaluation.calibration_error import squared_error
from benchmark.evaluation.probability_estimates import recalibration_estimates, rms_calibration_error
from benchmark.evaluation.resampling import bootstrap
from benchmark.records.metrics import CALIBRATION_INTERCEPT, CALIBRATION_SLOPE, RMS_CALIBRATION_ERROR

SHARED = 0.5  # of the variance, in a group
ENDLESS = 1_500_000
BINS = 15
RESAMPLES = 1000
NORMAL = np.vectorize(NormalDist().cdf)


class Model(NamedTuple):
    """So many images in groups of `size`, and how many times as large as the true log-odds are the stated ones."""

    n: int
    size: int
    stated: float


class Images(NamedTuple):
    """Targets (n,), stated probabilities (n, 2), groups (n,)."""

    targets: np.ndarray
    probabilities: np.ndarray
    groups: np.ndarray


def drawn(model: Model, rng: np.random.Generator) -> Images:
    """A test subset; the answer is the second class for half of the images."""
    groups = np.arange(model.n) // model.size
    odds = 3 * np.abs(rng.normal(size=model.n))
    shared, own = rng.normal(size=groups[-1] + 1)[groups], rng.normal(size=model.n)
    level = NORMAL(np.sqrt(SHARED) * shared + np.sqrt(1 - SHARED) * own) if model.size > 1 else rng.random(model.n)
    right = level < _logistic(odds)
    answer = rng.integers(0, 2, model.n)
    confidence = _logistic(model.stated * odds)
    second = np.where(answer == 1, confidence, 1 - confidence)
    return Images(np.where(right, answer, 1 - answer), np.stack([1 - second, second], axis=1), groups)


@cache
def true_error(stated: float) -> float:
    """RMS calibration error over bins of equal mass, of an endless test set."""
    odds = np.sort(3 * np.abs(np.random.default_rng(0).normal(size=ENDLESS)))
    gaps = _logistic(stated * odds) - _logistic(odds)
    return float(np.sqrt(np.mean([part.mean() ** 2 for part in np.array_split(gaps, BINS)])))


def held(model: Model, draws: int, seed: int = 0, resamples: int = RESAMPLES) -> dict[str, float]:
    """Metric -> share of the test subsets on which its 95 % interval holds the truth."""
    truth = {RMS_CALIBRATION_ERROR: true_error(model.stated), CALIBRATION_SLOPE: 1 / model.stated}
    truth[CALIBRATION_INTERCEPT] = 0.0  # both classes are alike
    hits: dict[str, list[bool]] = {name: [] for name in truth}
    for number in range(draws):
        rng = np.random.default_rng((seed, number, model.n, model.size, round(10 * model.stated)))
        images = drawn(model, rng)
        for name, one in _estimates(images, resamples, number).items():
            assert one.low is not None and one.high is not None
            hits[name].append(one.low <= truth[name] <= one.high)
    return {name: float(np.mean(found)) for name, found in hits.items()}


def _estimates(images: Images, resamples: int, seed: int) -> dict:
    targets, probabilities, groups = images
    drawn = bootstrap(lambda weights: squared_error(targets, probabilities, weights), groups, seed, resamples)
    found = recalibration_estimates(targets == 1, probabilities, groups)
    return {RMS_CALIBRATION_ERROR: rms_calibration_error(targets, probabilities, groups, drawn), **found}


def _logistic(odds: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-odds)))


def main() -> None:
    """Print one line per model."""
    asked = _arguments()
    print("images groups of  stated   truth   " + "   ".join(held(Model(30, 1, 1.0), 1)))
    for model in _models(asked):
        shares = held(model, asked.draws)
        line = "   ".join(f"{share:.1%}".rjust(len(name)) for name, share in shares.items())
        print(f"{model.n:6,} {model.size:9} {model.stated:7} {true_error(model.stated):7.4f}   {line}", flush=True)


def _models(asked: argparse.Namespace) -> Iterator[Model]:
    for n in asked.images:
        for size in asked.groups:
            yield from (Model(n, size, stated) for stated in asked.stated)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--draws", type=int, default=300)
    parser.add_argument("--images", type=int, nargs="+", default=[300, 2000])
    parser.add_argument("--groups", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--stated", type=float, nargs="+", default=[1.0, 1.3, 2.0])
    return parser.parse_args()


if __name__ == "__main__":
    main()
