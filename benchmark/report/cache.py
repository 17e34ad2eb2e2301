"""What lies in the cache, in words, rows and lines."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from benchmark.report.wording import size
from benchmark.storage.inventory import Item, Sum

PLURALS = {  # kind -> of several
    "artefact": "artefacts",
    "checkpoint": "checkpoints",
    "half-built": "half-built",
    "half-removed": "half-removed",
    "description": "descriptions of components",
    "digest file": "digest files",
    "import file": "lists of imports",
    "memory": "memories",
    "log": "logs",
}
SHORTEST = 8  # characters of a key


def counted(items: Sequence[Item]) -> str:
    """``2 artefacts, 1 checkpoint (1.3 MB)``."""
    if not items:
        return "nothing"
    counts = {kind: sum(item.kind == kind for item in items) for kind in PLURALS}
    words = [f"{count} {kind if count == 1 else PLURALS[kind]}" for kind, count in counts.items() if count]
    return f"{', '.join(words)} ({size(sum(item.size_bytes for item in items))})"


def described(item: Item) -> dict[str, Any]:
    """An artefact as JSON has it."""
    used = datetime.fromtimestamp(item.used, UTC).isoformat(timespec="seconds")
    return {"stage": item.stage, "key": item.key, "bytes": item.size_bytes, "used": used, "path": str(item.path)}


def listed(items: Sequence[Item]) -> Iterator[tuple[str, bool]]:
    """A line per item, the headings first; gives each line and whether it is a heading."""
    if not items:
        return iter(())
    short = _telling({item.key for item in items})
    rows = [("stage", "key", "size", "last used", "")]
    for item in items:
        used = datetime.fromtimestamp(item.used).isoformat(" ", timespec="minutes")
        remark = "" if item.kind == "artefact" else item.kind
        rows.append((item.stage, item.key[:short], size(item.size_bytes), used, remark))
    return _table(rows, "<<><<")


def usage(by_stage: Mapping[str, Sum], others: Mapping[str, Sum]) -> Iterator[tuple[str, bool]]:
    """A line per stage, per kind besides, and of all together; gives each line and whether it is a heading."""
    rows = [("stage", "artefacts", "size")]
    rows += [(name, f"{one['count']:,}", size(one["bytes"])) for name, one in by_stage.items()]
    rows += [("besides", "", "")] * bool(others)
    rows += [(PLURALS[name], f"{one['count']:,}", size(one["bytes"])) for name, one in others.items()]
    rows.append(("total", "", size(sum(one["bytes"] for one in (*by_stage.values(), *others.values())))))
    return _table(rows, "<>>")


def _table(rows: Sequence[tuple[str, ...]], sides: str) -> Iterator[tuple[str, bool]]:
    """Columns with two spaces between them; what has no numbers behind it is a heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        cells = [f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)]
        yield "  ".join(cells).rstrip(), number == 0 or not any(row[1:])


def _telling(keys: set[str]) -> int:
    """How many characters tell keys apart."""
    return next(length for length in range(SHORTEST, 65) if len({key[:length] for key in keys}) == len(keys))
