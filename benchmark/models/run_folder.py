"""A run's folder as a pipeline: the models that it keeps, used as its record says."""

from pathlib import Path

from benchmark.models.file_checks import check_content
from benchmark.models.pipeline import Pipeline, load_pipeline
from benchmark.models.run_facts import MODELS, bits_of, check_model, fitted
from benchmark.records.files import FILE, verify
from benchmark.records.record import Record
from benchmark.tasks.spec import run_spec
from registry.errors import DataError, DataNotFoundError
from registry.lookup import find, packages_of


def load_run(folder: Path) -> Pipeline:
    """The trained pipeline in the folder of a finished run.

    Raises:
        DataNotFoundError: there is no record, or no models.
        VerificationError: the record was changed after it was sealed.
        DataError: the run failed, or is made of other runs, which keep their own models.
    """
    record = verify(folder / FILE)
    files = model_files(record, folder)
    return load_pipeline(files, run_spec(record.spec), *fitted(record), bits=bits_of(record))


def model_files(record: Record, folder: Path) -> dict[str, Path]:
    """Name -> file of the models that a finished run keeps.

    Raises:
        DataNotFoundError: there are none, or one is gone.
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
    listed = [name for name in record.files or {} if name.startswith(f"{MODELS}/")]
    if gone := [name for name in listed if name.removeprefix(f"{MODELS}/") not in files]:
        raise DataNotFoundError(f"{folder / gone[0]} is gone, which {record.run} predicts with; run it again")
    packages = packages_of(find("head", run_spec(record.spec).head.name).distribution)
    for path in files.values():
        check_model(record, path)
        try:
            check_content(path, packages)
        except DataError as error:
            raise DataError(f"{path} cannot be used: {error}; run {record.run} again") from error
    return files
