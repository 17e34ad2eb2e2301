"""Curves and pictures of the few rows of a page that have them."""

import base64
import zlib
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from benchmark.comparison.controls import LARGEST
from benchmark.comparison.tables import Row, Table
from benchmark.records.curves import read_curves
from benchmark.records.files import FILE, read
from benchmark.records.gallery import Gallery, Picture, read_gallery
from benchmark.records.metrics import PER_CLASS, PER_CLASS_OF_SEVERAL
from benchmark.records.record import Record
from benchmark.report import wording
from benchmark.report.charts import Chart, Drawn, charts, legend
from benchmark.report.sheets import Sheet, SheetRow
from registry.errors import BenchError, unknown_name

SCAN, ALIKE = b"\xff\xda", 64  # where a JPEG's blocks begin; bytes, compressed, that the same block again and again has
MOST = 12  # rows with curves and pictures on a page
FolderOf = Callable[[Record], Path]


class Panel(NamedTuple):
    """The curves of a row; none where none are stored."""

    name: str
    value: str
    charts: list[Chart]
    legend: list[tuple[str, str]]
    caption: str
    confusion: Sheet | None


class Seen(NamedTuple):
    """One image as one row sees it: the drawing that lies under the heat, the heat, and what was decided.

    Attributes:
        black: whether the network sees nothing of it.
    """

    film: str
    heat: str
    words: str
    right: bool
    black: bool


class Image(NamedTuple):
    """One image of the gallery: who it is, its film, and how each row sees it (None: another test subset)."""

    id: str
    label: str
    film: str
    seen: list[Seen | None]


class Pictures(NamedTuple):
    """The same images for all rows that have pictures.

    Attributes:
        names: of the rows, with how their maps were made.
        films: name -> JPEG in base64, each once.
    """

    names: list[str]
    films: dict[str, str]
    rows: list[Image]
    width: int
    height: int


def chosen(tables: Sequence[Table], wanted: Sequence[str]) -> list[list[Row]]:
    """The rows of each table that have curves and pictures, at most twelve of each.

    The leading group first, then controls, then what is behind it; or those of the names.  Tables of reference records
    have twelve together, and none beside one's own, unless their rows are named.

    Args:
        wanted: names of rows, or their beginnings.

    Raises:
        UnknownNameError: no row is called so.
    """
    for name in wanted:
        if not any(_is_called(row, name) for table in tables for row in table.rows):
            known = [row.pipeline for table in tables for row in table.rows]
            raise unknown_name("row", name, dict.fromkeys(known), "bench compare")
    beside_own = not wanted and not all(table.reference for table in tables)
    found = [[] if table.reference else _ordered(table, wanted)[:MOST] for table in tables]
    shipped = [(own, _ordered(table, wanted)) for own, table in zip(found, tables, strict=True) if table.reference]
    room = 0 if beside_own else MOST
    while room and any(left for _, left in shipped):
        for own, left in shipped:
            if left and room:
                own.append(left.pop(0))
                room -= 1
    return found


def without_pictures(table: Table, rows: Sequence[Row]) -> str:
    """How many rows of a table have no curves and pictures on the page, beside those that do; empty where all do."""
    left = len(_ordered(table, ())) - len(rows)
    what = wording.plural(left, "more row") if rows else "its rows" if left > 1 else "its row"
    return f"No curves and pictures here of {what}: bench report --rows NAME shows those that it names." * (left > 0)


def _ordered(table: Table, wanted: Sequence[str]) -> list[Row]:
    rows = [row for row in table.rows if row.runs and not (row.control and row.rule == LARGEST)]
    if wanted:
        return [row for row in rows if any(_is_called(row, name) for name in wanted)]
    tied = set(table.ranking.tied) if table.ranking else set()
    return sorted(rows, key=lambda row: 1 if row.control else 0 if row.pipeline in tied else 2)


def _is_called(row: Row, name: str) -> bool:
    return bool(name) and any(known.startswith(name) for known in (row.pipeline, row.name, wording.label(row)))


def panel(row: Row, value: str, folder_of: FolderOf) -> Panel:
    """The curves of a row.

    Args:
        value: what it scores by the metric that ranks, as its table has it.
    """
    name = wording.label(row)
    found = [(run, read_curves(folder_of(run))) for run in row.runs]
    known = [(run, curves) for run, curves in found if curves is not None and curves.of.get(row.rule)]
    confusion = None if row.control else _confusion(row.runs[0], folder_of)
    if not known:
        return Panel(name, value, [], [], "", confusion)
    first, curves = known[0]
    others = [(one, one.of[row.rule]) for _, one in known[1:]]
    drawn = Drawn(curves, curves.of[row.rule], others)
    return Panel(name, value, charts(drawn, name), legend(drawn.classes), _caption(row, first, len(known)), confusion)


def without_curves(panels: Sequence[Panel]) -> str:
    """The rows of panels that have no curves; empty where all have some."""
    names = [one.name for one in panels if not one.charts]
    return "these rows" if names and len(names) == len(panels) else wording.listed(names, MOST) if names else ""


def _caption(row: Row, first: Record, count: int) -> str:
    if row.control:
        return "Bands: 95 %, pointwise."
    of = f"seed {first.seed}" + (f", fold {first.fold}" if row.folds > 1 and first.fold is not None else "")
    others = f"; thin: {wording.plural(count - 1, 'other training')}" if count > 1 else ""
    return f"Line and 95 % band, pointwise: {of}{others}."


def _confusion(run: Record, folder_of: FolderOf) -> Sheet | None:
    try:
        record = read(folder_of(run) / FILE)
    except BenchError:
        return None
    if len(record.confusion) != len(record.classes):
        return None
    rows = [
        SheetRow(name, [(f"{count:,}", "h" if place == own else "") for place, count in enumerate(counts)])
        for own, (name, counts) in enumerate(zip(record.classes, record.confusion, strict=True))
    ]
    return Sheet(f"confusion, seed {run.seed}: test images", "true class \\ decided", list(record.classes), rows)


def per_class(table: Table, rows: Sequence[Row]) -> Sheet | None:
    """What each class's decisions are worth, of the rows with curves; None where nothing is recorded."""
    kinds = PER_CLASS if len(table.classes) == 2 else PER_CLASS + PER_CLASS_OF_SEVERAL
    lines = []
    for row in rows:
        for name in table.classes:
            found = [row.metric(f"{kind}/{name}") for kind in kinds]
            if any(one is not None for one in found):
                cells = [
                    (wording.estimate(one), "f" if one is not None and wording.scarce(one) else "") for one in found
                ]
                lines.append(SheetRow(wording.label(row), [(name, ""), *cells]))
    caption = "classes of the rows with curves"
    return Sheet(caption, "pipeline", ["class", *kinds], lines) if lines else None


def pictures(rows: Sequence[Row], folder_of: FolderOf) -> Pictures | None:
    """The images of the split, as each row that has pictures sees them; None where none has."""
    found: list[tuple[Row, Gallery]] = []
    for row in rows:
        gallery = None if row.control else read_gallery(folder_of(row.runs[0]))
        if gallery is not None and gallery.pictures:
            found.append((row, gallery))
    if not found:
        return None
    first = found[0][1]
    images = {one.id: one for _, gallery in found for one in gallery.pictures}
    films: dict[str, str] = {}
    by_row = [{one.id: one for one in gallery.pictures} for _, gallery in found]
    shown = [
        Image(one.id, one.label, _kept(films, one.film), [_seen(films, own.get(one.id)) for own in by_row])
        for one in images.values()
    ]
    names = [f"{row.pipeline}, seed {row.runs[0].seed}: {gallery.method}" for row, gallery in found]
    return Pictures(names, films, shown, first.width, first.height)


def _seen(films: dict[str, str], one: Picture | None) -> Seen | None:
    if one is None:
        return None
    right = one.decided == one.label
    words = f"says {one.decided}{'' if right else ' (wrong)'}, gives {one.label} {wording.number(one.probability)}"
    return Seen(_kept(films, one.seen or one.film), one.heat, words, right, bool(one.seen) and uniform(one.seen))


def uniform(picture: str) -> bool:
    """Whether a JPEG in base64 is of one grey alone: then what is coded says the same of block after block."""
    content = base64.b64decode(picture)
    start = content.rfind(SCAN)
    return start >= 0 and len(zlib.compress(content[start:])) < ALIKE


def _kept(films: dict[str, str], content: str) -> str:
    """The name of a film that is on the page once."""
    name = f"f{sha256(content.encode()).hexdigest()[:12]}"
    films[name] = content
    return name
