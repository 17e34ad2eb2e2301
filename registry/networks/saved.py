"""Networks that components made, read back from their files."""

from pathlib import Path

import keras

from registry.lookup import find, load


def load_network(path: Path, kind: str, name: str) -> keras.Model:
    """A component's network as it was saved.

    Its module is imported first: layers of its own are known only once that has registered them, and the process that
    predicts need not be the one that trained.

    Raises:
        PluginError: the component does not import any more.
    """
    load(find(kind, name))
    return keras.saving.load_model(path, compile=False)
