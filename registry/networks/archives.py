"""Whether a saved Keras network holds layers and numbers alone, looked at before anything is built from it.

A `.keras` archive that somebody else has written can name any class or function that Keras exports, layers that read
files or call code, members and links that lead out of the archive, and arrays that fill the memory.  Keras's safe mode
refuses most of that, version by version; what a network of images needs is little, and all else is refused here.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from registry.errors import DataError

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
MEMBERS = {CONFIG, WEIGHTS, "metadata.json"}
LARGEST = 32 << 20  # bytes of a configuration; that of DenseNet201 has two hundredths of it
PACKED = 64  # an array of weights unpacks to no more than so many times its bytes
DEEPEST = 200  # values in one another; networks of networks need a few dozen

_MODULES = (
    "activations", "constraints", "dtype_policies", "initializers", "layers", "losses", "metrics", "models", "ops",
    "optimizers", "random", "regularizers",
)  # fmt: skip
_ALLOWED = ("builtins", "keras", *(f"keras.{name}" for name in _MODULES))
_HUB = tuple(f"keras_hub.src.models.{name}." for name in ("vit", "dinov2"))  # of the backbone keras-hub
_INTERNAL = (*(f"keras.src.{name}." for name in _MODULES), *_HUB)
_FUNCTIONS = ("builtins", "keras.activations", "keras.ops")
_WIDTHS = ("units", "filters", "depth_multiplier", "num_heads", "key_dim", "value_dim", "input_dim", "output_dim")
_REFUSED = {
    "Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "StringLookup", "IntegerLookup",
    "TextVectorization", "IndexLookup", "__lambda__", "__typespec__",
}  # fmt: skip
_ERRORS = (OSError, ValueError, LookupError, TypeError, RuntimeError, NotImplementedError, zipfile.BadZipFile)


def check_archive(path: Path) -> None:
    """Nothing for a `.keras` archive of layers and numbers; no code is run and nothing written.

    Raises:
        DataError: it holds anything else, or is damaged; a clause without the file's name.
    """
    try:
        _check_members(path)
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read(CONFIG))
            content = archive.read(WEIGHTS)
        _check_config(config, _check_weights(content))
    except DataError:
        raise
    except RecursionError as error:
        raise DataError("its configuration is too deep") from error
    except _ERRORS as error:
        said = " ".join(str(error).split())[:160]
        raise DataError(f"it is no readable Keras archive ({type(error).__name__}: {said})") from error


def _check_members(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        names = [member.filename for member in archive.infolist()]
        if strange := sorted(set(names) - MEMBERS):
            raise DataError(f"it holds {strange[0]!r}; expected {', '.join(sorted(MEMBERS))} alone")
        if len(names) != len(set(names)):
            raise DataError("it holds two members of one name")
        if (size := archive.getinfo(CONFIG).file_size) > LARGEST:
            raise DataError(f"its configuration has {size:,} bytes; expected at most {LARGEST:,}")
        weights = archive.getinfo(WEIGHTS)
        if weights.file_size > LARGEST + PACKED * weights.compress_size:
            raise DataError(f"its weights would unpack to {weights.file_size:,} bytes")


def _check_config(config: Any, bytes_: int) -> None:
    """Of a network whose weights have so many bytes."""
    if not isinstance(config, dict) or "class_name" not in config:
        raise DataError("its configuration names no class")
    for one in _tables(config | {"compile_config": None}):  # which is not used
        if "class_name" in one and "config" in one:
            _check_class(one)
        wide = [name for name in _WIDTHS if isinstance(one.get(name), (int, float)) and one[name] > bytes_]
        if wide:
            raise DataError(f"a layer has {wide[0]} of {one[wide[0]]:g}, more than its weights have bytes")


def _tables(config: Any) -> Iterator[dict[str, Any]]:
    """All tables in it, however deep."""
    todo = [(config, 0)]
    while todo:
        one, depth = todo.pop()
        if depth > DEEPEST:
            raise DataError("its configuration is too deep")
        if isinstance(one, dict):
            yield one
        todo += [(each, depth + 1) for each in _inside(one) if isinstance(each, (dict, list))]


def _inside(one: Any) -> list[Any]:
    return list(one.values()) if isinstance(one, dict) else one


def _check_class(one: dict[str, Any]) -> None:
    """One class or function that is to be built or called: Keras's own, of a network, or registered by a component."""
    name, module = one["class_name"], one.get("module")
    if name in _REFUSED:
        raise DataError(f"it holds {str(name)[:80]!r}, which may run code or read files")
    if module is None:  # tensors, slices and the like
        return
    if name == "function":
        if module not in _FUNCTIONS and ">" not in str(one.get("registered_name")):
            raise DataError(f"it holds a function of {str(module)[:80]!r}; expected one of {', '.join(_FUNCTIONS[:3])}")
        if module == "builtins" and not hasattr(keras.activations, str(one["config"])):
            raise DataError(f"it holds a function {str(one['config'])[:80]!r}; expected an activation of Keras")
    elif module not in _ALLOWED and not str(module).startswith(_INTERNAL) and _is_foreign(one):
        raise DataError(f"it holds a class of {str(module)[:80]!r}; expected layers of Keras or of the component")


def _is_foreign(one: dict[str, Any]) -> bool:
    """Not of a component, which registers its classes under the name of a package."""
    module = str(one["module"])
    return module.partition(".")[0] in ("keras", "keras_hub", "keras_cv", "keras_nlp") or not one.get("registered_name")


def _check_weights(content: bytes) -> int:
    """Bytes of the arrays in an HDF5 file of groups and numbers, each in its one place in that file."""
    with h5py.File(io.BytesIO(content), "r") as file:
        size, seen = 0, set()
        todo: list[tuple[h5py.Group, int]] = [(file, 0)]
        while todo:
            group, depth = todo.pop()
            for name in group:
                if type(group.get(name, getlink=True)) is not h5py.HardLink:
                    raise DataError(f"its weights hold a link at {name[:80]!r}")
                one = group[name]
                place = h5py.h5o.get_info(one.id).addr
                if place in seen or depth > DEEPEST:
                    raise DataError(f"its weights lead in a circle at {name[:80]!r}")
                seen.add(place)
                if isinstance(one, h5py.Group):
                    todo.append((one, depth + 1))
                else:
                    size += _checked_bytes(name, one)
                if size > LARGEST + PACKED * len(content):
                    raise DataError("its weights would unpack to more than a file of its size holds")
    return size


def _checked_bytes(name: str, array: Any) -> int:
    """Of an array of weights."""
    if not isinstance(array, h5py.Dataset) or array.dtype.kind not in "fiubV" or array.dtype.hasobject:
        raise DataError(f"its weights hold something that is no number at {name[:80]!r}")
    if array.external or array.is_virtual:
        raise DataError(f"its weights lie in another file at {name[:80]!r}")
    return int(np.prod(array.shape, dtype=float)) * array.dtype.itemsize
