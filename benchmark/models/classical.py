"""Heads that are no networks: fitted on pooled features and read as logits."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.class_weight import compute_sample_weight

from benchmark.models.classifier_files import load, save
from registry.boosting import is_boosted, is_library_error
from registry.declarations import answers_by, best_round, fit_arguments, known_classes, last_step, random_states
from registry.errors import ContractError, DataError

__all__ = ["Learnt", "fit", "load", "logits", "save"]

FLOOR = 1e-6  # the least probability that is read as one: log-odds stay within ±13.8

How = Literal["weights", "repeated", "as they are"]


class Learnt(NamedTuple):
    """A fitted classifier and what it learnt from.

    Attributes:
        prior: (K,) class prior it saw, weights and repetition included.
        how: what made the classes weigh alike.
        rounds: of boosting that answer, where fitting stopped early.
        notes: what it warned of, one line each.
    """

    classifier: Any
    prior: np.ndarray
    how: How
    rounds: int | None
    notes: tuple[str, ...]


def fit(
    classifier: Any,
    features: np.ndarray,
    targets: np.ndarray,
    num_classes: int,
    *,
    balance: Literal["batches", "weights", "none"],
    validation: tuple[np.ndarray, np.ndarray],
    seed: int,
) -> Learnt:
    """A classifier fitted on pooled features; whatever `balance` but ``none`` makes the classes weigh alike.

    Classes are weighted where the classifier's `fit` takes `sample_weight`, otherwise images of the rarer classes
    are repeated in turn until each class has as many.

    Args:
        features, targets: (N, C) and (N,) of the training images.
        validation: the same of the images to stop early on, given where `fit` names `eval_set`.
        seed: set as every parameter called ``random_state``.

    Raises:
        DataError: a feature is not finite, or the classifier refuses to learn from them.
    """
    _check_finite(features, validation[0])
    _seed(classifier, seed)
    named = fit_arguments(classifier)
    how: How = "as they are" if balance == "none" else "weights" if "sample_weight" in named else "repeated"
    rows = _repeated(targets) if how == "repeated" else np.arange(len(targets))
    features, targets = features[rows], targets[rows]
    extra: dict[str, Any] = {"sample_weight": _balanced(targets)} if how == "weights" else {}
    with warnings.catch_warnings(record=True) as caught, _refusals(classifier, "learn from"):
        warnings.simplefilter("always")
        if "eval_set" in named:
            extra |= _early_stopping(classifier, features, targets, validation, balance != "none")
        classifier.fit(features, targets, **{named[name]: value for name, value in extra.items()})
    shares = np.bincount(targets, extra.get("sample_weight"), num_classes)
    best = best_round(classifier)
    return Learnt(classifier, shares / shares.sum(), how, None if best is None else best + 1, _notes(caught))


def logits(classifier: Any, features: np.ndarray, num_classes: int) -> np.ndarray:
    """(N, K) finite scores of which the softmax is the classifier's answer, or its nearest likeness.

    The logarithm of `predict_proba`, not below log `FLOOR` (of XGBoost the margins, which are the same without
    rounding); else `decision_function`, of which two classes get 0 and the value; else 1 and `FLOOR` for the class
    that `predict` names and the others.  A class that the classifier has never seen scores log `FLOOR` below the rest.

    Raises:
        DataError: a feature is not finite, or the classifier refuses them.
        ContractError: it does not give one finite score per class.
    """
    _check_finite(features)
    with warnings.catch_warnings(), _refusals(classifier, "answer for"):
        warnings.simplefilter("ignore")  # what could matter is checked below
        scores = _scores(classifier, features, num_classes)
    complete = scores.shape == (len(features), num_classes)
    known = list(range(num_classes)) if complete else known_classes(classifier, num_classes)
    if scores.shape != (len(features), len(known)):
        raise ContractError(f"{_name(classifier)} gives scores {scores.shape}, expected {(len(features), num_classes)}")
    if not np.isfinite(scores).all():
        raise ContractError(f"{_name(classifier)} gives scores that are not finite; try another scale or classifier")
    every = np.full((len(features), num_classes), np.log(FLOOR)) + scores.min(axis=1, keepdims=True)
    every[:, known] = scores
    return every


def _name(classifier: Any) -> str:
    return f"classifier {type(last_step(classifier)).__name__}"


def _balanced(targets: np.ndarray) -> np.ndarray:
    """(N,) weights of mean 1 that give every class the same total."""
    return np.asarray(compute_sample_weight("balanced", targets))


def _seed(classifier: Any, seed: int) -> None:
    names = random_states(classifier)
    if names:
        classifier.set_params(**dict.fromkeys(names, seed))


def _repeated(targets: np.ndarray) -> np.ndarray:
    """Rows in order, those of a rarer class in turn as often as it takes to have as many of each."""
    counts = np.bincount(targets)
    chosen = [np.resize(np.flatnonzero(targets == k), counts.max()) for k in np.flatnonzero(counts)]
    return np.sort(np.concatenate(chosen))


def _early_stopping(
    classifier: Any,
    features: np.ndarray,
    targets: np.ndarray,
    validation: tuple[np.ndarray, np.ndarray],
    balanced: bool,
) -> dict[str, Any]:
    """`eval_set` as the last step sees it, its classes weighing alike where the training images' do."""
    watched, truth = validation
    weighted = "sample_weight_eval_set" in fit_arguments(classifier)
    if balanced and not weighted:
        rows = _repeated(truth)
        watched, truth = watched[rows], truth[rows]
    if isinstance(classifier, Pipeline):
        watched = clone(classifier[:-1]).fit(features, targets).transform(watched)
    given = {"eval_set": [(watched, truth)]}
    return given | ({"sample_weight_eval_set": [_balanced(truth)]} if balanced and weighted else {})


def _scores(classifier: Any, features: np.ndarray, num_classes: int) -> np.ndarray:
    if is_boosted(classifier):
        scores = classifier.predict(features, output_margin=True)
    elif answers_by(classifier) == "predict_proba":
        return np.log(np.clip(np.asarray(classifier.predict_proba(features), float), FLOOR, 1))
    elif answers_by(classifier) == "decision_function":
        scores = classifier.decision_function(features)
    else:
        named = np.asarray(classifier.predict(features), int)
        return np.log(np.clip(np.eye(num_classes)[named], FLOOR, 1))
    scores = np.asarray(scores, float)
    return np.stack([np.zeros_like(scores), scores], axis=1) if scores.ndim == 1 else scores


def _check_finite(*arrays: np.ndarray) -> None:
    for features in arrays:
        bad = int((~np.isfinite(features).all(axis=1)).sum())
        if bad:
            raise DataError(
                f"the features of {bad} of {len(features)} images are not finite; "
                "a classical head needs numbers: check the backbone, or train it at a lower learning rate"
            )


@contextmanager
def _refusals(classifier: Any, verb: str) -> Iterator[None]:
    """A classifier's own complaint about its input, in one line."""
    try:
        yield
    except ValueError as error:
        if is_library_error(error):
            raise
        first = str(error).strip().partition("\n")[0]
        raise DataError(f"{_name(classifier)} cannot {verb} these features: {first}") from error


def _notes(caught: list[warnings.WarningMessage]) -> tuple[str, ...]:
    lines = (f"{warning.category.__name__}: {str(warning.message).strip().partition(chr(10))[0]}" for warning in caught)
    return tuple(dict.fromkeys(lines))
