"""Results as one page that is complete in itself: it asks no other host, runs its own script alone, escapes everything.

The page is drawn from the same columns, captions and conclusions as the other formats.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from benchmark.comparison.collect import Told
from benchmark.comparison.costs import CostTable
from benchmark.comparison.external_tables import ExternalTable
from benchmark.comparison.shortening import shortened
from benchmark.comparison.tables import Comparison, Row, Table
from benchmark.records.record import Record
from benchmark.report import captions, columns, screening
from benchmark.report.answers import Answer, Beside, answers, first_row, screening_sentences
from benchmark.report.caveats import Known, doubts, known
from benchmark.report.charts import Chart, pareto
from benchmark.report.conclusion import conclusion, parts
from benchmark.report.elsewhere import elsewhere
from benchmark.report.looks import region_maps
from benchmark.report.markup import escaped, visible
from benchmark.report.panels import (
    FolderOf,
    Panel,
    Pictures,
    chosen,
    panel,
    per_class,
    pictures,
    without_curves,
    without_pictures,
)
from benchmark.report.screening import PREVALENCE, Decided, Point, Screened, between, decided, points, screened
from benchmark.report.sheets import Sheet, comparison_sheet, cost_sheets, external_sheets, failed_sheet
from benchmark.report.wording import label, plural

TEMPLATES = Path(__file__).parent / "templates"


class Screening(NamedTuple):
    """What rows come to at a prevalence: of each, its decisions at each point, and what is shown first."""

    points: list[Point]
    rows: list[tuple[str, list[Decided | None], Screened | None]]
    sentences: list[str]
    first: str
    doubts: str


class Part(NamedTuple):
    """One table of the comparison, with all that the page says of it."""

    place: int
    title: str
    asked: list[tuple[str, str]]
    known: Known
    answers: list[Answer]
    conclusion: str
    sheet: Sheet
    failed: Sheet | None
    screening: Screening | None
    panels: list[Panel]
    without_curves: str
    without_pictures: str
    classes: Sheet | None
    pictures: Pictures | None
    reference: bool


class Costs(NamedTuple):
    """One table of costs and its chart."""

    sheets: list[Sheet]
    chart: Chart | None


def website(
    comparison: Comparison,
    costs: Sequence[CostTable],
    external: Sequence[ExternalTable],
    folder_of: Callable[[Record], Path],
    rows: Sequence[str] = (),
    told: Told = lambda what, done, total: None,
) -> str:
    """The page, as HTML.

    Args:
        folder_of: where a run lies.
        rows: names, or the beginnings of names, of the rows with curves and pictures.
        told: takes which table is being drawn.

    Raises:
        UnknownNameError: no row is called so.
    """
    shown = chosen(comparison.tables, rows)
    titled = zip(captions.titles(comparison.tables), comparison.tables, shown, strict=True)
    parts = []
    for place, (title, table, own) in enumerate(titled, 1):
        told(title, place - 1, len(shown))
        short = shortened(table)
        renamed = {id(full): row for full, row in zip(table.rows, short.rows, strict=True)}
        parts.append(_part(place, title, short, [renamed[id(row)] for row in own], folder_of, external))
    style, script = (_source(name) for name in ("page.css", "page.js"))
    content: dict[str, Any] = {
        "parts": parts,
        "externals": [sheet for table in external if not table.reference for sheet in external_sheets(table)],
        "shipped": [sheet for table in external if table.reference for sheet in external_sheets(table)],
        "costs": [Costs(cost_sheets(table), pareto(table)) for table in costs],
        "selected": comparison.selected,
        "left_out": comparison.left_out,
        "style": Markup(style),
        "script": Markup(script),
        "policy": _policy(style, script),
        "version": version("cxr-bench"),
        "prevalence": PREVALENCE,
        "meaning": screening.MEANING,
    }
    return _environment().get_template("page.html").render(content)


def shown_count(comparison: Comparison, rows: Sequence[str]) -> str:
    """How many tables and rows a page has, in words."""
    count = sum(map(len, chosen(comparison.tables, rows)))
    return f"{plural(len(comparison.tables), 'table')}, curves and pictures for at most {plural(count, 'row')}"


def _part(
    place: int,
    title: str,
    table: Table,
    rows: Sequence[Row],
    folder_of: FolderOf,
    external: Sequence[ExternalTable],
) -> Part:
    asked = points(table.classes, table.positive)
    ranked = columns.every(table)[0]
    panels = [panel(row, ranked.text(row), folder_of) for row in rows]
    own_pictures, first = pictures(rows, folder_of), first_row(table)
    beside = Beside(pictures=own_pictures is not None)
    if first is not None:
        there = elsewhere(table, first, external, _anchors(external))
        beside = beside._replace(elsewhere=there, maps=region_maps(first, folder_of))
    return Part(
        place=place,
        title=title,
        asked=_classes(table),
        known=known(table),
        answers=answers(table, place, asked, beside),
        conclusion=conclusion(table),
        sheet=comparison_sheet(table),
        failed=failed_sheet(table),
        screening=_screening(table, rows, asked),
        panels=panels,
        without_curves=without_curves(panels),
        without_pictures=without_pictures(table, rows),
        classes=per_class(table, rows),
        pictures=own_pictures,
        reference=table.reference,
    )


def _anchors(external: Sequence[ExternalTable]) -> list[str]:
    """Of each table of images of elsewhere the name of its first sheet on the page."""
    counts = [len(external_sheets(table)) for table in external]
    return [f"x{sum(counts[:place]) + 1}" for place in range(len(counts))]


def _classes(table: Table) -> list[tuple[str, str]]:
    """Class -> its labels in the dataset."""
    run = next((run for row in table.rows for run in row.runs), None)
    labels = run.spec.get("classes") if run is not None else None
    if not isinstance(labels, dict):
        return [(name, "") for name in table.classes]
    known = {str(name): own for name, own in labels.items()}
    return [
        (name, ", ".join(map(str, known[name])) if isinstance(known.get(name), list) else "") for name in table.classes
    ]


def _screening(table: Table, rows: Sequence[Row], asked: list[Point]) -> Screening | None:
    """Of the rows with curves and the one that the answers are about."""
    first = first_row(table)
    every = ([] if first is None or first in rows else [first]) + list(rows)
    worth = [(row, [decided(row, point) for point in asked]) for row in every]
    known = [(label(row), found, _at(found[0])) for row, found in worth if any(found)]
    if not known or first is None:
        return None
    name = label(first)
    own = next((shown for other, _, shown in known if other == name), None)
    sentences = screening_sentences(name, asked[0], own) if own is not None else []
    found = parts(table, table.ranking) if table.ranking is not None else None
    return Screening(asked, known, sentences, name, doubts(table, found))


def _at(found: Decided | None) -> Screened | None:
    return None if found is None else screened(found, PREVALENCE)


def _policy(style: str, script: str) -> str:
    """Nothing from anywhere but this page's own style, script and pictures."""
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _source(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8").strip()


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES, encoding="utf-8"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_finalized,
    )  # fmt: skip
    made.filters |= {"numbers": _numbers, "breakable": _breakable}
    made.filters |= {one.__name__: one for one in (screening.amount, screening.times, screening.percent, between)}
    return made


def _finalized(value: object) -> object:
    """Text without what cannot be seen, or shows other text than there is; markup of ours as it is."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _breakable(name: str) -> Markup:
    """A name that may be broken after what joins its parts."""
    return Markup("<wbr>").join(escaped(piece) for piece in re.split(r"(?<=[+,(\[@])", name))


def _numbers(values: Iterable[float]) -> str:
    return " ".join(f"{value:.4g}" for value in values)
