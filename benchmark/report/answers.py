"""Six questions that a reader brings to a table, each answered in sentences from what the table knows."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from benchmark.comparison.tables import Row, Table
from benchmark.records.estimate import Estimate
from benchmark.report import captions, wording
from benchmark.report.caveats import doubts
from benchmark.report.conclusion import IMPORT_AGAIN, TRAIN_AGAIN, Parts, conclusion, corrected, parts
from benchmark.report.cues import reaching
from benchmark.report.elsewhere import Elsewhere, alarms, fall
from benchmark.report.looks import looks
from benchmark.report.power import BETWEEN, nearest
from benchmark.report.screening import PEOPLE, PREVALENCE, Point, Screened, amount, between, decided, screened, times

NO_RULE = "No rule that sees no disease reaches the first row's score."
PRICE = "false alarms"


class Answer(NamedTuple):
    """A question, the sentences that answer it, and the parts of the page with more: anchor -> words."""

    question: str
    sentences: list[str]
    links: dict[str, str]


class Beside(NamedTuple):
    """What else than its table is known of the first row.

    Attributes:
        elsewhere: what it scores on images of elsewhere.
        maps: statistic and class -> its maps' number, see `looks.region_maps`.
        pictures: whether the page has heat maps of this table.
    """

    elsewhere: Sequence[Elsewhere] = ()
    maps: Mapping[str, Estimate] = {}
    pictures: bool = False


def answers(table: Table, place: int, asked: Sequence[Point], beside: Beside) -> list[Answer]:
    """The six questions of the table at some place on the page.

    Args:
        asked: where rows can be asked, the first by default.
    """
    here = f"t{place}"
    ranking = table.ranking
    found = parts(table, ranking) if ranking is not None else None
    look = "heat maps" if beside.pictures else "rows"
    rows, look_at = f"{here}-rows", f"{here}-{look.replace(' ', '-')}"
    there = {one.anchor: one.dataset for one in beside.elsewhere}
    screen, prevalence = f"{here}-screen", f"Would it help at {PREVALENCE:.0%} prevalence?"
    return [
        Answer("Who leads?", [*_order(table, found), *fall(beside.elsewhere)], {rows: "all rows", **there}),
        Answer("Is it more than noise?", list(_noise(table, found)), {rows: "all rows"}),
        Answer("What explains it trivially?", _trivially(table, found), {rows: "controls"}),
        Answer("Which runs failed?", list(_failed(table)), {f"{here}-failed": "failed runs"}),
        Answer("Where does the model look?", list(_looks(table, found, beside.maps)), {look_at: look}),
        Answer(prevalence, _helps(table, found, asked, beside.elsewhere), {screen: "other prevalences", **there}),
    ]


def first_row(table: Table) -> Row | None:
    """The pipeline that the answers are about: that which stands first, or was named."""
    if table.ranking is None:
        return None
    wanted = table.ranking.reference
    return next((row for row in table.rows if row.pipeline == wanted and not row.control), None)


def _order(table: Table, found: Parts | None) -> list[str]:
    if found is None:
        return [conclusion(table)]
    return _said(found.absent, found.order, _two_intervals(table), found.cheaper)


def _two_intervals(table: Table) -> str:
    """Why the first row's interval in the sentence is not that in the table."""
    row = first_row(table)
    if row is None or table.ranking is None or table.ranking.named or row.standing is None:
        return ""
    if not corrected(table, row):
        return ""
    return f"Without that correction it has {wording.interval(row.standing.low, row.standing.high)}."


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
        above = f"{wording.listed(ranking.better)} scores more" if ranking.better else ""
        level = _as_good(table, [name for name in ranking.tied if name != ranking.reference])
        alone = "" if above or level else "every row is behind, but of these trainings alone"
        yield f"{'In part' if alone else 'No'}: {'; '.join(_said(above, level, alone))}."
    other = nearest(table)
    power = found.power.replace(BETWEEN, f"between {ranking.reference} and {other.pipeline}") if other else found.power
    yield from _said(found.trainings.replace(TRAIN_AGAIN, "").replace(IMPORT_AGAIN, ""), power)


def _as_good(table: Table, tied: Sequence[str]) -> str:
    """Pipelines that may be as good as the first, as many as the first question names, then rules."""
    rules = {row.pipeline for row in table.rows if row.control}
    networks = [name for name in tied if name not in rules]
    known = [name for name in tied if name in rules]
    rule = "rules that see no disease" if len(known) > 1 else "a rule that sees no disease"
    which = f"{rule} ({wording.listed(known)})" if known else ""
    if networks:
        return f"{wording.listed(networks)} may be as good{f', and so may {which}' if which else ''}"
    return f"{which} may be as good" if which else ""


def _trivially(table: Table, found: Parts | None) -> list[str]:
    if found is None or table.ranking is None:
        return ["Nothing to explain: no row has a score."]
    tested = any(row.control and row.verdict is not None and row.verdict.low is not None for row in table.rows)
    fine = [] if found.explained or not tested else [NO_RULE]
    none = (
        [] if found.explained or tested else [f"Not known: no control was tested against the first row{_why(table)}."]
    )
    as_much = reaching(table, table.ranking.reference)
    level = [f"Untested, but scoring at least as much: {wording.listed(as_much, 6)}."] if as_much else []
    return [*_said(found.explained), *fine, *none, *level, *_said(found.sources, found.rules, found.marks)]


def _why(table: Table) -> str:
    return f" ({table.ranking.untested})" if table.ranking is not None and table.ranking.untested else ""


def _failed(table: Table) -> Iterator[str]:
    failed = [(row, one) for row in table.rows for one in row.failures]
    if not failed:
        runs = sum(len(row.runs) for row in table.rows if not row.control)
        yield f"None: {wording.plural(runs, 'run')} with numbers, none without."
        return
    whose = [f"{row.pipeline} ({wording.causes(row)})" for row in table.rows if row.failures]
    yield f"{wording.plural(len(failed), 'run')} failed: {wording.listed(whose, 5)}."


def _looks(table: Table, found: Parts | None, maps: Mapping[str, Estimate]) -> Iterator[str]:
    row = first_row(table)
    if found is None or row is None:
        yield "No row stands first, so no maps are spoken of here."
        return
    kinds = captions.localisation_kinds([row])
    if not kinds:
        yield _unmeasured(row)
    else:
        by_class = {kind: looks(kind.partition("-")[0], maps, table.positive) for kind in kinds}
        said = [_localised(kind, row.localisation[kind]) for kind in kinds if not by_class[kind]]
        how = " (maps by occlusion)" if wording.occluded(row) else ""
        yield f"{': '.join(_said(f'{row.pipeline}{how}', '; '.join(said)))}."
        yield from (sentence for sentences in by_class.values() for sentence in sentences)
    yield from _said(found.marks, found.outside)


def _unmeasured(row: Row) -> str:
    """Why nothing is known of where the heat of a row lies."""
    if any(run.imported for run in row.runs):
        return f"Not known: predictions were imported, and no heat maps come with {row.pipeline}."
    return (
        f"Not known: where the heat of {row.pipeline} lies is measured where the dataset has masks of lungs or "
        "lesions, or knows its lettering; here the pictures alone can show it."
    )


def _localised(kind: str, value: float) -> str:
    """A statistic of maps in words."""
    region, _, statistic = kind.partition("-")
    if statistic == "share":
        return f"{value:.0%} of its heat for one class lies on lettering and frame burnt into the films"
    if statistic == "relative-enrichment":
        of = "" if region == "lesion" else ", in the mean over classes"
        return f"the {region} gets {value:.2f} times the heat of a map that never looks at the image{of}"
    return f"{captions.localisation_title(kind)} {value:.2f}"


def _helps(table: Table, found: Parts | None, asked: Sequence[Point], there: Sequence[Elsewhere]) -> list[str]:
    row = first_row(table)
    worth = decided(row, asked[0]) if row is not None and asked else None
    if row is None or worth is None:
        return ["Not known: no row that stands first has a sensitivity and a specificity."]
    sentences = screening_sentences(row.pipeline, asked[0], screened(worth, PREVALENCE))
    return [*sentences, *fall(there), *alarms(there, asked[0]), *_said(doubts(table, found))]


def screening_sentences(name: str, point: Point, found: Screened) -> list[str]:
    """What a row's decisions come to among so many people."""
    per_hit = f", {times(found.alarms_per_hit)} for each one found" if found.alarms_per_hit is not None else ""
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
    until = f" and fewer than {times(found.most)}; above that, calling everybody is better" if found.most else ""
    return f"It helps if finding one more is worth more than {times(found.least)} {PRICE}{until}."


def _names(names: Sequence[str]) -> str:
    return wording.listed(names) if names else "none"


def _said(*sentences: str) -> list[str]:
    return [one for one in sentences if one]
