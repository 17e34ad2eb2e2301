"""Python's search for circles of garbage, put off while there are none to find."""

import gc
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def uncollected() -> Iterator[None]:
    """Nothing is searched inside: among the millions of numbers of many records that takes a seventh of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def unsearched() -> None:
    """All that is there now is never searched again, as is right where the process is about to end."""
    gc.freeze()


def imported(name: str) -> ModuleType:
    """A module: of the time that a large library takes to import, the search for garbage is a fifth."""
    with uncollected():
        return importlib.import_module(name)


def imported_for_good(name: str) -> ModuleType:
    """A module in a worker, and whatever library of networks comes with it: these are never searched again.

    Keras has everything searched before each step, which in all that it consists of took a quarter of a second.
    """
    module = imported(name)
    if "keras" in sys.modules and not gc.get_freeze_count():
        gc.collect()  # of networks that were made while components were described: their circles would stay too
        gc.freeze()
    return module
