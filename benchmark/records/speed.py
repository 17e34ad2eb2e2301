"""A pipeline's `speed.json`: what it costs on one machine, under the same seal as a run's record.

Weights do not change what is computed, so nothing here rests on training: pipelines are measured as they are built.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from benchmark.records.plausible import speed_fault
from benchmark.records.record import Part
from benchmark.storage.digests import canonical, digest
from benchmark.storage.files import Broken, load, put
from registry.errors import StorageError

SCHEMA = 1
FILE = "speed.json"
FOLDER = "speed"  # below the results
PARTS = ("segmenter", "backbone", "head", "features_head")
FIRST_NAMES = {"features_head": "carrier"}  # in the digest, so that measurements from before the new name still count


class Work(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a pipeline, or one part of it, holds and computes.

    Attributes:
        macs: multiply-accumulates of one image; None where the part is no network.
        plain_macs: the same if its separable convolutions were plain ones.
        model_bytes: as saved.
        uncounted: layers whose multiply-accumulates are not known, and missing in `macs`.
    """

    parameters: int = 0
    trainable_parameters: int = 0
    macs: int | None = None
    plain_macs: int | None = None
    model_bytes: int = 0
    uncounted: list[str] = []


class Rate(msgspec.Struct, frozen=True):
    """Images per second: median and range of n repeats, each over so many images."""

    median: float
    low: float
    high: float
    n: int
    images: int


class Latency(msgspec.Struct, frozen=True):
    """Seconds from one image in memory to its answer in memory, over n calls."""

    p50_s: float
    p95_s: float
    n: int


class Graphed(msgspec.Struct, frozen=True):
    """The whole pipeline as one graph by ONNX Runtime, always on the processor and in float32.

    Attributes:
        version: of ONNX Runtime.
        inference: of `batch` images at once.
        latency: of one.
    """

    version: str
    inference: Rate
    batch: int
    latency: Latency


class Conditions(msgspec.Struct, frozen=True, order=True):
    """What rates and times depend on besides the pipeline; those of other conditions are not compared.

    Attributes:
        threads: CPU cores that the process may use.
        training_batch, batch: images, in training and in inference.
    """

    device: str
    backend: str
    version: str
    precision: str
    threads: int
    training_batch: int
    batch: int


class Speed(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one pipeline costs.

    Attributes:
        architecture: digest of components, options, images, augmentation and number of classes, which a run shares.
        digest: of that and of the conditions; another measurement of the same replaces this one.
        components: kind -> component, options and code.
        work: part -> what it holds and computes.
        training: of backbone and head, augmentation included; None where nothing is trained by gradients.
        inference: of the whole pipeline, `segmentation` and `classification` of its two halves; None where there is
            no mask to predict.
        latency: of the whole pipeline; `classification_latency` without the segmenter.
        memory: the most that the process held, libraries included: after ``inference``, and after ``training`` too.
        graphed: by ONNX Runtime; None where that is not installed, or `notes` say why.
        notes: what was not measured, and why, one line each.
    """

    schema: int
    pipeline: str
    architecture: str
    digest: str
    components: dict[str, Part]
    image_size: int
    num_classes: int
    conditions: Conditions
    work: dict[str, Work]
    inference: Rate
    classification: Rate
    latency: Latency
    classification_latency: Latency
    memory: dict[str, int]
    segmentation: Rate | None = None
    training: Rate | None = None
    graphed: Graphed | None = None
    notes: list[str] = []
    environment: dict[str, str] = {}
    created: str = ""
    seal: str = ""

    @property
    def name(self) -> str:
        """Of its folder."""
        parts = [self.components[kind].name for kind in ("segmenter", "backbone", "head")]
        return f"{'-'.join(parts)}-{self.digest[:8]}"

    @property
    def total(self) -> Work:
        """Of all parts; `macs` of those that are networks."""
        parts = self.work.values()
        return Work(
            sum(part.parameters for part in parts),
            sum(part.trainable_parameters for part in parts),
            sum(part.macs or 0 for part in parts),
            sum(part.plain_macs or 0 for part in parts),
            sum(part.model_bytes for part in parts),
            [name for part in parts for name in part.uncounted],
        )


def architecture(spec: Mapping[str, Any]) -> str:
    """Digest of what decides the work of a pipeline: components, options, images, augmentation, number of classes.

    Args:
        spec: a RunSpec as a record holds it; a vote, which has no network of its own, gives an empty text.
    """
    if "backbone" not in spec:
        return ""
    parts = {FIRST_NAMES.get(kind, kind): spec[kind] for kind in PARTS if spec.get(kind)}
    return digest(canonical([parts, spec.get("images"), spec.get("augmentation"), len(spec.get("classes", ()))]))


def identity(own: str, conditions: Conditions) -> str:
    """Digest of one measurement: the same pipeline under the same conditions."""
    return digest(own, canonical(conditions))


def write(speed: Speed, results: Path) -> Path:
    """Seal a measurement and put it below the results; gives its file.

    Raises:
        StorageError: the folder cannot be written.
    """
    path = results / FOLDER / speed.name / FILE
    try:
        put(speed, path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written ({error.strerror}); choose another folder with -o") from error
    return path


def read(path: Path, *, verified: bool = True) -> Speed | Broken:
    """The measurement in a file, or why it cannot be used."""
    return load(str(path), _DECODER, "a measurement of speed", SCHEMA, verified, contradiction=speed_fault)


_DECODER = msgspec.json.Decoder(Speed)
