"""A run's folder as a pipeline: the models that it keeps, used as its record says."""

from pathlib import Path

from benchmark.models.file_checks import check_content
from benchmark.models.pipeline import Pipeline, load_pipeline
from benchmark.models.run_facts import bits_of, fitted, model_files
from benchmark.records.files import FILE, verify
from benchmark.records.record import Record
from benchmark.tasks.spec import run_spec
from registry.errors import DataError
from registry.lookup import find, packages_of


def load_run(folder: Path) -> Pipeline:
    """The trained pipeline in the folder of a finished run.

    Raises:
        DataNotFoundError: there is no record, or no models.
        VerificationError: the record was changed after it was sealed.
        DataError: the run failed, or is made of other runs, which keep their own models; or a file holds more than a
            model does.
    """
    record = verify(folder / FILE)
    files = checked_files(record, folder)
    return load_pipeline(files, run_spec(record.spec), *fitted(record), bits=bits_of(record))


def checked_files(record: Record, folder: Path) -> dict[str, Path]:
    """Name -> file of the models that a finished run keeps, each looked at before a library builds it.

    Raises:
        BenchError: see `model_files`.
        DataError: a file holds more than a model does.
    """
    files = model_files(record, folder)
    packages = packages_of(find("head", run_spec(record.spec).head.name).distribution)
    for path in files.values():
        try:
            check_content(path, packages)
        except DataError as error:
            raise DataError(f"{path} cannot be used: {error}; run {record.run} again") from error
    return files
