"""What every check needs: a component built at a small size, and a promise that was kept or not."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from registry.errors import ContractError
from registry.options import read_options, resolve_options

IMAGE_SHAPE = (64, 64, 1)
FEATURE_SHAPE = (8, 8, 24)
BATCH = 4
CLASSES = (2, 4)


def named(check: Callable[..., None]) -> Callable[..., None]:
    """The check, with the component's name in front of its messages."""

    @functools.wraps(check)
    def named(component: Any, **options: Any) -> None:
        try:
            check(component, **options)
        except ContractError as error:
            raise ContractError(f"{getattr(component, '__name__', kind_of(component))}: {error}") from error

    return named


def kind_of(product: Any) -> str:
    """A thing's type, in words."""
    return f"a {type(product).__name__}"


def build(factory: Callable[..., Any], arguments: tuple, options: dict[str, Any]) -> Any:
    """A component with its options checked, from a fixed seed."""
    name = getattr(factory, "__name__", repr(factory))
    keras.utils.set_random_seed(7)
    return factory(*arguments, **resolve_options(name, read_options(factory), options))


def expect(kept: bool, promise: str) -> None:
    """See that a promise was kept.

    Raises:
        ContractError: it was not.
    """
    if not kept:
        raise ContractError(promise)


def check_probabilities(given: Any, shape: tuple[int, int]) -> None:
    """See that these are class probabilities (N, K)."""
    received = getattr(given, "shape", None)
    expect(received == shape, f"predict_proba gives (N, K), {shape} here; received {received}")
    inside = bool(np.all((given >= 0) & (given <= 1))) and np.allclose(given.sum(axis=1), 1, atol=1e-4)
    expect(inside, "class probabilities lie in [0, 1] and sum to 1")
