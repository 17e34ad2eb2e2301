"""What a supervisor asks of a worker, and what the worker answers: JSON lines, decoded by the same types at both ends.

A request or an event of another kind is an error that names it.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from benchmark.execution.looking import LookAtClassifier
from benchmark.execution.onnx_requests import Onnx
from benchmark.execution.papering import DrawFigures
from benchmark.planning.graph import Step
from benchmark.records.data_check import DataCheck, Twins
from benchmark.records.external import ExternalTask
from benchmark.records.summary import DatasetSummary
from benchmark.stages.context import RunFacts
from benchmark.tasks.spec import DatasetChoice, Precision, RunSpec, Runtime
from registry.errors import BenchError
from registry.options import Scalar


class _Request(msgspec.Struct, frozen=True, tag_field="op", forbid_unknown_fields=True):
    @property
    def runtime(self) -> Runtime | None:
        """The backend, threads and precision that the worker must have; None where any will do."""
        return None


class Describe(_Request, frozen=True, tag="describe"):
    """What components, pairs of kind and name, say of themselves."""

    components: list[tuple[str, str]]


class Device(_Request, frozen=True, tag="device"):
    """What the backend computes on, and the precision that it does well."""


class Summarise(_Request, frozen=True, tag="summarise"):
    """What a dataset holds; file digests are remembered below `cache`."""

    dataset: DatasetChoice
    seed: int
    cache: str
    fewest_labels: int = 2


class CheckData(_Request, frozen=True, tag="check"):
    """What may be wrong with a dataset, and with an external one.

    `memory` names what the search for copies keeps; `sheet` is a file for pictures of the odd films, empty for none.
    """

    datasets: "list[Summarised]"
    cache: str
    memory: str
    sheet: str


class TryOut(_Request, frozen=True, tag="tryout"):
    """Whether classical heads, each a name, options and a number of classes, can be built."""

    heads: list[tuple[str, dict[str, Scalar], int]]


class TryNetworks(_Request, frozen=True, tag="networks"):
    """What keeps networks, each a kind, name, options and pixels a side, from being built; empty where nothing does."""

    networks: list[tuple[str, str, dict[str, Scalar], int]]


class TryPromises(_Request, frozen=True, tag="promises"):
    """What a component, a kind, name and options, keeps of its contract; a dataset on that folder, if any."""

    component: tuple[str, str, dict[str, Scalar]]
    data: str


class Build(_Request, frozen=True, tag="build"):
    """One step's artefact, in the store of that folder."""

    step: Step
    cache: str

    @property
    def runtime(self) -> Runtime:
        """That of the run."""
        return self.step.spec.runtime


class WriteRecord(_Request, frozen=True, tag="record"):
    """A run's folder from its artefacts; `names` is how tables name members, reference and folds.

    `steps` is role, as people read it -> stage/key, of all the run's steps, those too that the record does not read.
    """

    step: Step
    cache: str
    folder: str
    facts: RunFacts
    steps: dict[str, str]
    names: dict[str, str]


class RunTrial(_Request, frozen=True, tag="trial"):
    """The next trial of a search; `search` and `target` are structs of `benchmark.tuning`."""

    folder: str
    search: msgspec.Raw
    objective: str
    target: msgspec.Raw


class DrawSearch(_Request, frozen=True, tag="draw"):
    """The picture of the search in a folder."""

    folder: str
    title: str


class Measure(_Request, frozen=True, tag="speed"):
    """What a pipeline costs on this machine; `batch` images at once in inference, by default as runs predict."""

    spec: RunSpec
    pipeline: str
    batch: int | None
    repeats: int

    @property
    def runtime(self) -> Runtime:
        """That of the run."""
        return self.spec.runtime


class Answer(_Request, frozen=True, tag="predict"):
    """What the trained pipeline in a run's folder says of images; its value is `benchmark.records.prediction.Answered`.

    Attributes:
        seal: of the record that the folder held when it was loaded.
        images: pairs of a name and an image file, or an NPY.
        target: NPZ file for arrays, see `benchmark.models.answers`; empty for none.
        pictures: PNG file for each image; empty for none.
        graph: ONNX file of the run in the cache, by which it is answered, without maps; empty for the run's networks.
    """

    folder: str
    seal: str
    images: list[tuple[str, str]]
    target: str
    maps: bool
    pictures: list[str] = []
    graph: str = ""


class Evaluate(_Request, frozen=True, tag="evaluate"):
    """A finished run on images of elsewhere, put into a folder of its own; see `benchmark.stages.external`.

    `steps` prepare, of a run ("") or each member of a vote, the images as that prepared its own; `copies`, if done,
    searches them; `learnt`, if at hand, prepares the run's own; `kept` names what is remembered of both, and of those.
    """

    task: ExternalTask
    steps: dict[str, Step]
    cache: str
    copies: Step | None = None
    learnt: Step | None = None
    kept: tuple[str, str] | None = None

    @property
    def runtime(self) -> Runtime:
        """That of the run."""
        return next(iter(self.steps.values())).spec.runtime


Before = CheckData | Describe | Device | Summarise | TryOut | TryNetworks | TryPromises  # nothing runs yet
Apart = DrawFigures | DrawSearch | LookAtClassifier | Onnx  # no run is built
Request = Before | Apart | Answer | Build | WriteRecord | RunTrial | Measure | Evaluate


class _Event(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="event", forbid_unknown_fields=True):
    pass


class Ready(_Event, frozen=True, tag="ready"):
    """The worker serves."""

    pid: int


class Progress(_Event, frozen=True, tag="progress"):
    """How far a stage is, and whatever else is worth showing; one with nothing but a stage says that it begins."""

    stage: str = ""
    done: int | None = None
    total: int | None = None
    epoch: int | None = None
    loss: float | None = None
    val_loss: float | None = None
    notice: str = ""
    what: str = ""
    trial: int | None = None


class TrialBegan(_Event, frozen=True, tag="trial"):
    """A trial was taken over or proposed."""

    trial: int
    values: dict[str, Scalar]
    start: int
    epochs: int


class Done(_Event, frozen=True, tag="done"):
    """The request's value."""

    value: msgspec.Raw


class Failed(_Event, frozen=True, tag="failed"):
    """The request failed; `exit_code` is that of a `BenchError`, None of anything else."""

    cause: str
    message: str
    exit_code: int | None


Event = Ready | Progress | TrialBegan | Done | Failed
Emit = Callable[[Event], None]
Watch = Callable[[Event], None]


class Built(msgspec.Struct, frozen=True):
    """How a `Build` ended: ``built``, ``cached``, or ``busy`` where another process is building it."""

    status: str
    duration_s: float = 0.0


class Found(msgspec.Struct, frozen=True):
    """The value of `Device`: it in words, the precision that it does well, why it is no accelerator if so."""

    device: str
    precision: Precision
    hindrance: str = ""


class Summarised(msgspec.Struct, frozen=True):
    """The value of `Summarise`: the dataset, recognised where it was not named, and what it holds."""

    dataset: DatasetChoice
    summary: DatasetSummary


class Checked(msgspec.Struct, frozen=True):
    """The value of `CheckData`: what was found in each dataset, and films that both have."""

    found: list[DataCheck]
    common: list[Twins]


class ProtocolError(BenchError):
    """A line that is no request or event of this version."""


_REQUESTS, _EVENTS = msgspec.json.Decoder(Request), msgspec.json.Decoder(Event)


def encoded(message: Request | Event) -> bytes:
    """A request or an event as a line."""
    return msgspec.json.encode(message) + b"\n"


def request_of(line: bytes) -> Request:
    """The request in a line.

    Raises:
        ProtocolError: it is none of this version.
    """
    found: Request = _decoded(_REQUESTS, line, "request")
    return found


def event_of(line: bytes) -> Event:
    """The event in a line.

    Raises:
        ProtocolError: it is none of this version.
    """
    found: Event = _decoded(_EVENTS, line, "event")
    return found


def _decoded(decoder: msgspec.json.Decoder[Any], line: bytes, what: str) -> Any:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        shown = line[:80].decode("utf-8", "replace")
        raise ProtocolError(f"no {what} of this version of bench: {error}; received {shown!r}") from error
