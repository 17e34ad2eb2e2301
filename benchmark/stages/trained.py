"""What a run has trained, from the artefacts of its stages."""

from benchmark.models.pipeline import Pipeline, load_pipeline
from benchmark.stages.model_files import model_files
from benchmark.stages.predictions import batch_prior, data_prior, predictions
from benchmark.stages.reading import Reader


def trained(run: Reader) -> Pipeline:
    """The trained pipeline of a run that has predicted."""
    return load_pipeline(model_files(run), run.spec, predictions(run).calibration, data_prior(run), batch_prior(run))
