"""Walks one run through its stages: finds each artefact or builds it, then writes the record.  A worker's task."""

import importlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from benchmark.config import RunSpec
from benchmark.context import Context, StagesRecord
from benchmark.plan import Plan, Survey
from benchmark.store import Store, storage_errors

Emit = Callable[[dict[str, Any]], None]


def serve(request: dict[str, Any], emit: Emit) -> dict[str, Any]:
    """Run ``request["spec"]`` along ``request["plan"]``; gives where the record is and how each stage went."""
    spec = msgspec.convert(request["spec"], RunSpec)
    plan = msgspec.convert(request["plan"], Plan)
    survey = msgspec.convert(request["survey"], Survey)
    store = Store(Path(request["cache"]))
    if spec.runtime.deterministic:
        # Before any stage: a backend that has computed takes no other number of threads.
        importlib.import_module("benchmark.session").begin(spec.seed, spec.runtime)
    artefacts, went = run_stages(spec, plan, store, emit)
    emit({"event": "stage", "stage": "record", "status": "building"})
    recording = importlib.import_module("benchmark.recording")
    context = Context(spec, artefacts, Path(), lambda told: emit({"event": "progress", "stage": "record", **told}))
    with storage_errors(Path(request["folder"])):
        recording.write_run(context, plan, survey, went, request["pipeline"], Path(request["folder"]))
    return {"folder": request["folder"], "stages": went.status}


def run_stages(spec: RunSpec, plan: Plan, store: Store, emit: Emit) -> tuple[dict[str, Path], StagesRecord]:
    """Every artefact of a plan, built where it is missing.

    A stage whose product is only read by stages that are there already is not built again, unless the record needs it.
    """
    artefacts: dict[str, Path] = {}
    went = StagesRecord({}, {})
    for stage in plan.stages:
        found = store.find(stage.name, stage.key)
        if found:
            artefacts[stage.name] = found
            went.status[stage.name] = "cached"
            emit({"event": "stage", "stage": stage.name, "status": "cached"})
            continue
        emit({"event": "stage", "stage": stage.name, "status": "building"})
        started = time.perf_counter()
        made = []

        def make(folder: Path, stage: Any = stage, made: list[bool] = made) -> None:
            made.append(True)
            context = Context(
                spec,
                dict(artefacts),
                store.partial(stage.name, stage.key),
                lambda told: emit({"event": "progress", "stage": stage.name, **told}),
            )
            importlib.import_module(stage.module).build(context, folder)

        artefacts[stage.name] = store.build(stage.name, stage.key, make)
        went.status[stage.name] = "built" if made else "cached"  # another process may have been faster
        went.duration_s[stage.name] = time.perf_counter() - started
        emit({"event": "stage", "stage": stage.name, "status": went.status[stage.name]})
    return artefacts, went
