"""Any classifier of scikit-learn over pooled features, by its name."""

import inspect
from functools import cache
from typing import Any, Literal

from sklearn.base import ClassifierMixin
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils import all_estimators

from registry.errors import OptionError, unknown_name
from registry.options import Scalar, parse_scalar

SCALERS = {"standard": StandardScaler, "min-max": lambda: MinMaxScaler(clip=True)}  # some take nothing below 0

GOVERNED = {
    "random_state": "the run's seed sets it",
    "class_weight": "[training] balance decides how classes are weighed",
    "decision_function_shape": "one score per class is needed",
}


def scikit_learn(
    feature_shape: tuple[int | None, int | None, int],
    num_classes: int,
    *,
    classifier: str = "LogisticRegression",
    scale: Literal["standard", "min-max", "none"] = "standard",
    parameters: str = "",
) -> Any:
    """Any classifier of scikit-learn by name, behind a scaler.

    Args:
        classifier: one of ``sklearn.utils.all_estimators(type_filter="classifier")``.
        scale: every feature to mean 0 and deviation 1, or to [0, 1], by the training images.
        parameters: of the classifier, ``C=10;gamma=0.1``; what is not named keeps scikit-learn's default.

    Raises:
        UnknownNameError: no such classifier, or it has no such parameter.
        OptionError: it needs another estimator as argument, or a parameter has a value it does not take.
    """
    chosen = _built(_class(classifier), _parsed(parameters))
    return Pipeline([("scale", SCALERS[scale]()), ("classifier", chosen)]) if scale in SCALERS else chosen


@cache
def _classes() -> dict[str, type[ClassifierMixin]]:
    return dict(all_estimators(type_filter="classifier"))  # imports all of scikit-learn: half a second


def _class(name: str) -> type[ClassifierMixin]:
    if name not in _classes():
        raise unknown_name("classifier of scikit-learn", name, _classes(), "https://scikit-learn.org/stable/api")
    found = _classes()[name]
    needed = [
        parameter.name
        for parameter in inspect.signature(found).parameters.values()
        if parameter.default is parameter.empty
    ]
    if needed:
        raise OptionError(
            f"scikit-learn's {name} needs another estimator ({', '.join(needed)}), which an option cannot give; "
            "choose a classifier that stands alone"
        )
    return found


def _parsed(text: str) -> dict[str, Scalar]:
    found: dict[str, Scalar] = {}
    for pair in filter(None, (part.strip() for part in text.split(";"))):
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not name or name in found:
            raise OptionError(f"parameters are NAME=VALUE, each once, with ';' between them, received {text!r}")
        if name in GOVERNED:
            raise OptionError(f"parameter {name!r} cannot be given: {GOVERNED[name]}")
        found[name] = None if value.lower() == "none" else parse_scalar(value)
    return found


def _built(kind: type[ClassifierMixin], parameters: dict[str, Scalar]) -> Any:
    """The classifier, its parameters checked before any feature is computed."""
    built = kind()
    known = built.get_params(deep=False)
    for name in parameters:
        if name not in known:
            raise unknown_name(f"parameter of {kind.__name__}", name, known.keys() - GOVERNED, "scikit-learn's manual")
    built.set_params(**parameters)
    try:
        built._validate_params()
    except ValueError as error:
        raise OptionError(f"scikit-learn's {kind.__name__} cannot be built: {error}") from error
    return built
