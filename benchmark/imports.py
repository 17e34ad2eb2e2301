"""Which modules and data files a source file names, read from its syntax tree without executing any of it.

Parsing is what costs, so the answer is remembered from one command to the next under the digest of the file's bytes.
"""

import ast
import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from registry.errors import PluginError

SOURCES = "cxr_bench_sources"
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")  # where the syntax tree keeps statements
MOST = 4000  # files remembered: several times what an installation has
FORM = 1  # of what is remembered; another number forgets it all

Named = tuple[tuple[str, ...], tuple[str, ...]]  # dotted names of modules, names of data files


class Names:
    """What files name, remembered in a file of its own where it is given one."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.known = _remembered(path) if path else {}
        self.fresh = False

    def of(self, path: str, package: str, content: str) -> Named:
        """Dotted names a file imports anywhere in its text, and the data files it declares.

        Args:
            package: that relative imports start from.
            content: digest of the file's bytes.

        Raises:
            PluginError: it declares its data files in a way that only running it would tell.
        """
        key = f"{package} {content}"
        if key not in self.known:
            self.known[key] = _named(path, package)
            self.fresh = True
        return self.known[key]

    def keep(self) -> None:
        """Write what is new; a memory that cannot be written costs time and nothing else."""
        if not self.fresh or self.path is None:
            return
        self.fresh = False
        temporary = self.path.with_suffix(f".{os.getpid()}.tmp")
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps({"form": FORM, "files": dict(list(self.known.items())[-MOST:])}))
            temporary.replace(self.path)


def _remembered(path: Path) -> dict[str, Named]:
    """What an earlier command has kept; a damaged file is as good as none."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        told = json.loads(path.read_bytes())
        if told["form"] == FORM:
            return {key: (tuple(modules), tuple(files)) for key, (modules, files) in told["files"].items()}
    return {}


def _named(path: str, package: str) -> Named:
    try:
        tree = ast.parse(Path(path).read_bytes())
    except (SyntaxError, ValueError):  # it will not import either; whoever loads it says so
        return (), ()
    names: list[str] = []
    data: list[str] = []
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
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(getattr(target, "id", "") == SOURCES for target in targets):
                data.extend(_file_names(node.value, path))
    return tuple(names), tuple(data)


def _file_names(value: ast.expr, path: str) -> list[str]:
    try:
        told = ast.literal_eval(value)
    except ValueError:
        told = None
    names = [told] if isinstance(told, str) else told
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise PluginError(
            f"{path}:{value.lineno}: {SOURCES} is read without running the file; "
            "expected a list of file names written out, relative to that file"
        )
    return list(names)


def _executable(tree: ast.Module) -> Iterator[ast.AST]:
    """Every statement but those below `if TYPE_CHECKING`, which never run; what stands inside expressions is none."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            waiting.extend(node.orelse)
        else:
            for block in BLOCKS:
                waiting.extend(getattr(node, block, ()))
