"""Which code a result depends on, without executing any of it.

The digest of a module covers the source bytes of its static import closure inside the packages of its own distribution:
function-level imports and every package's `__init__` too.  What lies outside counts by distribution version.
"""

import contextlib
import hashlib
import os
import sys
from collections.abc import Callable, Collection, Iterator
from functools import cache, wraps
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from benchmark.imports import Named, Names

P = ParamSpec("P")
T = TypeVar("T")

NAMES = Names()

_looked: dict[tuple[object, ...], Any] | None = None


def once(key: tuple[object, ...], find: Callable[[], T]) -> T:
    """What `find()` gives, asked once for the same key within `one_look`, elsewhere every time."""
    if _looked is None:
        return find()
    if key not in _looked:
        _looked[key] = find()
    return cast("T", _looked[key])


def in_one_look(found: Callable[P, T]) -> Callable[P, T]:
    """The same function, called once for the same arguments within `one_look`."""

    @wraps(found)
    def looked(*args: P.args, **kwargs: P.kwargs) -> T:
        return once((found, args, *kwargs.items()), lambda: found(*args, **kwargs))

    return looked


def digest(*parts: object) -> str:
    """Hexadecimal SHA-256 of strings, unambiguous about where one ends."""
    encoded = [str(part).encode() for part in parts]
    return hashlib.sha256(b"".join([len(data).to_bytes(8, "little") + data for data in encoded])).hexdigest()


@in_one_look
def code_digest(module: str, packages: Collection[str] = ()) -> str | None:
    """Digest of a module's source closure; None where its source cannot be read (then nothing may be cached).

    Args:
        packages: further top-level packages of the module's own distribution.

    Raises:
        PluginError: a file declares its data files in a way that only running it would tell.
    """
    files = source_files(module, packages)
    if files is None:
        return None
    return digest(*(f"{name}:{file_digest(path)}" for name, path in sorted(files.items())))


@contextlib.contextmanager
def one_look() -> Iterator[None]:
    """Within it each file is looked at once: what is planned together stands on the same code and weights."""
    global _looked
    before, _looked = _looked, {}
    try:
        yield
    finally:
        _looked = before


def source_files(module: str, packages: Collection[str] = ()) -> dict[str, str] | None:
    """Module (or data file) name -> path of everything in the static import closure; None without source."""
    own = {module.partition(".")[0], *packages}
    found: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = None if name in found else _module_path(name)
        if path is None:
            continue
        found[name] = path
        parent = name.rpartition(".")[0]
        if parent:
            waiting.append(parent)
        imported, data = _names(path, name)
        waiting.extend(target for target in imported if target.partition(".")[0] in own)
        for file in data:
            found[f"{name}/{file}"] = os.path.join(os.path.dirname(path), file)  # noqa: PTH118,PTH120 (str paths, hot)
    return found if module in found else None


@in_one_look
def file_digest(path: str) -> str:
    """Hexadecimal SHA-256 of a file's bytes, read anew only when its time or size has changed."""
    return _file_digest(path, *_stamp(path))


def library_versions(*distributions: str) -> dict[str, str]:
    """Distribution -> installed version, ``absent`` where it is not installed."""
    return {name: _version(name) for name in distributions}


@cache
def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "absent"


@cache
def _package_root(top: str) -> str | None:
    """The folder that holds a top-level package or module (a top-level look-up executes nothing)."""
    spec = PathFinder.find_spec(top, [entry or str(Path.cwd()) for entry in sys.path])
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return str(Path(next(iter(spec.submodule_search_locations))).parent)
    return str(Path(spec.origin).parent) if spec.origin and spec.origin.endswith(".py") else None


@in_one_look
def _module_path(name: str) -> str | None:
    root = _package_root(name.partition(".")[0])
    if root is None:
        return None
    base = os.path.join(root, *name.split("."))  # noqa: PTH118 (str paths, hot)
    candidates = (f"{base}.py", os.path.join(base, "__init__.py"))  # noqa: PTH118
    return next((path for path in candidates if os.path.isfile(path)), None)  # noqa: PTH113


@in_one_look
def _names(path: str, name: str) -> Named:
    return _named(path, name, *_stamp(path))


@in_one_look
def _stamp(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)  # noqa: PTH116 (called for every file of every closure)
    except FileNotFoundError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_size)


@cache
def _file_digest(path: str, mtime_ns: int, size: int) -> str:
    """Of a file's bytes; memoised by time and size within this process."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest() if mtime_ns else "absent"


@cache
def _named(path: str, name: str, mtime_ns: int, size: int) -> Named:
    """What a file names; a package's own names are relative to itself."""
    package = name if path.endswith("__init__.py") else name.rpartition(".")[0]
    return NAMES.of(path, package, _file_digest(path, mtime_ns, size))
