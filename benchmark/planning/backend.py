"""Which Keras backend the workers of a command compute with; nothing of it is imported here."""

import json
import os
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from benchmark.planning.chain import BACKEND_LIBRARIES
from registry.errors import ConfigError, unknown_name

DEFAULT = "tensorflow"
ACCEPTED = {  # in keras.json: with other values Keras does not start; what these mean for us, `registry.settings` says
    "floatx": ("float16", "float32", "float64"),
    "image_data_format": ("channels_last", "channels_first"),
}


def keras_backend(asked: str | None = None) -> str:
    """The backend that is asked for, else the one that KERAS_BACKEND names, by default TensorFlow.

    Raises:
        UnknownNameError: there is no such backend.
        ConfigError: it is not installed, or the user's settings keep Keras from starting.
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
    _check_settings()
    return backend


def _check_settings() -> None:
    """See that Keras starts with the settings that it finds.

    Raises:
        ConfigError: it does not.
    """
    path = _settings_file()
    try:
        found: Any = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):  # Keras passes over it, too
        return
    wrong = "" if isinstance(found, dict) else "is no table"
    for key, values in ACCEPTED.items() if not wrong else ():
        if found.get(key, values[0]) not in values:
            wrong = f"says {key} = {found[key]!r}, expected {' or '.join(values)}"
    if not wrong and not isinstance(found.get("epsilon", 0.0), float):
        wrong = f"says epsilon = {found['epsilon']!r}, expected a number with a point"
    if wrong:
        raise ConfigError(f"Keras does not start: {path} {wrong}; mend or remove that file")


def _settings_file() -> Path:
    """Where Keras looks for it."""
    if given := os.environ.get("KERAS_HOME"):
        return Path(os.path.expanduser(given)) / "keras.json"  # noqa: PTH111 (raises nothing without a home)
    home = os.path.expanduser("~")  # noqa: PTH111
    return Path(home if os.access(home, os.W_OK) else "/tmp") / ".keras" / "keras.json"
