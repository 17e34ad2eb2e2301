"""Workers without a process: what they are asked, what they answer, and runs planned for them."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from benchmark.execution.process import Outcome
from benchmark.execution.protocol import Build, Built, Progress, Request, Watch, WriteRecord, encoded, request_of
from benchmark.planning.components import Descriptions
from benchmark.planning.graph import RECORD, Step, Traits, subject
from benchmark.planning.runs import Planned, plan_runs
from benchmark.records.files import write
from benchmark.storage.cache import Store, write_duration
from benchmark.tasks.spec import Spec
from tests import factories
from tests.specs import USUAL, index, summary

TRAITS = {"none": Traits(whole_frame=True), "threshold": Traits()}


def answered(value: Any) -> Outcome:
    """The end of a request that succeeded, its value as it comes over the line."""
    return Outcome(msgspec.Raw(msgspec.json.encode(value)))


class Plain(Descriptions):
    """What components would say of themselves, without asking them; segmenters are trained."""

    def __init__(self) -> None: ...

    def traits(self, kind: str, name: str) -> Traits:
        """Of a segmenter."""
        return TRAITS.get(name, Traits(trains=True))

    def defaults(self, kind: str, name: str) -> dict[str, Any]:
        """Those of `tests.specs`."""
        return USUAL.get(name, {})


def plans(place: Path, specs: Iterable[Spec]) -> tuple[list[Planned], Store]:
    """Runs planned on a cache and a folder for results below a place."""
    store = Store(place / "cache")
    return plan_runs(specs, summary(), Plain(), store, place / "results", index()), store


Answer = Callable[[Request], Outcome | None]


@dataclass
class Ledger:
    """What stand-in workers were asked, and what they do besides building: shared by those of one pool.

    Attributes:
        answers: key of a step -> how its request ends in place of being built; None builds it all the same.
        seconds: how long a step takes.
        asked: keys, in the order in which they were begun.
        at_work: most steps at one time.
    """

    answers: Mapping[str, Answer] = field(default_factory=dict)
    seconds: Callable[[Step], float] = lambda step: 0.0
    asked: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    limits: list[float | None] = field(default_factory=list)
    working: int = 0
    at_work: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class StandIn:
    """A worker that builds each step as an empty artefact, and each record with one number."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.busy = threading.Lock()
        self.closed = False

    def serve(self, request: Request, watch: Watch = lambda event: None, timeout_s: float | None = None) -> Outcome:
        """Serve one request, which has gone over the line as bytes do."""
        assert self.busy.acquire(blocking=False), "a worker serves one request at a time"
        try:
            return self._serve(request_of(encoded(request)), watch, timeout_s)
        finally:
            self.busy.release()

    def close(self) -> None:
        """End it for good."""
        self.closed = True

    def _serve(self, request: Request, watch: Watch, timeout_s: float | None) -> Outcome:
        assert isinstance(request, Build | WriteRecord)
        step, store, ledger = request.step, Store(Path(request.cache)), self.ledger
        with ledger.lock:
            ledger.asked.append(step.key)
            ledger.requests.append(request)
            ledger.limits.append(timeout_s)
            ledger.working += 1
            ledger.at_work = max(ledger.at_work, ledger.working)
        try:
            answer = ledger.answers.get(step.key, lambda request: None)(request)
            if answer is not None:
                return answer
            lacking = [role for role, key in step.inputs.items() if not store.has(role.rpartition("/")[2], key)]
            assert not lacking, f"{step.name} was begun before {lacking} ended"
            watch(Progress(step.name, 1, 1))
            time.sleep(ledger.seconds(step))
            return self._record(request) if isinstance(request, WriteRecord) else self._build(step, store)
        finally:
            with ledger.lock:
                ledger.working -= 1

    def _build(self, step: Step, store: Store) -> Outcome:
        def make(folder: Path) -> None:
            (folder / "digest").write_text("who is where")
            write_duration(folder, subject(step), self.ledger.seconds(step))

        assert not store.has(step.name, step.key), f"{step.name} is there already"
        store.build(step.name, step.key, make)
        return answered(Built("built", self.ledger.seconds(step)))

    def _record(self, request: WriteRecord) -> Outcome:
        facts, spec = request.facts, request.step.spec
        fields = {
            "run": facts.run,
            "key": facts.key,
            "pipeline": facts.pipeline,
            "pipeline_digest": facts.pipeline_digest,
        }
        written = factories.record(task=spec.task, seed=spec.seed, fold=spec.fold, stages=facts.stages, **fields)
        write(written, Path(request.folder))
        return answered(Built("built"))


def ends(cause: str, message: str = "it ended", exit_code: int | None = None) -> Answer:
    """A request that fails."""
    return lambda request: Outcome(cause=cause, message=message, exit_code=exit_code, log=["last line"])


def steps_of(planned: Iterable[Planned]) -> dict[str, Step]:
    """Key -> step of everything that there is to build for these runs, records too."""
    found: dict[str, Step] = {}
    for run in planned:
        found |= run.missing | {run.plan.key: run.plan.record}
    return found


def named(keys: Iterable[str], planned: Iterable[Planned]) -> list[str]:
    """Names of the stages of these steps."""
    known = steps_of(planned) | {step.key: step for run in planned for step in run.plan.steps.values()}
    return [known[key].name if key in known else RECORD for key in keys]
