"""What a source file names and what it does, read from its syntax tree without executing any of it.

Parsing is what costs, so the answer is remembered from one command to the next under the digest of the file's bytes.
"""

import ast
import contextlib
import hashlib
import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.storage.files import write_whole
from registry.declarations import data_files, libraries

BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")  # where the syntax tree keeps statements
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
UNPARSED = (SyntaxError, ValueError, RecursionError, MemoryError)  # the last two of what nests too deep
READS_TEXT = ("__doc__", "__file__", "getdoc", "getsource", "getcomments")  # what names these may read what trees lack
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"  # another one has other syntax trees
MOST = 4000  # files remembered: several times what an installation has
FORM = 3  # of what is remembered; another number forgets it all


class Source(NamedTuple):
    """What a source file says.

    Attributes:
        modules: dotted names that it imports anywhere in its text.
        files: names of the data files that it declares.
        libraries: distributions whose versions it declares to count.
        code: digest of its syntax tree without docstrings and comments; of its bytes where the tree does not tell all.
    """

    modules: tuple[str, ...]
    files: tuple[str, ...]
    libraries: tuple[str, ...]
    code: str


class Sources:
    """What source files say, remembered in a file of its own where it is given one."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.known = _remembered(path) if path else {}
        self.fresh = False

    def read(self, path: str, package: str, content: str) -> Source:
        """What a source file says.

        Args:
            package: that relative imports start from.
            content: digest of the file's bytes.

        Raises:
            PluginError: it declares its data files in a way that only running it would tell.
        """
        found = self.known.get(_key(package, content))
        if found is None:
            text = Path(path).read_bytes()
            content = hashlib.sha256(text).hexdigest()  # it may have been edited since
            found = self.known[_key(package, content)] = _read(text, path, package, content)
            self.fresh = True
        return found

    def keep(self) -> None:
        """Write what is new; a memory that cannot be written costs time and nothing else."""
        if not self.fresh or self.path is None:
            return
        self.fresh = False
        content = json.dumps({"form": FORM, "files": dict(list(self.known.items())[-MOST:])})
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.path, content.encode(), flush=False)


def _key(package: str, content: str) -> str:
    return f"{PYTHON} {package} {content}"


def _remembered(path: Path) -> dict[str, Source]:
    """What an earlier command has kept; a damaged file is as good as none."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        remembered = json.loads(path.read_bytes())
        if remembered["form"] == FORM:
            kept = remembered["files"].items()
            return {
                key: Source(tuple(modules), tuple(files), tuple(needed), str(code))
                for key, (modules, files, needed, code) in kept
            }
    return {}


def _read(text: bytes, path: str, package: str, content: str) -> Source:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # whoever imports it is warned, of a doubtful escape for instance
            tree = ast.parse(text)
    except UNPARSED:  # it will not import either; whoever loads it says so
        return Source((), (), (), content)
    return Source(*_named(tree, path, package), _code(tree) or content)


def _code(tree: ast.Module) -> str | None:
    """Digest of what a file does; None where that depends on how it is written, or where that is unknown."""
    try:
        text = _as_text(tree)
    except ValueError:  # an integer of more digits than Python writes
        return None
    if any(name in text for name in READS_TEXT):
        return None
    return hashlib.sha256(f"{PYTHON}\n{text}".encode()).hexdigest()


def _as_text(tree: ast.Module) -> str:
    """A line per node, list and value, docstrings left out; other trees have other lines.

    Without recursion, unlike `ast.dump`: the answer depends on the tree alone, not on how deep the caller is.
    """
    lines: list[str] = []
    waiting: list[Any] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.AST):
            lines.append(type(node).__name__)
            waiting.extend([_body(node) if name == "body" else getattr(node, name, None) for name in node._fields])
        elif isinstance(node, list):
            lines.append(f"[{len(node)}]")
            waiting.extend(node)
        else:
            lines.append(repr(node))
    return "\n".join(lines)


def _body(node: Any) -> Any:
    """Without its docstring, where it has one."""
    documented = isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None
    return node.body[1:] if documented else node.body


def _named(tree: ast.Module, path: str, package: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Modules, data files and libraries."""
    names: list[str] = []
    data: list[str] = []
    needed: list[str] = []
    for node in _executable(tree):
        if isinstance(node, ast.Import):
            names.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                anchor = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*anchor, base] if base else anchor)
            names.append(base)
            names.extend(f"{base}.{alias.name}" for alias in node.names)
        else:
            data.extend(data_files(node, path))
            needed.extend(libraries(node, path))
    return tuple(names), tuple(data), tuple(needed)


def _executable(tree: ast.Module) -> Iterator[ast.AST]:
    """Every statement but those below `if TYPE_CHECKING`, which never run; what stands inside expressions is none."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and _type_checking(node.test):
            waiting.extend(node.orelse)
        else:
            for block in BLOCKS:
                waiting.extend(getattr(node, block, ()))


def _type_checking(test: ast.expr) -> bool:
    if isinstance(test, ast.Attribute):
        return test.attr == "TYPE_CHECKING" and isinstance(test.value, ast.Name) and test.value.id == "typing"
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"
