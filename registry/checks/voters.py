"""Voters."""

from collections.abc import Callable
from typing import Any

import numpy as np

from registry.checks.promises import SEED, build, check_probabilities, expect, named
from registry.declarations import kind_of


@named
def check_voter(factory: Callable[..., Any], **options: Any) -> None:
    """A voter fits on members' probabilities and gives probabilities, image by image, each time the same."""
    rng = np.random.default_rng(0)
    for members, classes in ((1, 2), (3, 2), (5, 4)):
        probabilities = rng.dirichlet(np.ones(classes), (members, 40))
        if classes > 2:
            probabilities[0] = _one_against_all(probabilities[0, :, :1], classes)
        _check_voter(factory, options, probabilities, np.arange(40) % max(classes - 1, 2))  # one class has no image


def _one_against_all(probability: np.ndarray, classes: int) -> np.ndarray:
    """(N, K) of a member that knows the first class alone, from its (N, 1)."""
    return np.hstack([probability, np.repeat((1 - probability) / (classes - 1), classes - 1, axis=1)])


def _check_voter(
    factory: Callable[..., Any], options: dict[str, Any], probabilities: np.ndarray, targets: np.ndarray
) -> None:
    before, answers = probabilities.copy(), []
    for seed in (SEED, SEED + 1):
        voter = build(factory, (), options, seed)
        for method in ("fit", "predict_proba"):
            expect(callable(getattr(voter, method, None)), f"a voter has {method}(), received {kind_of(voter)}")
        expect(voter.fit(probabilities, targets) is voter, "a voter's fit returns the voter itself")
        answers.append(voter.predict_proba(probabilities))
        check_probabilities(answers[-1], probabilities.shape[1:])
    expect(bool(np.array_equal(*answers)), "a voter fitted on the same members answers the same, received others")
    few = voter.predict_proba(probabilities[:, 7:12])
    check_probabilities(few, (5, probabilities.shape[2]))
    expect(np.allclose(few, answers[0][7:12], atol=1e-6), "what a voter says of an image depends on that image alone")
    expect(bool((before == probabilities).all()), "a voter leaves its members' probabilities as they are")
