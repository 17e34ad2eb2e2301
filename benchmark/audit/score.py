"""The record of a run anew, beside it: scored by today's code from what the run has stored."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from benchmark.records.contents import fits, listing
from benchmark.records.files import FILE, PREDICTIONS, as_written, read, verify, write
from benchmark.records.ledger import Ledger
from benchmark.records.record import SCHEMA, Record
from benchmark.storage.cache import replace_folder
from benchmark.storage.code import OWN, CodeIndex
from benchmark.storage.digests import digest
from benchmark.storage.files import new_folder
from benchmark.storage.refusals import storage_errors
from registry.errors import ConfigError, DataNotFoundError, VerificationError

# A record, the folder of its run, a folder for predictions -> fields of the record that are otherwise now.
Rescore = Callable[[Record, Path, Path], dict[str, Any]]
BY_KIND = {
    "vote": "benchmark.stages.score_vote",
    "imported": "benchmark.stages.score_imported",
}  # which module scores a specification of some kind
ORDINARY = "benchmark.stages.score"


def score_anew(folder: Path, rescore: Rescore, index: CodeIndex) -> tuple[Record, Path]:
    """Put the new record into a folder of its own, named by the run and its seal; gives both, a line of the ledger too.

    Args:
        folder: of a run, in that of its task, in that of the results.

    Raises:
        VerificationError: the record or its predictions were changed since they were written.
        BenchError: there is nothing to score, or the results cannot be written.
    """
    record = _scorable(folder)
    seal = as_written(folder / FILE).seal
    target = folder.parent / f"{record.run}-scored-{seal[:8]}"
    module = BY_KIND.get(str(record.spec.get("kind")), ORDINARY)
    code = index.code_digest(module, OWN) or ""
    changes = {"run": target.name, "key": digest("scored", seal, code), "scored_from": seal, "scoring": {module: code}}
    with storage_errors(target):
        made = new_folder(target.parent, ".writing-")
        try:
            found = rescore(record, folder, made)
            now = datetime.now(UTC).isoformat(timespec="seconds")
            anew = {**changes, **found, "files": listing(made), "schema": SCHEMA, "created": now}
            write(msgspec.structs.replace(record, **anew), made)
            replace_folder(made, target)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    written = read(target / FILE)
    Ledger(folder.parent.parent).add_run(written, target)
    return written, target


def _scorable(folder: Path) -> Record:
    record = verify(folder / FILE)
    if record.status != "ok":
        raise ConfigError(f"{record.run} failed, so there is nothing to score; run it again")
    if record.scored_from:
        raise ConfigError(f"{record.run} was scored anew itself; score the run that it is of, in the folder beside it")
    path = folder / PREDICTIONS
    if not path.is_file():
        raise DataNotFoundError(f"no {PREDICTIONS} in {folder}, so there is nothing to score")
    if record.files is not None and (PREDICTIONS not in record.files or not fits(record.files[PREDICTIONS], path)):
        raise VerificationError(f"{path} was changed since its record was written")
    return record
