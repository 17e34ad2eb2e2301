"""What a run's folder says besides its networks: what was fitted, and what tells images that it does not know.

No Keras: its networks may be computed by something else.
"""

import zipfile
from pathlib import Path

from benchmark.evaluation.calibration import Calibration
from benchmark.evaluation.familiarity import FILE as FAMILIARITY
from benchmark.evaluation.familiarity import Familiarity, load_familiarity
from benchmark.records.contents import fits
from benchmark.records.files import FILE, verify
from benchmark.records.record import Record
from registry.errors import DataError, DataNotFoundError, VerificationError

MODELS = "model"  # folder of what predicts
MOST_PACKED = 64  # weights, which are nearly random, are hardly packed at all
LARGEST = 32 << 20  # bytes to which any file may unpack


def sealed_record(folder: Path, seal: str) -> Record:
    """The record of a run that was asked about, which holds the same one still.

    Raises:
        DataError: the folder holds another run by now.
        BenchError: there is no record, or it was changed after it was sealed.
    """
    record = verify(folder / FILE)
    if record.seal != seal:
        raise DataError(f"{folder} was run again since it was loaded; load it again")
    return record


def model_files(record: Record, folder: Path) -> dict[str, Path]:
    """Name -> file of the models that a finished run keeps.

    Raises:
        DataNotFoundError: there are none, or one is gone.
        VerificationError: one was changed since the record was sealed.
        DataError: the run failed, or is made of other runs, which keep their own models.
    """
    if record.status != "ok":
        raise DataError(f"{record.run} failed, so there is nothing that predicts; run it again")
    if record.members:
        raise DataError(f"{record.run} is made of other runs and keeps no models of its own; take one of those")
    if not (folder / MODELS).is_dir():
        raise DataNotFoundError(f"no models in {folder}; expected a folder {MODELS!r}; run {record.run} again")
    files = {path.name: path for path in (folder / MODELS).iterdir()}
    listed = [name for name in record.files or {} if name.startswith(f"{MODELS}/")]
    if gone := [name for name in listed if name.removeprefix(f"{MODELS}/") not in files]:
        raise DataNotFoundError(f"{folder / gone[0]} is gone, which {record.run} predicts with; run it again")
    for path in files.values():
        check_model(record, path)
    return files


def familiarity_of(record: Record, folder: Path) -> Familiarity | None:
    """What tells images that are unlike those that a finished run learnt from; None of runs from before there was it.

    Raises:
        VerificationError: the file was changed since the record was sealed.
        DataError: it is damaged.
    """
    path = folder / MODELS / FAMILIARITY
    if not path.is_file():
        return None
    check_model(record, path)
    return load_familiarity(path)


def check_model(record: Record, path: Path) -> None:
    """Refuse a file of what predicts that is not the one of the record.

    Raises:
        VerificationError: it was changed since the record was sealed.
        DataError: it would unpack to more than any model of its size.
    """
    listed = (record.files or {}).get(f"{MODELS}/{path.name}")
    if listed is not None and not fits(listed, path):
        raise VerificationError(f"{path} was changed since its record was written; run {record.run} again")
    if (unpacked := _unpacked(path)) > LARGEST + MOST_PACKED * path.stat().st_size:
        raise DataError(
            f"{path} would unpack to {unpacked / 1e6:,.0f} MB, which no model of its size does; run {record.run} again"
        )


def fitted(record: Record) -> tuple[Calibration, list[float], list[float]]:
    """What was fitted on the calibration subset, and the class prior of the data and of what was learnt from."""
    calibration = record.calibration
    found = Calibration(
        **{name: value for name in Calibration.__struct_fields__ if (value := getattr(calibration, name)) is not None}
    )
    priors = (calibration.data_prior, calibration.batch_prior)
    data_prior, batch_prior = ([prior[k] for k in record.classes] for prior in priors)
    return found, data_prior, batch_prior


def bits_of(record: Record) -> int | None:
    """Bits of the run's films of 16 bits a pixel; None where it had none."""
    depth = record.dataset.depth if record.dataset else None
    return depth.bits if depth else None


def _unpacked(path: Path) -> int:
    """Bytes of what an archive holds; 0 where the file is none, which says so itself when it is read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(member.file_size for member in archive.infolist())
    except (OSError, ValueError, LookupError, NotImplementedError, zipfile.BadZipFile):
        return 0
