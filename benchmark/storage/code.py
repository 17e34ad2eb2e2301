"""Which code a result depends on, without executing any of it.

The digest of a module covers its static import closure inside the packages of its own distribution: function-level
imports and every package's `__init__` too.  What lies outside counts by distribution version.  Of each source file
counts what it does, not how it is written: docstrings and comments may be edited, a constant may not.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Collection, Mapping
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, TypeVar, cast

from benchmark.storage.digests import digest
from benchmark.storage.imports import Source, Sources
from registry.lookup import find, packages_of

T = TypeVar("T")

OWN = ("benchmark", "registry")  # packages of this distribution
MEMORY = "imports.json"  # below the cache


class CodeIndex:
    """What one command sees of code and files.

    Each file is looked at once, so what is planned together stands on the same code and weights; another index looks
    anew.

    Args:
        cache: folder that keeps what source files say from one command to the next; without one each is parsed.
    """

    def __init__(self, cache: Path | None = None) -> None:
        self.sources = Sources(cache / MEMORY if cache else None)
        self._found: dict[tuple[object, ...], Any] = {}

    def once(self, key: tuple[object, ...], find: Callable[[], T]) -> T:
        """What `find()` gives, asked once for the same key."""
        if key not in self._found:
            self._found[key] = find()
        return cast("T", self._found[key])

    def code_digest(self, module: str, packages: Collection[str] = ()) -> str | None:
        """Digest of what a module's source closure does; None where it cannot be read (then nothing may be cached).

        Args:
            packages: further top-level packages of the module's own distribution.

        Raises:
            PluginError: a file declares its data files in a way that only running it would tell.
        """
        return self.once(("code", module, frozenset(packages)), lambda: self._digest(module, packages, self._code))

    def byte_digest(self, module: str, packages: Collection[str] = ()) -> str | None:
        """The same of the files as they are written, docstrings and comments included."""
        return self._digest(module, packages, lambda _, path: self.file_digest(path))

    def source_files(self, module: str, packages: Collection[str] = ()) -> Mapping[str, str] | None:
        """Module (or data file) name -> path of everything in the static import closure; None without source."""
        own = frozenset((module.partition(".")[0], *packages))
        return self.once(("files", module, own), lambda: self._closure(module, own))

    def libraries(self, module: str, packages: Collection[str] = ()) -> list[str]:
        """Distributions whose versions count as code of a module's closure, as it declares them."""
        files = self.source_files(module, packages) or {}
        sources = [self._source(name, path) for name, path in files.items() if "/" not in name]
        return sorted({library for source in sources for library in source.libraries})

    def file_digest(self, path: str) -> str:
        """Hexadecimal SHA-256 of a file's bytes, ``absent`` where there is none."""
        return self.once(("bytes", path), lambda: _file_digest(path))

    def keep(self) -> None:
        """Remember for the next command what the source files say."""
        self.sources.keep()

    def _digest(self, module: str, packages: Collection[str], digest_of: Callable[[str, str], str]) -> str | None:
        files = self.source_files(module, packages)
        if files is None:
            return None
        return digest(*(f"{name}:{digest_of(name, path)}" for name, path in sorted(files.items())))

    def _code(self, name: str, path: str) -> str:
        return self.file_digest(path) if "/" in name else self._source(name, path).code

    def _closure(self, module: str, own: frozenset[str]) -> dict[str, str] | None:
        found: dict[str, str] = {}
        waiting = [module]
        while waiting:
            name = waiting.pop()
            path = None if name in found else self._module_path(name)
            if path is None:
                continue
            modules, data = self._leads_to(name, path, own)
            found |= {name: path, **data}
            waiting.extend(modules)
        return found if module in found else None

    def _leads_to(self, name: str, path: str, own: frozenset[str]) -> tuple[list[str], dict[str, str]]:
        """The modules within these packages that a module runs, its own package among them, and its data files."""

        def found() -> tuple[list[str], dict[str, str]]:
            source = self._source(name, path)
            targets = dict.fromkeys((name.rpartition(".")[0], *source.modules))
            modules = [each for each in targets if each.partition(".")[0] in own and self._module_path(each)]
            folder = os.path.dirname(path)  # noqa: PTH120 (str paths, hot)
            return modules, {f"{name}/{file}": os.path.join(folder, file) for file in source.files}  # noqa: PTH118

        return self.once(("leads to", name, own), found)

    def _source(self, name: str, path: str) -> Source:
        """What a module's file says; a package's own names are relative to itself."""
        package = name if path.endswith("__init__.py") else name.rpartition(".")[0]
        return self.once(("source", path, package), lambda: self.sources.read(path, package, self.file_digest(path)))

    def _module_path(self, name: str) -> str | None:
        return self.once(("path", name), lambda: _find(self._holder(name), name))

    def _holder(self, name: str) -> str | None:
        """The folder in which a module would lie; None where there is none."""
        parent = name.rpartition(".")[0]
        return self.once(("folder", parent), lambda: self._folder(parent)) if parent else self._root(name)

    def _folder(self, name: str) -> str | None:
        above = self._holder(name)
        folder = above and os.path.join(above, name.rpartition(".")[2])  # noqa: PTH118
        return folder if folder and os.path.isdir(folder) else None  # noqa: PTH112

    def _root(self, top: str) -> str | None:
        return self.once(("root", top), lambda: _package_root(top))


def _package_root(top: str) -> str | None:
    """The folder that holds a top-level package or module (a top-level look-up executes nothing)."""
    spec = PathFinder.find_spec(top, [entry or str(Path.cwd()) for entry in sys.path])
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return str(Path(next(iter(spec.submodule_search_locations))).parent)
    return str(Path(spec.origin).parent) if spec.origin and spec.origin.endswith(".py") else None


def _find(folder: str | None, name: str) -> str | None:
    if folder is None:
        return None
    base = os.path.join(folder, name.rpartition(".")[2])  # noqa: PTH118
    candidates = (os.path.join(base, "__init__.py"), f"{base}.py")  # noqa: PTH118
    return next((path for path in candidates if os.path.isfile(path)), None)  # noqa: PTH113


def _file_digest(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()  # weights may be larger than memory
    except FileNotFoundError:
        return "absent"


def component_code(kind: str, name: str, index: CodeIndex) -> str:
    """Digest of what a component's source closure does, or its distribution's version where that cannot be read."""
    return index.once((component_code, kind, name), lambda: _of_component(kind, name, index.code_digest))


def component_libraries(kind: str, name: str, index: CodeIndex) -> list[str]:
    """Distributions whose versions count as a component's code, as its modules declare them."""
    entry = find(kind, name)
    return index.once(
        (component_libraries, kind, name), lambda: index.libraries(entry.module, packages_of(entry.distribution))
    )


def component_text(kind: str, name: str, index: CodeIndex) -> str:
    """The same of the files as they are written: a component describes itself in its docstrings."""
    return _of_component(kind, name, index.byte_digest)


def _of_component(kind: str, name: str, digest_of: Callable[[str, Collection[str]], str | None]) -> str:
    entry = find(kind, name)
    version = f"version {entry.distribution} {entry.version}" if entry.version else ""
    return digest_of(entry.module, packages_of(entry.distribution)) or version
