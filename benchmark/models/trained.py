"""A finished run at work in this process, its networks computed by Keras."""

from functools import lru_cache
from pathlib import Path

from benchmark.models.answers import Run
from benchmark.models.run_facts import familiarity_of, sealed_record
from benchmark.models.run_folder import load_run
from benchmark.models.runtime import reset_keras
from benchmark.tasks.spec import run_spec
from registry.errors import BenchError, DataError


@lru_cache(maxsize=1)
def trained(folder: str, seal: str) -> Run:
    """The run in a folder, which stays in this process.

    Args:
        seal: of the record that the folder held when it was asked about.

    Raises:
        DataError: the folder holds another run by now, or a model of it cannot be loaded.
    """
    record = sealed_record(Path(folder), seal)
    spec = run_spec(record.spec)
    reset_keras(spec.seed, spec.runtime)
    try:
        pipeline = load_run(Path(folder))
    except (BenchError, MemoryError):
        raise
    except Exception as error:  # whatever a library finds wrong with a model's file
        said = " ".join(str(error).split())[:200]
        raise DataError(
            f"a model of {record.run} cannot be loaded ({type(error).__name__}: {said}); run it again"
        ) from error
    known = familiarity_of(record, Path(folder))
    return Run(pipeline, known, record.classes, pipeline.classifier.method, pipeline.heat)
