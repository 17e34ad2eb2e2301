"""A trained pipeline at work for images of any origin, in a worker of its own."""

import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from benchmark.execution.process import Worker
from benchmark.execution.protocol import Answer
from benchmark.planning.backend import keras_backend
from benchmark.records.files import FILE, verify
from benchmark.records.places import without_model, without_models
from benchmark.records.prediction import Answered
from benchmark.records.record import Record
from benchmark.tasks.spec import run_spec
from registry.errors import ConfigError, DataError

if TYPE_CHECKING:
    import numpy as np

MODELS = "model"  # folder of what predicts
SHOWN = 3  # images that cannot be used


class Engine(NamedTuple):
    """Who computes the networks.

    Attributes:
        name: ``ONNX Runtime 1.32.0``, or Keras and its backend.
        proof: how far its answers were proved equal to Keras's; empty of Keras.
        refusal: why it is Keras though ONNX Runtime is installed; empty where there is nothing to say.
    """

    name: str
    proof: str = ""
    refusal: str = ""


@dataclass(frozen=True, repr=False)
class Predictions:
    """What a pipeline says of n images; K classes, S pixels a side as the pipeline prepares them.

    Attributes:
        names: of the images: their paths, or ``image 0``.
        classes: names of the K classes.
        probabilities: float (n, K), calibrated, at the class shares of the training data.
        decided: int (n,) index of the class that is likeliest at equal class shares.
        logits: float (n, K) as the classifier gave them.
        views: uint8 (n, S, S), what the classifier saw; heat maps lie over these.
        method: how heat maps are made.
        masks: bool (n, S, S) lung masks; None where the classifier sees the whole image.
        maps: heat maps, float (n, h, w), >= 0, not normalised, of the log-odds of the class decided; None where none
            were asked for.
        engine: who computed the networks.
    """

    names: list[str]
    classes: list[str]
    probabilities: "np.ndarray"
    decided: "np.ndarray"
    logits: "np.ndarray"
    views: "np.ndarray"
    method: str
    masks: "np.ndarray | None" = None
    maps: "np.ndarray | None" = None
    engine: Engine | None = None

    @property
    def decisions(self) -> list[str]:
        """The name of the class that was decided, of each image."""
        return [self.classes[k] for k in self.decided]

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"<Predictions for {len(self)} images: {', '.join(self.classes)}>"


class Pipeline:
    """A trained pipeline in the folder of its run.

    Its worker starts with the first prediction, computes with the run's backend and precision, and stays until `close`,
    the end of a ``with`` block, or the end of this process.

    Attributes:
        folder: of the run.
        record: what the run found.
        cache: folder that keeps its graph, and the logs of its workers.
        engine: who computes without maps, once that was asked; see `benchmark.execution.quick`.
    """

    def __init__(self, folder: Path, record: Record, cache: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.record = record
        self.cache = cache
        self.engine: Engine | None = None
        self._graph = ""
        self._worker = Worker(cache / "logs", environment)
        self._light = Worker(cache / "logs")  # starts where there is a graph
        self._one_at_a_time = threading.Lock()
        self._closing = weakref.finalize(self, _close, self._worker, self._light)

    @property
    def classes(self) -> list[str]:
        """Names of the classes, in the order of the probabilities."""
        return self.record.classes

    def close(self) -> None:
        """End the worker; whoever predicts again has to load the run again."""
        self._closing()

    def __enter__(self) -> "Pipeline":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Pipeline {self.record.pipeline}: {', '.join(self.classes)}>"

    def take(self, graph: Path | None) -> None:
        """Have what is asked without maps answered by a graph, in a worker without Keras; None: by Keras."""
        self._graph = str(graph or "")

    def answered(
        self, images: Sequence[tuple[str, str]], *, maps: bool, target: str = "", pictures: Sequence[str] = ()
    ) -> Answered:
        """What the pipeline says of images, of those too that it cannot use.

        Args:
            images: name and file of each, or an NPY.
            maps: whether heat maps are wanted too.
            target: NPZ file for the arrays, written where all images can be used; empty for none.
            pictures: a PNG file for each image; none by default.

        Raises:
            ConfigError: the pipeline was closed.
            WorkerFailedError: the pipeline cannot be loaded, or draws no masks for new images.
        """
        graph = "" if maps or pictures else self._graph
        request = Answer(str(self.folder), self.record.seal, list(images), target, maps, list(pictures), graph)
        with self._one_at_a_time:
            if not self._closing.alive:
                raise ConfigError(f"the pipeline of {self.folder} was closed; load it again")
            return (self._light if graph else self._worker).ask(request, Answered)

    def answer(self, images: Sequence[tuple[str, str]], target: Path, *, maps: bool) -> str:
        """Write what the pipeline says of images into an NPZ file (see `benchmark.models.answers`).

        Returns:
            How heat maps are made.

        Raises:
            DataError: an image cannot be used; names it.
            BenchError: as of `answered`.
        """
        answered = self.answered(images, maps=maps, target=str(target))
        if problems := answered.problems:
            more = f" and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
            shown = "; ".join(problems[:SHOWN])
            raise DataError(f"{len(problems)} of {len(images)} images cannot be used: {shown}{more}")
        return answered.method


def _close(*workers: Worker) -> None:
    for worker in workers:
        worker.close()


def _backend(record: Record) -> str:
    """The Keras backend that a run was made with; what else is needed of its record is there too.

    Raises:
        DataError: its record is of no pipeline, or lacks what was fitted.
    """
    try:
        backend = run_spec(record.spec).runtime.backend
    except (msgspec.ValidationError, LookupError, TypeError, AttributeError) as error:
        raise DataError(
            f"{record.run} has a specification that is none of a pipeline ({error}); run it again"
        ) from error
    for prior in (record.calibration.data_prior, record.calibration.batch_prior):
        if [name for name in record.classes if not 0 < prior.get(name, 0.0) <= 1]:
            raise DataError(f"{record.run} does not say the share of each of its classes; run it again")
    return backend


def loaded(folder: Path, cache: Path) -> Pipeline:
    """The trained pipeline in the folder of a finished run; nothing is started yet.

    Raises:
        DataNotFoundError: there is no record, or no models.
        VerificationError: the record was changed after it was sealed.
        DataError: the run failed, or is a vote or pooled: made of runs that keep models of their own.
        ConfigError: the run's backend is not installed.
    """
    record = verify(folder / FILE)
    if record.failure:
        cause = record.failure.cause
        raise DataError(f"{record.run} failed ({cause}), so there is nothing that predicts; run it again")
    if record.of_controls:
        raise DataError(f"{record.run} is of control rules, which predict nothing elsewhere; take the folder of a run")
    if record.imported:
        raise without_model(record)
    if record.scored_from:
        raise DataError(f"{record.run} was scored anew and keeps no models; take the run beside it that it is of")
    if record.members:
        raise DataError(f"{record.run} is made of other runs and keeps no models of its own; load one of those")
    if not (folder / MODELS).is_dir():
        raise without_models(folder, MODELS, record.run, record.task)
    environment = {"KERAS_BACKEND": keras_backend(_backend(record))}
    return Pipeline(folder, record, cache, environment)
