"""Notes of a table's rows: what several rows share stands once below the table."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from benchmark.comparison.tables import Row, Table
from benchmark.records.estimate import FEW_GROUPS
from benchmark.report import wording

NAMED = 4  # rows that a note below the table names


class Noted(NamedTuple):
    """What is said of rows.

    Attributes:
        rows: the notes of each row that are its own.
        below: what several rows share, and what holds of the test images.
    """

    rows: list[list[str]]
    below: list[str]


def noted(table: Table, metrics: Sequence[str]) -> Noted:
    """The notes of a table that shows these metrics; none is said twice, and none is lost.

    A row without numbers keeps its own, and so do rows that could only be named by a long list.
    """
    every = [wording.notes(row, list(metrics), of_groups=False) for row in table.rows]
    able = [not wording.span(row) for row in table.rows]
    holders: dict[str, list[int]] = {}
    for place, notes in enumerate(every):
        for note in dict.fromkeys(notes) if able[place] else ():
            holders.setdefault(note, []).append(place)
    pipelines = [place for place, row in enumerate(table.rows) if able[place] and not row.control]
    whose = {note: _whose(table.rows, places, pipelines) for note, places in holders.items() if len(places) > 1}
    shared = {note: names for note, names in whose.items() if names}
    own = [[note for note in notes if not able[place] or note not in shared] for place, notes in enumerate(every)]
    return Noted(own, [*_of_groups(table, metrics), *(f"{names}: {note}" for note, names in shared.items())])


def _whose(rows: Sequence[Row], places: Sequence[int], pipelines: Sequence[int]) -> str:
    """Rows by their names, or as all but few; empty where neither is short."""
    if set(pipelines) <= set(places) and len(pipelines) > 1:
        controls = [place for place in places if place not in pipelines]
        return ", ".join(["all pipelines", *_labels(rows, controls)]) if len(controls) <= NAMED else ""
    if len(places) <= NAMED:
        return ", ".join(_labels(rows, places))
    lacking = [place for place in pipelines if place not in places]
    if len(lacking) <= NAMED and not set(places) - set(pipelines):
        return f"all pipelines but {', '.join(_labels(rows, lacking))}"
    return ""


def _labels(rows: Sequence[Row], places: Iterable[int]) -> list[str]:
    return [wording.label(rows[place]) for place in places]


def _of_groups(table: Table, metrics: Sequence[str]) -> list[str]:
    """Of which classes there are too few test images, which all rows have in common, and what rests on them."""
    names, classes = [], []
    for metric in metrics:
        pieces = [piece for row in table.rows for piece in wording.pieces_of_few(row, metric)]
        names += [wording.metric(metric)] if pieces else []
        classes += [piece.removesuffix(f": {FEW_GROUPS}") for piece in pieces if piece != FEW_GROUPS]
    found = [one.note for row in table.rows for one in (row.standing, row.verdict) if one is not None]
    untested = next((note for note in found if FEW_GROUPS in note), "")
    if not names and not untested:
        return []
    said = untested or FEW_GROUPS + (f" of {', '.join(dict.fromkeys(classes))}" if classes else "")
    rest = f"{', '.join(names)} of so few images" if names else ""
    return [f"all rows: {'; '.join(filter(None, [said, rest]))}"]
