"""A run's folder as a pipeline: the models that it keeps, used as its record says."""

from pathlib import Path

from benchmark.models.pipeline import Pipeline, load_pipeline
from benchmark.models.run_facts import bits_of, fitted, model_files
from benchmark.records.files import FILE, verify
from benchmark.tasks.spec import run_spec


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
