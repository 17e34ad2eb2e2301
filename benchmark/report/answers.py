"""Six questions that a reader brings to a table, each answered in sentences from what the table knows."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmark.comparison.tables import Row, Table
from benchmark.report import captions, wording
from benchmark.report.conclusion import Parts, conclusion, parts
from benchmark.report.screening import PEOPLE, PREVALENCE, Point, Screened, amount, between, decided, percent, screened

NO_RULE = "No rule that sees no disease reaches the first row's score."
PRICE = "false alarms"


class Answer(NamedTuple):
    """A question, the sentences that answer it, and the part of the page with more, as its anchor and in words."""

    question: str
    sentences: list[str]
    anchor: str
    where: str


def answers(table: Table, place: int, asked: Sequence[Point], pictures: bool) -> list[Answer]:
    """The six questions of the table at some place on the page.

    Args:
        asked: where rows can be asked, the first by default.
        pictures: whether the page has heat maps of this table.
    """
    here = f"t{place}"
    ranking = table.ranking
    found = parts(table, ranking) if ranking is not None else None
    look = "heat maps" if pictures else "rows"
    return [
        Answer("Who leads?", _order(table, found), f"{here}-rows", "all rows"),
        Answer("Is it more than noise?", list(_noise(table, found)), f"{here}-rows", "all rows"),
        Answer("What explains it trivially?", _trivially(table, found), f"{here}-rows", "controls"),
        Answer("Which runs failed?", list(_failed(table)), f"{here}-failed", "failed runs"),
        Answer("Where does the model look?", list(_looks(table, found)), f"{here}-{look.replace(' ', '-')}", look),
        Answer(f"Would it help at {PREVALENCE:.0%} prevalence?", _helps(table, found, asked), f"{here}-screen",
               "other prevalences"),
    ]  # fmt: skip


def first_row(table: Table) -> Row | None:
    """The pipeline that the answers are about: that which stands first, or was named."""
    if table.ranking is None:
        return None
    wanted = table.ranking.reference
    return next((row for row in table.rows if row.pipeline == wanted and not row.control), None)


def _order(table: Table, found: Parts | None) -> list[str]:
    return [conclusion(table)] if found is None else _said(found.absent, found.order, found.cheaper)


def _noise(table: Table, found: Parts | None) -> Iterator[str]:
    ranking = table.ranking
    if ranking is None or found is None:
        yield "Nothing could be ranked."
        return
    if ranking.untested:
        yield f"Not known: nothing could be tested ({ranking.untested})."
    elif ranking.named:
        yield f"Better than {ranking.reference}: {_names(ranking.better)}; worse: {_names(ranking.worse)}."
    elif ranking.leads:
        yield "Yes: it is better than every other row, all tested at once, with images and retraining in the tests."
    else:
        tied = [name for name in ranking.tied if name != ranking.reference]
        above = f"{wording.listed(ranking.better)} scores more" if ranking.better else ""
        level = f"{wording.listed(tied)} may be as good" if tied else ""
        alone = "" if above or level else "every row is behind, but of these trainings alone"
        yield f"{'In part' if alone else 'No'}: {'; '.join(_said(above, level, alone))}."
    yield from _said(found.trainings, found.power)


def _trivially(table: Table, found: Parts | None) -> list[str]:
    if found is None or table.ranking is None:
        return ["Nothing to explain: no row has a score."]
    tested = any(row.control and row.verdict is not None and row.verdict.low is not None for row in table.rows)
    fine = [] if found.explained or not tested else [NO_RULE]
    none = [] if found.explained or tested else ["Not known: no control was tested against the first row."]
    return [*_said(found.explained), *fine, *none, *_said(found.sources, found.rules, found.marks)]


def _failed(table: Table) -> Iterator[str]:
    failed = [(row, one) for row in table.rows for one in row.failures]
    if not failed:
        runs = sum(len(row.runs) for row in table.rows if not row.control)
        yield f"None: {wording.plural(runs, 'run')} with numbers, none without."
        return
    whose = [f"{row.pipeline} ({wording.causes(row)})" for row in table.rows if row.failures]
    yield f"{wording.plural(len(failed), 'run')} failed: {wording.listed(whose, 5)}."


def _looks(table: Table, found: Parts | None) -> Iterator[str]:
    row = first_row(table)
    if found is None or row is None:
        yield "No row stands first, so no maps are spoken of here."
        return
    kinds = captions.localisation_kinds([row])
    if not kinds:
        yield f"Not known: no heat maps of {row.pipeline} were judged."
    else:
        said = [_localised(kind, row.localisation[kind]) for kind in kinds]
        how = " (maps by occlusion)" if wording.occluded(row) else ""
        yield f"{row.pipeline}{how}: {'; '.join(said)}."
    yield from _said(found.marks, found.outside)


def _localised(kind: str, value: float) -> str:
    """A statistic of maps in words."""
    region, _, statistic = kind.partition("-")
    if statistic == "share":
        return f"{value:.0%} of its heat for one class lies on lettering and frame burnt into the films"
    if statistic == "relative-enrichment":
        return f"the {region} gets {value:.2f} times the heat of a map that never looks at the image"
    return f"{captions.localisation_title(kind)} {value:.2f}"


def _helps(table: Table, found: Parts | None, asked: Sequence[Point]) -> list[str]:
    row = first_row(table)
    worth = decided(row, asked[0]) if row is not None and asked else None
    if row is None or worth is None:
        return ["Not known: no row that stands first has a sensitivity and a specificity."]
    sentences = screening_sentences(row.pipeline, asked[0], screened(worth, PREVALENCE))
    doubt = "All this only if the score is the disease's: see the third question." if found and found.explained else ""
    return [*sentences, *_said(doubt)]


def screening_sentences(name: str, point: Point, found: Screened) -> list[str]:
    """What a row's decisions come to among so many people."""
    per_hit = f", {amount(found.alarms_per_hit)} for each one found" if found.alarms_per_hit is not None else ""
    return [
        f"Of {PEOPLE:,} people {amount(found.diseased)} have {point.positive}: {name} finds {amount(found.found)}, "
        f"misses {amount(found.missed)} and raises {amount(found.alarms)} false alarms{per_hit}.",
        f"Of its alarms {between(found.ppv)} are right (PPV), of its all-clears {between(found.npv)} (NPV).",
        price(found),
    ]


def price(found: Screened) -> str:
    """At which price of false alarms deciding so is better than calling nobody, or everybody."""
    if not found.helps:
        return "It helps at no price: calling nobody, or everybody, is as good."
    until = f" and fewer than {amount(found.most)}" if found.most is not None else ""
    return f"It helps if finding one more is worth more than {amount(found.least)} {PRICE}{until}."


def shown_percent(prevalence: float) -> str:
    """A prevalence as the page has it."""
    return percent(prevalence)


def _names(names: Sequence[str]) -> str:
    return wording.listed(names) if names else "none"


def _said(*sentences: str) -> list[str]:
    return [one for one in sentences if one]
