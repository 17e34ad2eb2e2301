"""What `bench verify` says of a results folder."""

from collections.abc import Iterator
from typing import Any

import msgspec

from benchmark.audit.findings import UNTRUSTED, Finding, Verification
from benchmark.report.lines import prose
from benchmark.report.wording import plural

UNCHECKED = "unchecked"
HEADINGS = {  # kind -> what it means
    "contradicted": "Contradicted: what is stored does not give what is recorded",
    "edited": "Edited: not as it was written",
    "missing": "Predictions missing: without them nothing can be recomputed",
    "vanished": "Vanished: the ledger knows it, and no line says why it is gone",
    "stale": "Stale: other code may score it otherwise (bench score RUN gives its record anew beside it)",
    "left-out": "Left out: listed by the record, and not in this copy",
    "unlisted": "Unlisted: beside a record that does not know it",
    "superseded": "Superseded: a later record of the same run has taken its place",
    "removed": "Removed by a command, which has written that down",
    "acknowledged": "Gone, and acknowledged in the ledger",
    "torn": "Torn: a line of the ledger that was written half",
    "older": "Older than the ledger",
    UNCHECKED: "Not checked",
}
GUARD = "This guards against accident and vanity, not an adversary."
REMEDY = "Where you know why something is gone, bench verify --acknowledge REASON writes that down."


def verification_lines(found: Verification, width: int, *, details: bool = False) -> Iterator[str]:
    """The result in words, what cannot be trusted first.

    Args:
        details: every place is named, and what was not checked; else these are counted.
    """
    counts = f"{plural(found.records, 'record')}, {found.recomputed} recomputed from stored outputs"
    yield prose(f"{found.root}: {counts}, {plural(found.lines, 'line')} of the ledger.", width)
    for kind, heading in HEADINGS.items():
        findings = found.of(kind)
        if findings and kind == UNCHECKED and not details:
            yield "\n" + prose(f"{heading}: {_counted(findings)} (bench verify --details names it).", width)
        elif findings:
            yield f"\n{prose(heading, width)}"
            yield from (prose(text, width, "  ") for text in _grouped(findings, details))
    if found.heads:
        yield "\n" + prose("Heads of the ledger; kept elsewhere, they show whether its end was cut off:", width)
        yield from (f"  {name} {head}" for name, head in found.heads.items())
    yield "\n" + prose(_conclusion(found), width)


def verification_content(found: Verification) -> dict[str, Any]:
    """The result for programs."""
    findings = [{name: value for name, value in one.items() if value} for one in _plain(found)["findings"]]
    return {"trusted": found.trusted, **_plain(found), "findings": findings}


def _plain(found: Verification) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.to_builtins(found)
    return content


def _counted(findings: list[Finding]) -> str:
    """``35 things of 21 runs``."""
    runs = len({finding.place for finding in findings})
    return f"{plural(len(findings), 'thing')} of {plural(runs, 'run')}, which nothing here can tell"


def _grouped(findings: list[Finding], details: bool) -> Iterator[str]:
    """A line per thing found; what is the same of many runs once, with their number, unless all are asked for."""
    places: dict[str, list[str]] = {}
    for finding in findings:
        places.setdefault(finding.what, []).append(finding.place)
    for what, where in places.items():
        if len(where) > 2 and not details:
            yield f"{len(where)} × {what}: {where[0]}, …"
        else:
            yield from (f"{place}: {what}" if place else what for place in where)


def _conclusion(found: Verification) -> str:
    counts = {kind: len(found.of(kind)) for kind in UNTRUSTED}
    wrong = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    remedy = f" {REMEDY}" if counts["vanished"] or counts["missing"] else ""
    return f"Not to be trusted: {wrong}.{remedy}" if wrong else f"Nothing contradicts what is recorded. {GUARD}"
