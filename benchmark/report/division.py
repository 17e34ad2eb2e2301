"""Who is where, as a table for other programs."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator

from benchmark.data.division import FORMULA, NAMES, safe
from benchmark.execution.dividing import Division

COLUMNS = ("id", "path", "class", "group", "label", "source", "part")


def to_csv(found: Division) -> bytes:
    """A line for each image that is used: UTF-8, ids exact, nothing that a spreadsheet would execute."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for name, path, *rest in _rows(found):
        table.writerow([safe(name), f"./{path}" if path.startswith((*FORMULA, "'")) else path, *map(safe, rest)])
    return out.getvalue().encode("utf-8", "surrogateescape")  # names of files need not be UTF-8


def to_json(found: Division) -> bytes:
    """``{"split": its digest, "images": [{"id", "path", …}, …]}``, on one line."""
    images = [dict(zip(COLUMNS, row, strict=True)) for row in _rows(found)]
    told = {"split": found.digest, "dataset": found.known.summary.digest, "images": images}
    return json.dumps(told).encode() + b"\n"  # in ASCII: names of files need not be UTF-8


def counted(found: Division) -> str:
    """How many images are in each part, and in none."""
    counts = Counter(NAMES.get(one.subset, "") for one in found.placed.values())
    parts = ", ".join(f"{name} {counts[name]:,}" for name in NAMES.values())
    left = f"; {counts['']:,} left out" if counts[""] else ""
    return f"{len(found.placed) - counts['']:,} images: {parts}{left}"


def _rows(found: Division) -> Iterator[tuple[str, ...]]:
    class_of = found.class_of
    for name, one in found.placed.items():
        if one.subset in NAMES:
            path = found.paths.get(name, "")
            yield name, path, class_of[one.label], one.group, one.label, one.source, NAMES[one.subset]
