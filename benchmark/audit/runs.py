"""One run: its files against the list in its record, its numbers against its stored outputs."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from benchmark.audit.findings import Finding, Kind
from benchmark.records.contents import differences
from benchmark.records.files import FILE, PREDICTIONS, Written
from benchmark.records.recomputed import Recompute
from benchmark.records.record import Record
from benchmark.storage.code import OWN, CodeIndex

FIRST_WITH_FILES = 4  # the schema whose records list the files of the run
NO_LIST = "files other than predictions: the record is older than the list of files"


class Checked(msgspec.Struct, frozen=True):
    """What was found of a run, and whether its numbers were recomputed."""

    findings: list[Finding]
    recomputed: bool


def check_run(
    record: Record, written: Written, place: str, folder: Path, recompute: Recompute, index: CodeIndex
) -> Checked:
    """Files first; numbers only from predictions that are those of the run.

    Args:
        written: what the record's file says of itself.
        place: how findings name the run.
    """
    if record.status != "ok":
        return Checked([], False)
    found = [*_files(record, written.schema, folder), *_code(record, index)]
    names = {name for kind, name in found if kind == "edited"}
    readable = (folder / PREDICTIONS).is_file() and PREDICTIONS not in names
    if readable:
        shown = recompute(record, folder, scored_by_todays(record.scoring, index))
        found += [("contradicted", text) for text in shown.contradictions]
        found += [("unchecked", text) for text in shown.unchecked]
    return Checked([_finding(kind, text, record.run, written.seal, place) for kind, text in found], readable)


def _finding(kind: Kind, text: str, run: str, seal: str, place: str) -> Finding:
    file = text if kind in ("edited", "missing", "left-out", "unlisted") else ""
    return Finding(kind, place, text, run, seal, file)


def _files(record: Record, schema: int, folder: Path) -> Iterator[tuple[Kind, str]]:
    if record.files is None:
        if schema >= FIRST_WITH_FILES:
            yield "contradicted", f"{FILE} lists no files, though records of its schema do"
        else:
            yield "unchecked", NO_LIST
        if not (folder / PREDICTIONS).is_file():
            yield "missing", PREDICTIONS
        return
    found = differences(record.files, folder)
    for name in found.edited:
        yield "edited", name
    for name in found.missing:
        yield "missing" if name == PREDICTIONS else "left-out", name
    for name in found.unlisted:
        yield "unlisted", name
    if PREDICTIONS not in record.files:
        yield "contradicted", f"{FILE} lists no {PREDICTIONS}"


def _code(record: Record, index: CodeIndex) -> Iterator[tuple[Kind, str]]:
    if not record.scoring:
        yield "unchecked", "by what code it was scored: the record does not say"
    elif not scored_by_todays(record.scoring, index):
        yield "stale", "scored by other code than today's; its numbers still count"


def scored_by_todays(scoring: Mapping[str, str], index: CodeIndex) -> bool:
    """Whether the code of the modules that scored is that of today."""
    return bool(scoring) and all(index.code_digest(module, OWN) == digest for module, digest in scoring.items())
