"""What a trained pipeline answers for images of any origin."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import msgspec
import numpy as np

from benchmark.models.pipeline import Pipeline
from benchmark.models.run_folder import load_run
from benchmark.models.runtime import reset_keras
from benchmark.records.files import FILE, verify
from benchmark.tasks.spec import RunSpec
from registry.errors import DataError
from registry.readers.files import read_gray

ARRAY = ".npy"


def answer(
    folder: str, seal: str, images: Sequence[tuple[str, str]], target: str, *, maps: bool
) -> tuple[str, list[str]]:
    """Answer for images, pairs of name and file, by the run in a folder.

    Writes the target, an NPZ file: views uint8 (n,S,S), logits and probabilities (n,K), decided (n,) and, where there
    are some, masks bool (n,S,S) and, where they are wanted, maps (n,h,w) of the log-odds of the class decided.  Where
    there are images that cannot be used, nothing is written, and the pipeline stays loaded.

    Returns:
        How the heat maps are made, and what is wrong with images that cannot be used.
    """
    pipeline = _pipeline(folder, seal)
    arrays, problems = _images(images)
    if problems:
        return "", problems
    answers = pipeline.answers(pipeline.prepare(arrays), frames=pipeline.frames(arrays))
    fields = {name: getattr(answers, name) for name in ("views", "logits", "probabilities", "decided")}
    if answers.masks is not None:
        fields["masks"] = answers.masks
    if maps:
        fields["maps"] = pipeline.heat(answers.views, answers.decided)
    np.savez(target, **fields)
    return pipeline.classifier.method, []


@lru_cache(maxsize=1)
def _pipeline(folder: str, seal: str) -> Pipeline:
    """The pipeline of a run, which stays in this process.

    Raises:
        DataError: the folder holds another run by now.
    """
    record = verify(Path(folder) / FILE)
    if record.seal != seal:
        raise DataError(f"{folder} was run again since it was loaded; load it again")
    spec = msgspec.convert(record.spec, RunSpec)
    reset_keras(spec.seed, spec.runtime)
    return load_run(Path(folder))


def _images(named: Sequence[tuple[str, str]]) -> tuple[list[np.ndarray], list[str]]:
    """Images uint8 (H,W), and what is wrong with those that cannot be used."""
    images, problems = [], []
    for name, path in named:
        try:
            images.append(_image(path))
        except DataError as error:
            problems.append(f"{name}: {error}" if path.endswith(ARRAY) else str(error))
    return images, problems


def _image(path: str) -> np.ndarray:
    image = np.load(path, allow_pickle=False) if path.endswith(ARRAY) else read_gray(path)
    if image.min() == image.max():
        raise DataError(f"empty image: every pixel is {image.min()}")
    return image
