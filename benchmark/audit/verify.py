"""A results folder against itself: files, numbers and the ledger.

It guards against accident and vanity, not against an adversary: whoever writes every file anew is not seen.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from benchmark.audit.findings import Finding, Kind, Verification
from benchmark.audit.history import ledger_findings, record_findings
from benchmark.audit.runs import check_run, scored_by_todays
from benchmark.records import external, speed
from benchmark.records.contents import differences
from benchmark.records.files import about, as_written, scan
from benchmark.records.ledger import FOLDER, Entries, Ledger, entries, tips
from benchmark.records.recomputed import Recompute, Recomputed
from benchmark.storage.code import CodeIndex
from benchmark.storage.files import Broken
from registry.errors import DataNotFoundError

# An evaluation on images of elsewhere, its folder, whether today's code scored it -> what its stored outputs say.
Elsewhere = Callable[[external.External, Path, bool], Recomputed]


def verify(
    root: Path,
    recompute: Recompute,
    index: CodeIndex,
    elsewhere: Elsewhere | None = None,
    told: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Verification:
    """Everything below a folder, checked.

    Args:
        recompute: gives what a run's stored outputs say of its record.
        index: of today's code.
        elsewhere: the same of evaluations on images of elsewhere.
        told: takes what is done, how many runs of it, and of about how many.

    Raises:
        DataNotFoundError: there is no such folder.
    """
    if not root.exists():
        raise DataNotFoundError(f"no results at {str(root)!r}; expected a folder that bench run wrote to (its -o)")
    ledger = _ledger(root)
    excused = {(line.record, line.file) for one in ledger for line in one.lines if line.status == "acknowledged"}
    findings, present, broken, recomputed = [], dict[str, set[str]](), set[str](), 0
    measured: list[Path] = []
    evaluated: list[Path] = []
    others, count = {speed.FILE: measured.append, external.FILE: evaluated.append}, about(root)
    for done, (path, record) in enumerate(scan(root, others=others)):
        told("runs", done, max(done, count))
        place = _place(Path(path).parent, root)
        if isinstance(record, Broken):
            broken.add(Path(path).parent.name)
            findings.append(Finding("edited", _place(Path(path), root), record.reason))
            continue
        written = as_written(Path(path))
        present.setdefault(record.run, set()).add(written.seal)
        checked = check_run(record, written, place, Path(path).parent, recompute, index)
        recomputed += checked.recomputed
        findings += [_excused(finding, excused) for finding in checked.findings]
    findings += [*_speeds(measured, root), *_externals(evaluated, root, elsewhere, index)]
    findings += [*ledger_findings(ledger), *record_findings(ledger, present, broken)]
    lines = sum(len(one.lines) for one in ledger)
    return Verification(str(root), sum(map(len, present.values())), recomputed, lines, findings, tips(ledger))


def acknowledge(root: Path, verification: Verification, reason: str) -> list[Finding]:
    """Write into the ledger that what has gone is known to be gone; gives what that was.

    Raises:
        StorageError: the ledger cannot be written.
    """
    gone = [*verification.of("vanished"), *verification.of("missing")]
    ledger = Ledger(root)
    for finding in gone:
        ledger.add(finding.run, "acknowledged", finding.seal, file=finding.file, reason=reason)
    return gone


def _ledger(root: Path) -> list[Entries]:
    """That of the folder, and those of folders in it that were a results folder once."""
    homes = [root, *sorted(path.parent for path in root.glob(f"*/{FOLDER}") if path.is_dir())] if root.is_dir() else []
    return [one for home in homes for one in entries(home)]


def _excused(finding: Finding, excused: set[tuple[str, str]]) -> Finding:
    """A loss that somebody has written down is named, and no more than that."""
    if finding.kind != "missing" or (finding.seal, finding.file) not in excused:
        return finding
    return msgspec.structs.replace(finding, kind="acknowledged")


def _speeds(paths: Sequence[Path], root: Path) -> Iterator[Finding]:
    for path in paths:
        found = speed.read(path)
        if isinstance(found, Broken):
            yield Finding("edited", _place(path, root), found.reason)


def _externals(paths: Sequence[Path], root: Path, elsewhere: Elsewhere | None, index: CodeIndex) -> Iterator[Finding]:
    """Evaluations on images of elsewhere: their seals, the predictions that they list, and their numbers by those."""
    for path in paths:
        found, place = external.read(path), _place(path.parent, root)
        if isinstance(found, Broken):
            yield Finding("edited", _place(path, root), found.reason)
            continue
        changed = differences(found.files, path.parent)
        kinds: tuple[tuple[Kind, list[str]], ...] = (
            ("edited", changed.edited),
            ("missing", changed.missing),
            ("unlisted", [name for name in changed.unlisted if name != external.FILE]),
        )
        for kind, names in kinds:
            yield from (Finding(kind, place, name, found.name, found.seal, name) for name in names)
        if elsewhere and not changed.edited and not changed.missing:
            shown = elsewhere(found, path.parent, scored_by_todays(found.scoring, index))
            for kind, texts in (("contradicted", shown.contradictions), ("unchecked", shown.unchecked)):
                yield from (Finding(kind, place, text, found.name, found.seal) for text in texts)


def _place(path: Path, root: Path) -> str:
    return path.relative_to(root if root.is_dir() else root.parent).as_posix()
