"""A run as one ONNX graph: the names of what goes in and comes out, how far it was proved equal, what is said of it."""

import hashlib
from pathlib import Path

import msgspec
from msgspec import Struct

from benchmark.storage.files import read_document
from registry.errors import DataError, VerificationError

SCHEMA = 1
MODEL, SCRIPT, FILE = "model.onnx", "predict.py", "export.json"  # of an export
GRAPH = "graph.json"  # beside the model in the cache
IMAGE, FRAME = "image", "frame"
MASK, PROBABILITIES, LOGITS, DECIDED = "mask", "probabilities", "logits", "decided"
OUTPUTS = (MASK, PROBABILITIES, LOGITS, DECIDED)
LARGEST = 2 << 30  # bytes, as ONNX files are bounded
NEAR = 1e-4  # by which a probability may differ from the one that Keras gave


class Proof(Struct, frozen=True):
    """How a graph answered for images whose answers are known.

    Attributes:
        images: whose: ``stored predictions``, or ``synthetic films``.
        n: how many.
        probabilities, logits: largest differences.
        decisions: that differ.
        flipped, pixels: pixels of the masks that differ, and all of them; both 0 where there are no masks.
    """

    images: str
    n: int
    probabilities: float
    logits: float
    decisions: int
    flipped: int
    pixels: int

    @property
    def equal(self) -> bool:
        """Whether probabilities and decisions are those of Keras."""
        return self.probabilities <= NEAR and not self.decisions

    def __str__(self) -> str:
        masks = f", {self.flipped:,} of {self.pixels:,} mask pixels flipped" if self.pixels else ""
        decisions = f"{self.decisions} decisions differ" if self.decisions else "all decisions equal"
        difference = f"probabilities differ by at most {self.probabilities:.1g}, {decisions}"
        return f"on {self.n:,} {self.images}: {difference}{masks}"


class Graph(Struct, frozen=True, omit_defaults=True):
    """A run's graph in the cache, or why there is none.

    Attributes:
        refusal: why it cannot be, or may not be used; empty where it may.
        sha256: of the ONNX file.
        masked: whether the classifier sees the lungs alone; else the mask is the frame.
        proof: on films that were drawn for it, by both.
        versions: distribution -> version, of what converted and ran it.
    """

    refusal: str = ""
    sha256: str = ""
    masked: bool = False
    proof: Proof | None = None
    versions: dict[str, str] = {}


class Preparation(Struct, frozen=True):
    """How a film becomes the image: side in pixels, equalisation, what is done where it is not square."""

    size: int
    equalise: str
    fit: str


class Export(Struct, frozen=True, kw_only=True):
    """What lies beside an exported graph, for people and programs.

    Attributes:
        seal: of the record of the run.
        inputs, outputs: name -> what it is, with type and shape; n images of S pixels a side, K classes.
        classes: in the order of the columns.
        threshold: probability from which on the positive of two classes is decided; None for more.
        class_shares: of the training data, at which the probabilities are.
        calibration: how logits become probabilities, in words.
        proof: on the run's stored predictions; None where it was not checked.
        unchecked: why not; empty where it was.
        drawn: the same on films that were drawn for it.
        files: name -> SHA-256.
        script: what the script does not do.
    """

    schema: int
    run: str
    seal: str
    pipeline: str
    task: str
    format: str
    preparation: Preparation
    inputs: dict[str, str]
    outputs: dict[str, str]
    classes: list[str]
    positive: str | None
    threshold: float | None
    decisions: str
    class_shares: dict[str, float]
    calibration: str
    proof: Proof | None
    unchecked: str
    drawn: Proof | None
    files: dict[str, str]
    versions: dict[str, str]
    backend: str
    script: str
    note: str
    created: str


def graph_beside(model: Path) -> Graph:
    """What was found of the graph in a file of the cache.

    Raises:
        DataError: nothing can be read beside it.
    """
    path = model.with_name(GRAPH)
    try:
        return msgspec.json.decode(read_document(str(path)), type=Graph)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{path} cannot be read ({error}); remove its folder") from error


def intact(model: Path, found: Graph) -> bytes:
    """What is in the file of a graph that was proved equal.

    Raises:
        VerificationError: it is another one by now.
    """
    if not model.is_file() or model.stat().st_size > LARGEST:
        raise DataError(f"{model} is no file of less than {LARGEST >> 30} GB; remove its folder")
    try:
        content = model.read_bytes()
    except OSError as error:
        raise DataError(f"{model} cannot be read ({error.strerror}); remove its folder") from error
    if hashlib.sha256(content).hexdigest() != found.sha256:
        raise VerificationError(f"{model} was changed since it was proved equal; remove its folder")
    return content
