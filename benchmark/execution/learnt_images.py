"""The images that finished runs learnt from, where they are at hand still."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

from benchmark.execution.process import Worker, WorkerFailedError
from benchmark.execution.protocol import Summarise, Summarised, Watch
from benchmark.planning.graph import Step
from benchmark.planning.keys import read_steps
from benchmark.records.record import Record
from benchmark.records.summary import DatasetSummary
from benchmark.storage.code import CodeIndex
from benchmark.storage.digests import canonical
from benchmark.tasks.spec import RunSpec


class Display(Protocol):
    """Where it is shown what happens."""

    def summarising(self) -> AbstractContextManager[Watch]:
        """Show how far the summary of a dataset is."""


class Learnt(NamedTuple):
    """The steps of the images that a run learnt from; without, why they are not at hand."""

    prepare: Step | None
    copies: Step | None
    unchecked: str = ""


class LearntImages:
    """Whether the images that runs learnt from are at hand; datasets are looked at once."""

    def __init__(self, cache: Path, display: Display) -> None:
        self._cache, self._display = cache, display
        self._known: dict[str, DatasetSummary | str] = {}

    def steps(self, record: Record, spec: RunSpec, worker: Worker, index: CodeIndex) -> Learnt:
        """What prepares them as the run did and searches them for copies, or why there is nothing to prepare."""
        recorded = record.dataset
        key = canonical([spec.dataset, spec.split.seed])
        if key not in self._known:
            self._known[key] = self._looked_at(spec, worker)
        found = self._known[key]
        if isinstance(found, str):
            return Learnt(None, None, found)
        if recorded is None or recorded.digest != found.digest:
            return Learnt(None, None, f"the images of {found.name} are not those that the run learnt from any more")
        return Learnt(*read_steps(spec, found, index))

    def _looked_at(self, spec: RunSpec, worker: Worker) -> DatasetSummary | str:
        root = spec.dataset.root
        if root is not None and not Path(root).is_dir():
            return f"the images that the run learnt from are not at {root} any more"
        try:
            with self._display.summarising() as watch:
                asked = Summarise(spec.dataset, spec.split.seed, str(self._cache))
                return worker.ask(asked, Summarised, watch).summary
        except WorkerFailedError as error:
            return f"the images that the run learnt from cannot be read ({error.outcome.message})"
