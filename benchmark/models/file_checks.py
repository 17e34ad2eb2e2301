"""What the files of a run's models may hold, looked at before a library builds anything from them.

Whoever hands on a run can seal it again: a seal that fits says nothing of who wrote the files.
"""

import importlib
import zipfile
from collections.abc import Collection
from pathlib import Path

from benchmark.models.boosted_file import check_boosted
from benchmark.models.classifier_files import SKOPS, UBJ
from registry.contracts import STORABLE
from registry.errors import DataError
from registry.networks.archives import check_archive

_MEMBERS = (".npy", ".npz", ".json")


def check_content(path: Path, packages: Collection[str]) -> None:
    """Nothing for a file that holds what a model does, and for one that is no model's.

    Args:
        packages: of the head's own distribution, whose classes its file may hold.

    Raises:
        DataError: it holds anything else, or is damaged; a clause without the file's name.
    """
    if path.suffix == ".keras":
        check_archive(path)
    elif path.name == UBJ:
        check_boosted(path)
    elif path.name == SKOPS:
        check_types(path, packages)


def check_types(path: Path, packages: Collection[str]) -> None:
    """Nothing for what skops stored of classes alone: a function could be one that writes files.

    Raises:
        DataError: it holds another thing, or is damaged; a clause without the file's name.
    """
    skops = importlib.import_module("skops.io")  # by need: it looks through all that Keras has loaded
    try:
        with zipfile.ZipFile(path) as archive:
            strange = [name for name in archive.namelist() if not name.endswith(_MEMBERS) or "/" in name]
        strange += [name for name in skops.get_untrusted_types(file=path) if not _is_class(name, packages)]
    except Exception as error:  # a file that is damaged raises whatever its part that is damaged does
        said = " ".join(str(error).split())[:160]
        raise DataError(f"it is no readable file of skops ({type(error).__name__}: {said})") from error
    if strange:
        expected = ", ".join((*STORABLE, *packages))
        raise DataError(f"it holds {strange[0][:80]!r}; expected classes of {expected} alone")


def _is_class(name: str, packages: Collection[str]) -> bool:
    module, _, attribute = name.rpartition(".")
    if module.partition(".")[0] not in (*STORABLE, *packages):
        return False
    try:
        return isinstance(getattr(importlib.import_module(module), attribute, None), type)
    except ImportError:
        return False
