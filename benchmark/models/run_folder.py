"""A run's folder as a pipeline: the models that it keeps, used as its record says."""

import zipfile
from pathlib import Path

from benchmark.evaluation.calibration import Calibration
from benchmark.evaluation.familiarity import FILE as FAMILIARITY
from benchmark.evaluation.familiarity import Familiarity, load_familiarity
from benchmark.models.file_checks import check_content
from benchmark.models.pipeline import Pipeline, load_pipeline
from benchmark.records.contents import fits
from benchmark.records.files import FILE, verify
from benchmark.records.record import Record
from benchmark.tasks.spec import run_spec
from registry.errors import DataError, DataNotFoundError, VerificationError
from registry.lookup import find, packages_of

MODELS = "model"  # folder of what predicts
MOST_PACKED = 64  # weights, which are nearly random, are hardly packed at all
LARGEST = 32 << 20  # bytes to which any file may unpack


def load_run(folder: Path) -> Pipeline:
    """The trained pipeline in the folder of a finished run.

    Raises:
        DataNotFoundError: there is no record, or no models.
        VerificationError: the record was changed after it was sealed.
        DataError: the run failed, or is made of other runs, which keep their own models.
    """
    record = verify(folder / FILE)
    files = model_files(record, folder)
    depth = record.dataset.depth if record.dataset else None
    return load_pipeline(files, run_spec(record.spec), *fitted(record), bits=depth.bits if depth else None)


def model_files(record: Record, folder: Path) -> dict[str, Path]:
    """Name -> file of the models that a finished run keeps.

    Raises:
        DataNotFoundError: there are none.
        VerificationError: one was changed since the record was sealed.
        DataError: the run failed, or is made of other runs, which keep their own models; or a file holds more than a
            model does.
    """
    if record.status != "ok":
        raise DataError(f"{record.run} failed, so there is nothing that predicts; run it again")
    if record.members:
        raise DataError(f"{record.run} is made of other runs and keeps no models of its own; take one of those")
    if not (folder / MODELS).is_dir():
        raise DataNotFoundError(f"no models in {folder}; expected a folder {MODELS!r}; run {record.run} again")
    files = {path.name: path for path in (folder / MODELS).iterdir()}
    packages = packages_of(find("head", run_spec(record.spec).head.name).distribution)
    for path in files.values():
        _check(record, path)
        try:
            check_content(path, packages)
        except DataError as error:
            raise DataError(f"{path} cannot be used: {error}; run {record.run} again") from error
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
    _check(record, path)
    return load_familiarity(path)


def _check(record: Record, path: Path) -> None:
    listed = (record.files or {}).get(f"{MODELS}/{path.name}")
    if listed is not None and not fits(listed, path):
        raise VerificationError(f"{path} was changed since its record was written; run {record.run} again")
    if (unpacked := _unpacked(path)) > LARGEST + MOST_PACKED * path.stat().st_size:
        raise DataError(
            f"{path} would unpack to {unpacked / 1e6:,.0f} MB, which no model of its size does; run {record.run} again"
        )


def _unpacked(path: Path) -> int:
    """Bytes of what an archive holds; 0 where the file is none, which says so itself when it is read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(member.file_size for member in archive.infolist())
    except (OSError, ValueError, LookupError, NotImplementedError, zipfile.BadZipFile):
        return 0


def fitted(record: Record) -> tuple[Calibration, list[float], list[float]]:
    """What was fitted on the calibration subset, and the class prior of the data and of what was learnt from."""
    calibration = record.calibration
    found = Calibration(
        **{name: value for name in Calibration.__struct_fields__ if (value := getattr(calibration, name)) is not None}
    )
    priors = (calibration.data_prior, calibration.batch_prior)
    data_prior, batch_prior = ([prior[k] for k in record.classes] for prior in priors)
    return found, data_prior, batch_prior
