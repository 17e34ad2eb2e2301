"""What every check needs: a component built at a small size, and a promise that was kept or not."""

import ast
import functools
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from registry.contracts import SOURCES
from registry.declarations import data_files, kind_of
from registry.errors import ContractError, PluginError
from registry.options import read_options, resolve_options

IMAGE_SHAPE = (64, 64, 1)
FEATURE_SHAPE = (8, 8, 24)
BATCH = 4
CLASSES = (2, 4)
SEED = 7


def named(check: Callable[..., None]) -> Callable[..., None]:
    """The check of a factory, and of the data files of its module, with its name in front of the messages."""

    @functools.wraps(check)
    def named(factory: Callable[..., Any], /, *arguments: Any, **options: Any) -> None:
        try:
            check_data_files(factory)
            check(factory, *arguments, **options)
        except ContractError as error:
            raise ContractError(f"{getattr(factory, '__name__', kind_of(factory))}: {error}") from error

    return named


def build(factory: Callable[..., Any], arguments: tuple, options: dict[str, Any], seed: int = SEED) -> Any:
    """A component with its options checked, from that seed."""
    name = getattr(factory, "__name__", repr(factory))
    keras.utils.set_random_seed(seed)
    return factory(*arguments, **resolve_options(name, read_options(factory), options))


def expect(kept: bool, promise: str) -> None:
    """See that a promise was kept.

    Raises:
        ContractError: it was not.
    """
    if not kept:
        raise ContractError(promise)


def check_same_kind(
    factory: Callable[..., Any], arguments: tuple, options: dict[str, Any], asks: Callable[[Any], bool]
) -> None:
    """See that options do not change what a component is or declares: that is read of the default ones alone."""
    if not options:
        return
    found, default = asks(build(factory, arguments, options)), asks(build(factory, arguments, {}))
    expect(
        found == default,
        "options change neither what a component is nor what it declares, "
        f"received {asks.__name__} {found} with them and {default} by default",
    )


def check_data_files(factory: Callable[..., Any]) -> None:
    """See that the data files which a factory's module declares are written out and are there."""
    module = sys.modules.get(getattr(factory, "__module__", ""))
    path = module and inspect.getsourcefile(module)
    if not path or not Path(path).is_file():
        return  # made in a notebook
    try:
        declared = [name for node in ast.walk(ast.parse(Path(path).read_bytes())) for name in data_files(node, path)]
    except PluginError as error:
        raise ContractError(str(error)) from error
    lacking = [name for name in declared if not Path(path).with_name(name).is_file()]
    expect(not lacking, f"{SOURCES} names files in the folder of {Path(path).name}, which lacks {', '.join(lacking)}")


def check_probabilities(given: Any, shape: tuple[int, int]) -> None:
    """See that these are class probabilities (N, K)."""
    received = getattr(given, "shape", None)
    expect(received == shape, f"predict_proba gives (N, K), {shape} here; received {received}")
    inside = bool(np.all((given >= 0) & (given <= 1))) and np.allclose(given.sum(axis=1), 1, atol=1e-4)
    expect(inside, "class probabilities lie in [0, 1] and sum to 1")
