"""Fitted classifiers as files: XGBoost's UBJ or skops, never a pickle.

Reading a pickle executes what its writer wished; these formats build only objects of types that the reader names.
"""

import importlib
import sys
import zipfile
from collections.abc import Collection
from pathlib import Path
from types import ModuleType
from typing import Any

from registry.boosting import is_boosted, xgboost
from registry.contracts import STORABLE
from registry.errors import ContractError, DataNotFoundError

UBJ, SKOPS = "classifier.ubj", "classifier.skops"


def save(classifier: Any, folder: Path, packages: Collection[str] = ()) -> Path:
    """The one file that holds a fitted classifier: XGBoost's UBJ or skops, never a pickle.

    Args:
        packages: whose types it may hold besides those of NumPy, SciPy and scikit-learn; for `load` the same.

    Raises:
        ContractError: it holds what cannot be stored and loaded so.
    """
    if is_boosted(classifier):
        classifier.save_model(folder / UBJ)
        return folder / UBJ
    path = folder / SKOPS
    try:
        _skops().dump(classifier, path, compression=zipfile.ZIP_DEFLATED)
        _load_skops(path, packages)
    except OSError:  # the disk, not the classifier
        raise
    except Exception as error:  # skops meets a third party's objects
        path.unlink(missing_ok=True)
        reason = (str(error).strip() or type(error).__name__).partition("\n")[0]
        raise ContractError(
            f"classifier {type(classifier).__name__} cannot be stored without pickle ({reason}); "
            "a classifier holds arrays, numbers, texts and estimators of scikit-learn or of its own package"
        ) from error
    return path


def load(folder: Path, packages: Collection[str] = ()) -> Any:
    """What `save` stored.

    Raises:
        DataNotFoundError: there is none.
        ContractError: the file holds a type of a package that is not trusted.
    """
    if (folder / UBJ).is_file():
        classifier = xgboost().XGBClassifier()
        classifier.load_model(folder / UBJ)
        return classifier
    if not (folder / SKOPS).is_file():
        raise DataNotFoundError(f"no stored classifier in {folder}; expected {UBJ} or {SKOPS}")
    return _load_skops(folder / SKOPS, packages)


def _load_skops(path: Path, packages: Collection[str]) -> Any:
    skops = _skops()
    held = skops.get_untrusted_types(file=path)
    strange = [name for name in held if name.partition(".")[0] not in packages and not _harmless(name)]
    if strange:
        raise ContractError(
            f"{path.name} holds {', '.join(strange)}; expected types of {', '.join((*STORABLE, *packages))} alone"
        )
    return skops.load(path, trusted=held)


def _skops() -> ModuleType:
    """The library that is imported by need: it looks through every module that Keras has loaded, for four seconds."""
    return importlib.import_module("skops.io")


def _harmless(name: str) -> bool:
    """Whether it is a class, not a function, of the packages that everything here rests on."""
    module, _, attribute = name.rpartition(".")
    loaded = sys.modules.get(module)  # all of scikit-learn is, by skops; importing more could run something
    return module.partition(".")[0] in STORABLE and isinstance(getattr(loaded, attribute, None), type)
