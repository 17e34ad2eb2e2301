"""Keras, imported without what its backend writes to the terminal on the way.

Two of TensorFlow's lines come before it has read any setting, so that no setting keeps them away.
"""

import contextlib
import importlib
import os
import sys
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what it says later


def _unheard(module: str) -> Any:
    """A module, while standard error leads nowhere; what its import raises is raised."""
    if module in sys.modules:
        return sys.modules[module]
    with contextlib.ExitStack() as back:
        with contextlib.suppress(OSError):  # there may be no standard error
            kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
            back.callback(lambda: (os.dup2(kept, 2), os.close(kept), os.close(nowhere)))
            os.dup2(nowhere, 2)
        return importlib.import_module(module)


keras = _unheard("keras")
