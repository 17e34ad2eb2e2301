"""What a reader must know before believing a table: of its data, and why its scores may not be the disease's."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmark.comparison.tables import Table
from benchmark.records.estimate import FEW
from benchmark.records.record import DatasetInfo
from benchmark.records.summary import DatasetSummary
from benchmark.records.verdicts import Verdict
from benchmark.report import captions, wording
from benchmark.report.conclusion import Parts
from benchmark.report.cues import reaching
from benchmark.report.opening import opening

DRAWN = "drawn by code"  # in the notices, or the origin, of a dataset that is
TOLD = {"patients": ("patients unknown", "patients of"), "sources": ("sources unknown",)}  # subject -> its notices
NO_RESULT = "The films are drawn by code: nothing here is a result about patients."
NO_SEARCH = (
    "Crops and re-encodings of films were not searched for: some may lie in training and in test, and be known by heart"
)


class Known(NamedTuple):
    """What a page says of a table's data: what a reader must know, the facts, and digests for whoever checks them."""

    warning: str
    caveats: list[str]
    facts: list[str]
    digests: list[str]


def known(table: Table) -> Known:
    """What there is to be said of the data behind a table."""
    info = table.dataset
    if info is None:
        return Known("", [], captions.caption(table), [])
    understood, synthetic = _understood(info, table), drawn(info)
    notices = [one.rstrip(".") for one in info.notices if not (synthetic and DRAWN in one.lower())]
    doubtful = [line for line in understood if _is_doubt(line, notices)]
    caveats = [*notices, *doubtful, *_of_the_test(table), *(f"unreadable: {one}" for one in info.skipped[:12])]
    facts = [line for line in captions.caption(table) if line not in info.notices]
    facts += [line for line in understood if line not in doubtful]
    facts += [f"{name}: {text}" for name, text in (("licence", info.licence), ("origin", info.origin)) if text]
    digests = [f"dataset {info.digest}", *([f"split {table.split.digest}"] if table.split else [])]
    return Known(NO_RESULT if synthetic else "", caveats, facts, digests)


def _is_doubt(line: str, notices: Sequence[str]) -> bool:
    """Whether a line tells what is not known, or not read, and no notice on the same subject does."""
    subject = line.partition(":")[0]
    told = subject in TOLD and any(notice.startswith(TOLD[subject]) for notice in notices)
    return not told and ("unknown" in line or subject == "passed over")


def drawn(info: DatasetInfo) -> bool:
    """Whether a dataset says that its films are drawn."""
    return any(DRAWN in text.lower() for text in (*info.notices, info.origin, info.licence))


def few(table: Table) -> list[str]:
    """Classes with fewer than ten groups, or images, to be tested on."""
    counts = table.split.counts.get("test", {}) if table.split else {}
    return [name for name in table.classes if 0 < table.groups.get(name, counts.get(name, 0)) < FEW]


def doubts(table: Table, found: Parts | None) -> str:
    """Why what follows from the first row's score may not follow from the disease; empty where nothing says so."""
    reasons = list(_doubts(table, found))
    return f"All this only if the score is the disease's: {'; '.join(reasons)}." if reasons else ""


def _doubts(table: Table, found: Parts | None) -> Iterator[str]:
    if table.dataset is not None and drawn(table.dataset):
        yield "the films are drawn by code"
    if found is not None and found.explained:
        yield "a rule that sees no disease may be as good (third question)"
    elif table.ranking is not None and reaching(table, table.ranking.reference):
        yield "rules that see no disease score at least as much (third question)"
    elif not any(row.control and row.verdict is not None and _tested(row.verdict) for row in table.rows):
        yield "no rule that sees no disease was tested beside it"
    if found is not None and found.marks:
        yield "it looks at lettering and frame (fifth question)"
    if found is not None and found.sources:
        yield "nothing excludes that the hospital was learnt"
    if scarce := few(table):
        yield f"fewer than ten groups of {wording.listed(scarce)} were tested on"


def _of_the_test(table: Table) -> Iterator[str]:
    if table.scored > 1:
        yield f"the test images were scored at least {table.scored:,} times: the more often, the more the best is luck"
    if scarce := few(table):
        yield f"fewer than ten groups of {wording.listed(scarce)} among the test images"
    searchable = table.dataset is not None and not drawn(table.dataset)
    if searchable and table.split is not None and table.split.copies is None:
        yield NO_SEARCH


def _understood(info: DatasetInfo, table: Table) -> list[str]:
    """How the data were understood, as a run says it first; its notes are the notices."""
    read = info.understood
    summary = DatasetSummary(
        name=info.name, options={}, digest=info.digest, labels=list(info.counts), counts=info.counts,
        sources=info.sources, notices=[], licence=info.licence, origin=info.origin,
        images=sum(info.counts.values()), masks_leak=None,
        masks=sum(read.masks.values()) if read.read else None, understood=read,
    )  # fmt: skip
    return [line.strip() for line in opening(summary, table.split.parts if table.split else "own")]


def _tested(verdict: Verdict) -> bool:
    return verdict.low is not None or verdict.identical
