"""What every check begins with: the declarations of a factory, and a component built at a small size."""

import ast
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from registry.checks.promises import Findings, Trial, expect, name_of
from registry.checks.quiet import keras
from registry.contracts import SOURCES
from registry.declarations import data_files
from registry.errors import ContractError, OptionError, PluginError
from registry.options import read_options, resolve_options

IMAGE_SHAPE = (64, 64, 1)
FEATURE_SHAPE = (8, 8, 24)
MAY_DECLARE = "What a component may declare"  # a part of registry/README.md
BATCH = 4
CLASSES = (2, 4)
SEED = 7


def build(factory: Callable[..., Any], arguments: tuple, options: dict[str, Any], seed: int = SEED) -> Any:
    """A component with its options checked, from that seed."""
    keras.utils.set_random_seed(seed)
    return factory(*arguments, **resolve_options(name_of(factory), read_options(factory), options))


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


def check_data_files(found: Findings) -> None:
    """See that the data files which a factory's module declares are written out and are there."""
    module = sys.modules.get(getattr(found.factory, "__module__", ""))
    path = module and inspect.getsourcefile(module)
    if not path or not Path(path).is_file():
        return  # made in a notebook
    try:
        declared = [name for node in ast.walk(ast.parse(Path(path).read_bytes())) for name in data_files(node, path)]
    except PluginError as error:
        raise ContractError(str(error)) from error
    lacking = [name for name in declared if not Path(path).with_name(name).is_file()]
    expect(not lacking, f"{SOURCES} names files in the folder of {Path(path).name}, which lacks {', '.join(lacking)}")


def check_options(found: Findings) -> None:
    """See that every option of a factory says what it takes, and that its default is such a value.

    Then those that were given are the options to go on with.
    """
    try:
        resolve_options(name_of(found.factory), read_options(found.factory), {})
    except OptionError as error:
        raise ContractError(f"a default is no value that its option takes: {error}") from error
    found.options = found.given


DECLARED = (
    Trial(
        "data files that its module declares are written out, and are there",
        MAY_DECLARE,
        check_data_files,
    ),
    Trial("every option has an annotation, and a default that fits it", "Options", check_options),
)


def check_probabilities(given: Any, shape: tuple[int, int]) -> None:
    """See that these are class probabilities (N, K)."""
    received = getattr(given, "shape", None)
    expect(received == shape, f"predict_proba gives (N, K), {shape} here; received {received}")
    inside = bool(np.all((given >= 0) & (given <= 1))) and np.allclose(given.sum(axis=1), 1, atol=1e-4)
    expect(inside, "class probabilities lie in [0, 1] and sum to 1")
