"""XGBoost, imported where something is boosted: its library needs OpenMP, which macOS comes without."""

import importlib
import sys
from types import ModuleType
from typing import Any

from registry.errors import PluginError

OPENMP = {"darwin": "brew install libomp"}  # elsewhere:
LIBGOMP = "install libgomp (apt install libgomp1)"


def xgboost() -> ModuleType:
    """The library.

    Raises:
        PluginError: it cannot be loaded; the message holds the remedy.
    """
    try:
        return importlib.import_module("xgboost")
    except ValueError as error:  # XGBoost's own error, which cannot be imported from what does not import
        remedy = OPENMP.get(sys.platform, LIBGOMP)
        raise PluginError(f"XGBoost cannot load its library, most likely for want of OpenMP: {remedy}") from error


def is_boosted(classifier: Any) -> bool:
    """Whether a classifier is one of XGBoost."""
    library = sys.modules.get("xgboost")
    return library is not None and isinstance(classifier, library.XGBModel)


def is_library_error(error: ValueError) -> bool:
    """Whether XGBoost complains of memory or of the device, and not of what it was given."""
    library = sys.modules.get("xgboost")
    return library is not None and isinstance(error, library.core.XGBoostError)
