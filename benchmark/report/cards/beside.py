"""What lies beside a run and is of it: evaluations elsewhere, rules that it must beat, its other trainings."""

from pathlib import Path

import msgspec

from benchmark.comparison.lean import table_key
from benchmark.records import external
from benchmark.records.external import External
from benchmark.records.files import FILE, scan
from benchmark.records.ledger import entries, times_scored
from benchmark.records.record import Record


class Beside(msgspec.Struct, frozen=True):
    """What was found.

    Attributes:
        externals: evaluations of this very record on images of elsewhere.
        controls: records of rules on the same test images.
        others: other trainings of the same pipeline, on the same test images.
        unusable: files that are none of these because they cannot be trusted or read, with the reason.
        absent: files that the record lists and the folder lacks.
        scored: how often these test images were scored, this run included, as far as is known; 0 where it is not.
    """

    externals: list[External] = []
    controls: list[Record] = []
    others: list[Record] = []
    unusable: list[str] = []
    absent: list[str] = []
    scored: int = 0

    def where(self, name: str) -> str:
        """How a file of the run is named: with a word where this copy of the folder lacks it."""
        return f"{name} (not in this copy)" if name in self.absent else name


def beside(record: Record, folder: Path, *, verified: bool = True) -> Beside:
    """What lies beside a run's folder, below the results that it stands in.

    Args:
        verified: what was changed after it was sealed is `unusable`.
    """
    unusable: list[str] = []
    own = [one for path in _records(folder, "*") if (one := _record(path, verified, unusable)) is not None]
    # A vote, or another task that asks the same, stands in the table whose rules were judged in another folder.
    far = [one for path in _records(folder, "../*/*") if (one := _record(path, verified, [])) is not None]
    alike = [one for one in [*own, *far] if one.run != record.run and _same_test(one, record)]
    networks = [one for one in alike if not one.of_controls and one.status == "ok" and one.metrics]
    return Beside(
        externals=_externals(record, folder, verified, unusable),
        controls=[one for one in alike if one.of_controls],
        others=[one for one in networks if one.pipeline_digest == record.pipeline_digest],
        unusable=unusable,
        absent=[name for name in record.files or {} if not (folder / name).exists()],
        scored=max(len(networks) + 1, _scored(record, folder)) if record.metrics else 0,
    )


def _records(folder: Path, where: str) -> list[Path]:
    """Records in the folder of the run's task, or in those of other tasks."""
    home = folder.absolute().parent
    found = {path.resolve() for path in home.glob(f"{where}/{FILE}")}
    nearer = {path.resolve() for path in home.glob(f"*/{FILE}")} if where != "*" else {folder.resolve() / FILE}
    return sorted(found - nearer)


def _scored(record: Record, folder: Path) -> int:
    try:
        return times_scored(entries(folder.absolute().parent.parent), record.test) if record.test else 0
    except OSError:  # bench verify says so
        return 0


def _record(path: Path, verified: bool, unusable: list[str]) -> Record | None:
    _, found = next(scan(path, verified=verified))
    if isinstance(found, Record):
        return found
    unusable.append(f"{path.parent.name}/{path.name} {found.reason}")
    return None


def _same_test(one: Record, record: Record) -> bool:
    """Whether two records are of one question on the same test images."""
    key = table_key(record)
    return key.known and one.fold == record.fold and table_key(one) == key


def _externals(record: Record, folder: Path, verified: bool, unusable: list[str]) -> list[External]:
    found = []
    for path in sorted((folder.absolute().parent.parent / external.FOLDER).glob(f"*/{external.FILE}")):
        one = external.read(path, verified=verified)
        if not isinstance(one, External):
            unusable.append(f"{path.parent.name}/{path.name} {one.reason}")
        elif one.run == record.run and one.record in (record.seal, record.scored_from):
            found.append(one)
        elif one.run == record.run:
            unusable.append(f"{path.parent.name}/{path.name} is of another record of this run; evaluate it again")
    return found
