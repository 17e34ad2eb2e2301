"""Walks one run through its stages: finds each artefact or builds it, then writes the record.  A worker's task."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from benchmark.planning.graph import REFERENCE, Plan, Stage
from benchmark.records.summary import Survey
from benchmark.stages.context import Context, StagesRecord
from benchmark.storage.cache import Store, storage_errors
from benchmark.storage.garbage import imported
from benchmark.tasks.spec import Spec, VoteSpec

Emit = Callable[[dict[str, Any]], None]


def serve(request: dict[str, Any], emit: Emit) -> dict[str, Any]:
    """Run ``request["spec"]`` along ``request["plan"]``; gives where the record is and how each stage went."""
    spec: Spec = msgspec.convert(request["spec"], Spec)
    plan = msgspec.convert(request["plan"], Plan)
    survey = msgspec.convert(request["survey"], Survey)
    if spec.runtime.deterministic:
        # Before any stage: a backend that has computed takes no other number of threads.
        imported("benchmark.models.runtime").begin(spec.seed, spec.runtime)
    store = Store(Path(request["cache"]))
    with store.in_use():  # also of a worker that is left over from a command that was killed
        context, went = run_stages(spec, plan, store, emit)
        emit({"event": "stage", "stage": "record", "status": "building"})
        with storage_errors(Path(request["folder"])):
            recorder = imported(plan.recorder)
            recorder.write_run(context, plan, survey, went, request["names"], Path(request["folder"]))
    return {"folder": request["folder"], "stages": went.status}


def run_stages(spec: Spec, plan: Plan, store: Store, emit: Emit, owner: str = "") -> tuple[Context, StagesRecord]:
    """Every artefact of a plan, those of its members first, built where it is missing; gives the end of the walk.

    Args:
        owner: which member of a vote this is; empty for a run of its own.
    """
    went = StagesRecord({}, {})
    members: dict[str, Context] = {}
    reference = None
    if isinstance(spec, VoteSpec):
        for name, member in spec.members.items():
            members[name] = _walk(member, plan.members[name], store, emit, name, went)
        if spec.reference and plan.reference:
            reference = _walk(spec.reference, plan.reference, store, emit, REFERENCE, went)
    artefacts: dict[str, Path] = {}

    def surroundings(stage: str, partial: Path) -> Context:
        def progress(told: dict[str, Any]) -> None:
            emit({"event": "progress", "stage": stage, "owner": owner, **told})

        return Context(spec, dict(artefacts), partial, progress, members, reference)

    for stage in plan.stages:
        artefacts[stage.name] = _artefact(stage, store, emit, owner, went, surroundings)
    return surroundings("record", Path()), went


def _walk(spec: Spec, plan: Plan, store: Store, emit: Emit, owner: str, went: StagesRecord) -> Context:
    """A member's stages, told among those of the vote."""
    context, own = run_stages(spec, plan, store, emit, owner)
    went.status.update({f"{owner}/{stage}": told for stage, told in own.status.items()})
    went.duration_s.update({f"{owner}/{stage}": told for stage, told in own.duration_s.items()})
    return context


def _artefact(
    stage: Stage,
    store: Store,
    emit: Emit,
    owner: str,
    went: StagesRecord,
    surroundings: Callable[[str, Path], Context],
) -> Path:
    """One stage's artefact, found or built."""

    def tell(status: str) -> None:
        emit({"event": "stage", "stage": stage.name, "owner": owner, "status": status})

    found = store.use(stage.name, stage.key)
    if found:
        went.status[stage.name] = "cached"
        tell("cached")
        return found
    tell("building")
    started = time.perf_counter()
    made = []

    def make(folder: Path) -> None:
        made.append(True)
        context = surroundings(stage.name, store.partial(stage.name, stage.key))
        imported(stage.module).build(context, folder)

    path = store.build(stage.name, stage.key, make)
    went.status[stage.name] = "built" if made else "cached"  # another process may have been faster
    went.duration_s[stage.name] = time.perf_counter() - started
    tell(went.status[stage.name])
    return path
