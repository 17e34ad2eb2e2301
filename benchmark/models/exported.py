"""A finished run at work in this process, its networks one ONNX graph, computed by ONNX Runtime.  No Keras.

Only the graph's masks and logits are used: preparation, calibration and decision are the functions that a run has used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.frames import film_pixels
from benchmark.evaluation.calibration import calibrated
from benchmark.models import answering
from benchmark.models.answering import Answers, Calibrate
from benchmark.models.answers import Run
from benchmark.models.onnx_session import Graph
from benchmark.models.run_facts import bits_of, familiarity_of, fitted, model_files, sealed_record
from benchmark.records.export import FRAME, IMAGE, LOGITS, MASK, graph_beside, intact
from benchmark.tasks.spec import run_spec

if TYPE_CHECKING:
    from benchmark.tasks.spec import Images

BATCH = 32


@dataclass(frozen=True)
class Exported:
    """What `benchmark.models.pipeline.Pipeline` is, without heat maps.

    Attributes:
        graph: see `benchmark.models.onnx_export`.
        masked: whether the classifier sees the lungs alone.
    """

    images: "Images"
    graph: Graph
    masked: bool
    calibration: Calibrate
    bits: int | None

    def prepare(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """See `answering.prepare`."""
        return answering.prepare(images, self.images, self.bits)

    def frames(self, images: Sequence[np.ndarray]) -> np.ndarray | None:
        """See `answering.frames`."""
        return answering.frames(images, self.images)

    def answers(self, images: np.ndarray, *, frames: np.ndarray) -> Answers:
        """What the pipeline makes of prepared images uint8 (n,S,S), films at `frames` (n,4)."""
        found = self.graph({IMAGE: images, FRAME: film_pixels(frames, self.images.size)}, BATCH, (MASK, LOGITS))
        masks = found[MASK] if self.masked else None
        views = images if masks is None else images * masks
        return answering.answers(masks, views, found[LOGITS], self.calibration)


@lru_cache(maxsize=1)
def exported(folder: str, seal: str, model: str) -> Run:
    """The run in a folder by its graph, which stays in this process.

    Args:
        seal: of the record that the folder held when it was asked about.
        model: ONNX file of its graph, in the cache.

    Raises:
        VerificationError: the graph is not the one that was proved equal, or a model was changed since.
        BenchError: the folder holds another run by now, or the graph cannot be run.
    """
    record = sealed_record(Path(folder), seal)
    model_files(record, Path(folder))  # whose graph this is: they are what they were
    path = Path(model)
    proved = graph_beside(path)
    intact(path, proved)
    calibration, data_prior, batch_prior = fitted(record)
    pipeline = Exported(
        run_spec(record.spec).images,
        Graph(path),
        proved.masked,
        partial(calibrated, calibration, data_prior=data_prior, batch_prior=batch_prior),
        bits_of(record),
    )
    return Run(pipeline, familiarity_of(record, Path(folder)), record.classes, record.map_method)
