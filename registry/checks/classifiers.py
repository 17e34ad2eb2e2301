"""Heads that are no networks."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from registry.checks.promises import FEATURE_SHAPE, build, check_probabilities, expect, kind_of
from registry.contracts import Classifier


def check_classifier(factory: Callable[..., Any], classes: int, options: dict[str, Any]) -> None:
    """It learns what any classifier could, answers for every class, and does so again for the same seed."""
    targets = np.arange(20 * classes) % classes
    pooled = np.random.default_rng(2).normal(size=(len(targets), FEATURE_SHAPE[-1])).astype(np.float32)
    pooled[np.arange(len(targets)), targets] += 4
    before, answers = pooled.copy(), []
    for _ in range(2):
        head = build(factory, (FEATURE_SHAPE, classes), options)
        expect(isinstance(head, Classifier), f"a head is a keras.Model or has fit() and predict(), got {kind_of(head)}")
        expect(head.fit(pooled, targets, **_fit_extras(head, pooled, targets)) is head, "fit returns the head itself")
        answers.append(_check_answer(head, pooled, classes))
    expect(bool(np.array_equal(*answers)), "equal random_state gives equal answers, received others")
    expect(bool((before == pooled).all()), "a head leaves the features as they are")


def _fit_extras(head: Any, pooled: np.ndarray, targets: np.ndarray) -> dict[str, Any]:
    """Seeds the head; what its fit names of the further things that it is given."""
    if hasattr(head, "get_params"):
        seeded = [name for name in head.get_params() if name.rpartition("__")[2] == "random_state"]
        head.set_params(**dict.fromkeys(seeded, 7))
    weights = np.ones(len(targets))
    given = {
        "sample_weight": weights,
        "eval_set": [(pooled[::2], targets[::2])],
        "sample_weight_eval_set": [weights[::2]],
    }
    named = inspect.signature(head.fit).parameters
    return {name: value for name, value in given.items() if name in named}


def _check_answer(head: Any, pooled: np.ndarray, classes: int) -> np.ndarray:
    """The answer that is read: probabilities, else scores, else classes."""
    if hasattr(head, "predict_proba"):
        answer = head.predict_proba(pooled)
        check_probabilities(answer, (len(pooled), classes))
    elif hasattr(head, "decision_function"):
        answer = np.asarray(head.decision_function(pooled))
        shape = (len(pooled),) if classes == 2 and answer.ndim == 1 else (len(pooled), classes)
        expect(answer.shape == shape, f"decision_function gives {shape} here; received {answer.shape}")
        expect(bool(np.isfinite(answer).all()), "decision_function gives finite numbers")
    else:
        answer = np.asarray(head.predict(pooled))
        inside = answer.shape == (len(pooled),) and bool(np.isin(answer, np.arange(classes)).all())
        expect(inside, f"predict gives class indices (N,) below {classes}, received {answer.shape}: {answer[:3]}")
    return np.asarray(answer)
