"""Voters."""

from collections.abc import Callable
from typing import Any

import numpy as np

from registry.checks.building import DECLARED, SEED, build, check_probabilities
from registry.checks.promises import (
    Findings,
    Promise,
    Trial,
    Watch,
    check_given,
    expect,
    shown,
    silent,
    try_all,
)
from registry.declarations import kind_of

SIZES = ((1, 2), (3, 2), (5, 4))  # members, classes
IMAGES = 40


def check_voter(factory: Callable[..., Any], /, **options: Any) -> list[Promise]:
    """A voter fits on members' probabilities and gives probabilities, image by image, each time the same.

    Raises:
        ContractError: it does not; every promise is printed as a line.
    """
    return shown(factory, try_voter(factory, options))


def try_voter(factory: Callable[..., Any], options: dict[str, Any], watch: Watch = silent) -> list[Promise]:
    """What a voter keeps of its contract."""
    check_given(factory, options)
    return try_all(VOTER, Findings(factory=factory, given=options), watch)


def _members(members: int, classes: int) -> np.ndarray:
    """(M, N, K); where there are more than two classes, the first member knows the first class alone."""
    probabilities = np.random.default_rng(members).dirichlet(np.ones(classes), (members, IMAGES))
    if classes > 2:
        first = probabilities[0, :, :1]
        probabilities[0] = np.hstack([first, np.repeat((1 - first) / (classes - 1), classes - 1, axis=1)])
    return probabilities


def _targets(classes: int) -> np.ndarray:
    return np.arange(IMAGES) % max(classes - 1, 2)  # of more than two classes, one has no image


def _build(found: Findings) -> None:
    voter = build(found.factory, (), found.options)
    for method in ("fit", "predict_proba"):
        expect(callable(getattr(voter, method, None)), f"a voter has {method}(), received {kind_of(voter)}")
    again = build(found.factory, (), found.options)
    expect(again is not voter, "the factory makes a new voter at each call, received the same; build it inside")
    found.built = True


def _fit(found: Findings) -> None:
    _ = found.built
    fitted = {}
    for size in SIZES:
        voter, probabilities = build(found.factory, (), found.options), _members(*size)
        expect(voter.fit(probabilities, _targets(size[1])) is voter, "a voter's fit returns the voter itself")
        fitted[size] = voter
    found.fitted = fitted


def _answer(found: Findings) -> None:
    answers = {}
    for size, voter in found.fitted.items():
        answers[size] = voter.predict_proba(_members(*size))
        check_probabilities(answers[size], (IMAGES, size[1]))
    found.answers = answers


def _again(found: Findings) -> None:
    for size, answer in found.answers.items():
        voter = build(found.factory, (), found.options, SEED + 1)
        voter.fit(_members(*size), _targets(size[1]))
        expect(
            bool(np.array_equal(voter.predict_proba(_members(*size)), answer)),
            "fitted twice on the same members it answered otherwise; leave randomness out",
        )


def _by_image(found: Findings) -> None:
    for size, answer in found.answers.items():
        few = found.fitted[size].predict_proba(_members(*size)[:, 7:12])
        check_probabilities(few, (5, size[1]))
        same = np.allclose(few, answer[7:12], atol=1e-6)
        expect(same, "asked of five images alone it answered otherwise than among the others; use no image for another")


def _untouched(found: Findings) -> None:
    for size, voter in found.fitted.items():
        before, given = _members(*size), _members(*size)
        voter.fit(given, _targets(size[1]))
        voter.predict_proba(given)
        expect(bool((before == given).all()), "it changed the probabilities that it was given; copy them first")


VOTER = (
    *DECLARED,
    Trial("it is built, with fit() and predict_proba()", "Voters", _build),
    Trial("it learns from any number of members and classes, and fit() gives itself", "Voters", _fit),
    Trial("it gives class probabilities (N, K)", "Voters", _answer),
    Trial("nothing in it is random", "Voters", _again),
    Trial("what it says of an image depends on that image alone", "Voters", _by_image),
    Trial("it leaves its members' probabilities as they are", "Voters", _untouched),
)
