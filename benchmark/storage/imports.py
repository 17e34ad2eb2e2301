"""Which modules and data files a source file names, read from its syntax tree without executing any of it.

Parsing is what costs, so the answer is remembered from one command to the next under the digest of the file's bytes.
"""

import ast
import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from registry.declarations import data_files

BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")  # where the syntax tree keeps statements
MOST = 4000  # files remembered: several times what an installation has
FORM = 1  # of what is remembered; another number forgets it all

Named = tuple[tuple[str, ...], tuple[str, ...]]  # dotted names of modules, names of data files


class Names:
    """What files name, remembered in a file of its own where it was given one."""

    def __init__(self) -> None:
        self.path: Path | None = None
        self.known: dict[str, Named] = {}
        self.fresh = False

    def remember(self, path: Path) -> None:
        """Go by what the file holds, and add to it whenever `keep` is called."""
        self.path = path
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):  # as good as absent
            told = json.loads(path.read_bytes())
            if told["form"] == FORM:
                self.known |= {key: (tuple(modules), tuple(files)) for key, (modules, files) in told["files"].items()}

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
        else:
            data.extend(data_files(node, path))
    return tuple(names), tuple(data)


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
