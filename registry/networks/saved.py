"""Networks that components made, read back from their files."""

import importlib.util
import re
import zipfile
from pathlib import Path

import keras

from registry.errors import PluginError
from registry.lookup import find, load
from registry.networks.archives import CONFIG

_MODULE = re.compile(rb'"module": "(\w+)')


def load_network(path: Path, kind: str, name: str) -> keras.Model:
    """A component's network as it was saved.

    Its module is imported first: layers of its own are known only once that has registered them, and the process that
    predicts need not be the one that trained.

    Raises:
        PluginError: the component, or the library of its layers, does not import any more.
    """
    entry = find(kind, name)
    load(entry)
    try:
        return keras.saving.load_model(path, compile=False)
    except (TypeError, ImportError) as error:
        if not (lacking := _lacking(path)):
            raise
        libraries = getattr(importlib.import_module(entry.module), "cxr_bench_libraries", [])
        install = f"pip install {' '.join(libraries)}" if libraries else "install what holds it"
        raise PluginError(
            f"{kind} {name!r} was saved with layers of {', '.join(lacking)}, not installed here: {install}"
        ) from error


def _lacking(path: Path) -> list[str]:
    """Packages of a network's layers that are not there; none is imported."""
    with zipfile.ZipFile(path) as archive:
        packages = sorted({name.decode() for name in _MODULE.findall(archive.read(CONFIG))})
    return [name for name in packages if importlib.util.find_spec(name) is None]
