"""The ledger against what lies on disk: which records are gone, and whether anything says why."""

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import NamedTuple

from benchmark.audit.findings import Finding, Kind
from benchmark.records.ledger import FOLDER, Entries, Line, precedes


class Entry(NamedTuple):
    """A line of the ledger and where it stands: its file, and its place there."""

    file: str
    place: int
    line: Line

    @property
    def where(self) -> tuple[str, int]:
        """File and place."""
        return self.file, self.place


def ledger_findings(ledger: Sequence[Entries]) -> Iterator[Finding]:
    """What is wrong with the ledger itself: lines that were changed, files that are gone or were cut."""
    files = {one.name: one for one in ledger}
    excused = {entry.line.file for entry in _entries(ledger) if entry.line.status == "acknowledged"}
    for one in ledger:
        place = f"{FOLDER}/{one.name}"
        if one.torn:
            yield Finding("torn", place, "its last line was written half and does not count")
        for text in one.faults:
            yield Finding("edited", place, text)
    heads = {(name, head, one.name) for one in ledger if not one.faults for name, head in one.heads.items()}
    for name, head, witness in sorted(heads):
        place = f"{FOLDER}/{name}"
        if name not in files:
            kind: Kind = "acknowledged" if place in excused else "vanished"
            yield Finding(kind, place, f"{witness} names it, and it is not there", file=place)
        elif head not in files[name].places and not files[name].faults:
            yield Finding("edited", place, f"it was cut or written anew since {witness} named it")


def record_findings(ledger: Sequence[Entries], present: Mapping[str, Set[str]], broken: Set[str]) -> Iterator[Finding]:
    """What has become of every record that the ledger knows, and which records it does not know.

    Args:
        present: run -> seals of its records on disk.
        broken: runs whose record is there but cannot be read, which is found elsewhere.
    """
    by_run: dict[str, list[Entry]] = {}
    for entry in _entries(ledger):
        by_run.setdefault(entry.line.run, []).append(entry)
    replaced = set()
    for run, seals in present.items():
        known = {entry.line.record for entry in by_run.get(run, []) if entry.line.record}
        for seal in sorted(seals - known) if known else ():
            replaced |= {run} if seals.isdisjoint(known) else set()
            yield Finding("edited", run, "its record is not one that the ledger has written down", run, seal)
    older = sorted(run for run in present if run not in by_run)
    if older:
        yield Finding("older", "", _older(older, bool(ledger)))
    files = {one.name: one for one in ledger}
    for run in sorted(by_run.keys() - broken - replaced):
        yield from _lost(files, by_run[run], present.get(run, frozenset()))


def _older(runs: Sequence[str], has_ledger: bool) -> str:
    count = f"{len(runs)} run{'s' * (len(runs) > 1)}"
    what = "older than the ledger, or from where there was none" if has_ledger else "without a ledger"
    return f"{count} {what}: nothing tells whether others have gone"


def _lost(ledger: Mapping[str, Entries], entries: Sequence[Entry], present: Set[str]) -> Iterator[Finding]:
    """The records of one run that are not there any more."""
    made = [entry for entry in entries if entry.line.status in ("ok", "failed") and entry.line.record]
    excused = {entry.line.record for entry in entries if entry.line.status == "acknowledged" and not entry.line.file}
    removed = [entry for entry in entries if entry.line.status == "removed"]
    for entry in made:
        line = entry.line
        if line.record in present:
            continue
        if _is_replaced(ledger, entry, made, present):
            yield Finding("superseded", line.run, f"its record of {line.written}", line.run, line.record)
        elif any(not precedes(ledger, one.where, entry.where) for one in removed):
            yield Finding("removed", line.run, f"its record of {line.written}", line.run, line.record)
        elif line.record in excused:
            yield Finding("acknowledged", line.run, f"its record of {line.written}", line.run, line.record)
        else:
            gone = "an older record has taken its place" if present else "its folder is gone"
            yield Finding("vanished", line.run, f"made {line.written}, {line.status}: {gone}", line.run, line.record)


def _is_replaced(ledger: Mapping[str, Entries], entry: Entry, made: Sequence[Entry], present: Set[str]) -> bool:
    """Whether a later record of the run was made, or one lies there that nobody can call earlier.

    Of two folders that made the same run apart and were merged since, either record may have remained.
    """
    if any(precedes(ledger, entry.where, other.where) for other in made):
        return True
    kept = [other for other in made if other.line.record in present]
    return any(not precedes(ledger, other.where, entry.where) for other in kept)


def _entries(ledger: Sequence[Entries]) -> Iterator[Entry]:
    for one in ledger:
        if not one.faults:
            yield from (Entry(one.name, place, line) for place, line in enumerate(one.lines))
