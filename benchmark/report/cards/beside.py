"""What lies beside a run and is of it: evaluations elsewhere, rules that it must beat, its other trainings."""

from pathlib import Path

import msgspec

from benchmark.records import external
from benchmark.records.external import External
from benchmark.records.files import FILE, scan
from benchmark.records.record import Record


class Beside(msgspec.Struct, frozen=True):
    """What was found.

    Attributes:
        externals: evaluations of this very record on images of elsewhere.
        controls: records of rules on the same test images.
        others: other trainings of the same pipeline, on the same test images.
        unusable: files that are none of these because they cannot be trusted or read, with the reason.
    """

    externals: list[External] = []
    controls: list[Record] = []
    others: list[Record] = []
    unusable: list[str] = []


def beside(record: Record, folder: Path, *, verified: bool = True) -> Beside:
    """What lies beside a run's folder, below the results that it stands in.

    Args:
        verified: what was changed after it was sealed is `unusable`.
    """
    unusable: list[str] = []
    records = [one for path in _records(folder) if (one := _record(path, verified, unusable)) is not None]
    alike = [one for one in records if one.run != record.run and _same_test(one, record)]
    return Beside(
        externals=_externals(record, folder, verified, unusable),
        controls=[one for one in alike if one.of_controls],
        others=[one for one in alike if one.pipeline_digest == record.pipeline_digest and one.status == "ok"],
        unusable=unusable,
    )


def _records(folder: Path) -> list[Path]:
    return sorted(path for path in folder.absolute().parent.glob(f"*/{FILE}") if path.parent != folder.absolute())


def _record(path: Path, verified: bool, unusable: list[str]) -> Record | None:
    _, found = next(scan(path, verified=verified))
    if isinstance(found, Record):
        return found
    unusable.append(f"{path.parent.name}/{path.name} {found.reason}")
    return None


def _same_test(one: Record, record: Record) -> bool:
    """Whether two records are of one question on the same test images."""
    same = one.task == record.task and one.classes == record.classes and one.fold == record.fold
    if not same or not one.dataset or not record.dataset or one.dataset.digest != record.dataset.digest:
        return False
    return one.split is not None and record.split is not None and one.split.digest == record.split.digest


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
