"""Heads that are no networks."""

import importlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from registry.boosting import is_boosted, xgboost
from registry.checks.building import CLASSES, FEATURE_SHAPE, SEED, build, check_probabilities
from registry.checks.promises import Findings, Trial, expect, reason
from registry.contracts import STORABLE
from registry.declarations import answers_by, best_round, fit_arguments, kind_of, known_classes, random_states
from registry.errors import ContractError

WHERE = "Heads that are no networks"
OPEN = (None, None, FEATURE_SHAPE[-1])  # the map is pooled before such a head is made


def _given(classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, C) that any classifier can tell apart, and their classes (N,)."""
    targets = np.arange(20 * classes) % classes
    pooled = np.random.default_rng(2).normal(size=(len(targets), FEATURE_SHAPE[-1])).astype(np.float32)
    pooled[np.arange(len(targets)), targets] += 4
    return pooled, targets


def _fitted(found: Findings, classes: int, pooled: np.ndarray, targets: np.ndarray, seed: int) -> Any:
    """A head that has learnt; `seed` governs what is random and not by `random_state`."""
    head = build(found.factory, (OPEN, classes), found.options, seed)
    names = random_states(head)
    if names:
        head.set_params(**dict.fromkeys(names, SEED))
    expect(head.fit(pooled, targets, **_fit_extras(head, pooled, targets)) is head, "fit returns the head itself")
    best_round(head)
    return head


def _fit(found: Findings) -> None:
    found.fitted = {classes: _fitted(found, classes, *_given(classes), SEED) for classes in CLASSES}


def _answer(found: Findings) -> None:
    found.answers = {
        classes: _check_answer(head, _given(classes)[0], classes) for classes, head in found.fitted.items()
    }


def _again(found: Findings) -> None:
    for classes, answer in found.answers.items():
        pooled, targets = _given(classes)
        again = _check_answer(_fitted(found, classes, pooled, targets, SEED + 1), pooled, classes)
        expect(
            bool(np.array_equal(again, answer)),
            "fitted twice with the same random_state it answered otherwise; take what is random from that parameter",
        )


def _untouched(found: Findings) -> None:
    for classes in found.answers:
        pooled, targets = _given(classes)
        before = pooled.copy()
        _check_answer(_fitted(found, classes, pooled, targets, SEED), pooled, classes)
        expect(
            bool((before == pooled).all()), "fit or the answer changed the features that it was given; copy them first"
        )


def _storage(found: Findings) -> None:
    for classes, answer in found.answers.items():
        again = _check_answer(_stored(found.fitted[classes], found.factory), _given(classes)[0], classes)
        expect(np.allclose(again, answer, atol=1e-6), "a stored head answers something else than before it was stored")


def _fit_extras(head: Any, pooled: np.ndarray, targets: np.ndarray) -> dict[str, Any]:
    """What its fit names of the further things that it is given."""
    weights = np.ones(len(targets))
    given = {
        "sample_weight": weights,
        "eval_set": [(pooled[::2], targets[::2])],
        "sample_weight_eval_set": [weights[::2]],
    }
    return {keyword: given[name] for name, keyword in fit_arguments(head).items()}


def _check_answer(head: Any, pooled: np.ndarray, classes: int) -> np.ndarray:
    """The answer that is read: probabilities, else scores, else classes."""
    by = answers_by(head)
    if by == "predict_proba":
        answer = head.predict_proba(pooled)
        check_probabilities(answer, (len(pooled), classes))
    elif by == "decision_function":
        answer = np.asarray(head.decision_function(pooled))
        shape = (len(pooled),) if classes == 2 and answer.ndim == 1 else (len(pooled), classes)
        expect(answer.shape == shape, f"decision_function gives {shape} here; received {answer.shape}")
        expect(bool(np.isfinite(answer).all()), "decision_function gives finite numbers")
    else:
        answer = np.asarray(head.predict(pooled))
        inside = answer.shape == (len(pooled),) and bool(np.isin(answer, np.arange(classes)).all())
        expect(inside, f"predict gives class indices (N,) below {classes}, received {answer.shape}: {answer[:3]}")
    known = known_classes(head, classes)
    expect(known == list(range(classes)), f"classes_ holds the {classes} classes that were learnt, received {known}")
    return np.asarray(answer)


def _stored(head: Any, factory: Callable[..., Any]) -> Any:
    """The head as it comes back from a file: XGBoost's own, else of skops."""
    if is_boosted(head):
        loaded = xgboost().XGBClassifier()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "classifier.ubj"
            head.save_model(path)
            loaded.load_model(path)
        return loaded
    skops = importlib.import_module("skops.io")  # looks through all of Keras, for seconds: not before it is needed
    try:
        data = skops.dumps(head)
        held = skops.get_untrusted_types(data=data)
        loaded = skops.loads(data, trusted=held)
    except Exception as error:  # skops meets a third party's objects
        raise ContractError(
            f"{kind_of(head)} cannot be stored without pickle ({reason(error)}); a head that is no network holds "
            "arrays, numbers, texts and estimators of scikit-learn or of its own package"
        ) from error
    own = (*STORABLE, factory.__module__.partition(".")[0])
    strange = [name for name in held if name.partition(".")[0] not in own]
    expect(not strange, f"a stored head holds types of {', '.join(own)} alone, received {', '.join(strange)}")
    return loaded


CLASSIFIER = (
    Trial("it learns from pooled features, and fit() gives itself", WHERE, _fit),
    Trial("it answers for every class", WHERE, _answer),
    Trial("equal random_state gives equal answers", WHERE, _again),
    Trial("it leaves the features as they are", WHERE, _untouched),
    Trial("it is stored without pickle, and answers as before", WHERE, _storage),
)
