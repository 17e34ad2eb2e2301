"""What a component keeps of its contract, promise by promise.  A worker's task."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from benchmark.execution.protocol import Emit, Progress, TryPromises
from benchmark.storage.garbage import imported
from registry.checks.promises import TRIED_IN, Promise
from registry.declarations import needs_files
from registry.errors import ConfigError, ContractError, PluginError
from registry.lookup import find, load

IMPORTS = "it is imported, and is a function"


def serve(request: TryPromises, emit: Emit) -> list[Promise]:
    """Every promise, kept or not.

    Raises:
        BenchError: it has no such option, or a dataset lacks its folder.
    """
    kind, name, options = request.component
    _tell(emit, IMPORTS)
    try:
        factory = load(find(kind, name))
    except PluginError as error:
        return [Promise(IMPORTS, False, str(error), "Distributions")]
    if kind in WITH_FILES:
        _check_data(factory, name, request.data)
    given = {"root": request.data or None} if kind in WITH_FILES else {}
    attempt = getattr(imported(TRIED_IN[kind]), f"try_{kind}")
    promises = attempt(factory, options, lambda promise: _tell(emit, promise), **given)
    return [Promise(IMPORTS, True, where="Distributions"), *promises]


WITH_FILES = ("dataset",)  # kinds whose factories take a folder


def _tell(emit: Emit, promise: str) -> None:
    emit(Progress(stage=promise, what=promise))


def _check_data(factory: Callable[..., Any], name: str, data: str) -> None:
    needed = False
    with suppress(ContractError, ValueError, TypeError):  # a promise of its own
        needed = needs_files(factory)
    if needed and not data:
        raise ConfigError(f"dataset {name!r} is read from files; say where they are: --data DIR")
