"""Which Keras backend the workers of a command compute with; nothing of it is imported here."""

import os
from importlib.machinery import PathFinder

from benchmark.planning.keys import BACKEND_LIBRARIES
from registry.errors import ConfigError, unknown_name

DEFAULT = "tensorflow"


def keras_backend(asked: str | None = None) -> str:
    """The backend that is asked for, else the one that KERAS_BACKEND names, by default TensorFlow.

    Raises:
        UnknownNameError: there is no such backend.
        ConfigError: it is not installed.
    """
    named = os.environ.get("KERAS_BACKEND")
    backend = asked or named or DEFAULT
    if backend not in BACKEND_LIBRARIES:
        raise unknown_name("Keras backend", backend, BACKEND_LIBRARIES, "the environment variable KERAS_BACKEND")
    installed = [name for name, library in BACKEND_LIBRARIES.items() if PathFinder.find_spec(library)]
    if backend not in installed:
        why = f"KERAS_BACKEND is {backend!r}" if named else f"KERAS_BACKEND is not set, so the backend is {backend!r}"
        what, choose = (f"the backend is {backend!r}", "choose") if asked else (why, "set KERAS_BACKEND to")
        others = f", or {choose} {' or '.join(installed)}" if installed else ""
        raise ConfigError(f"{what}, which is not installed; pip install {BACKEND_LIBRARIES[backend]}{others}")
    return backend
