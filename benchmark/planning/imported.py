"""Imported predictions as runs: the same steps up to the split, then what the file says, its scores and a record."""

from collections.abc import Sequence
from pathlib import Path

from benchmark.planning import controls
from benchmark.planning.chain import Chain
from benchmark.planning.graph import Plan, Step
from benchmark.planning.keys import scoring, split_steps
from benchmark.planning.runs import Planned, planner
from benchmark.records.summary import DatasetSummary
from benchmark.storage.cache import Store
from benchmark.storage.code import CodeIndex
from benchmark.tasks.components import plain_name
from benchmark.tasks.schema import Component
from benchmark.tasks.spec import ControlsSpec, ImportedSpec, target_of

WRITER = "record_imported"
ONNX = ("numpy", "onnxruntime")


def plan_imports(
    specs: Sequence[ImportedSpec], summary: DatasetSummary, store: Store, results: Path, index: CodeIndex
) -> list[Planned]:
    """Each import with its plan, and whether its record or its artefacts are there already."""
    planned = planner(summary, store, results)
    runs = [planned(spec, plan(spec, summary, index), {"": spec.name}) for spec in specs]
    index.keep()
    return runs


def plan(spec: ImportedSpec, summary: DatasetSummary, index: CodeIndex) -> Plan:
    """The steps of an import."""
    chain = Chain(spec, index)
    chain.adopt("", *split_steps(spec, summary, index))
    settings = (target_of(spec.classes), spec.sha256)
    if spec.classifier is None:
        read = (spec.subsets, chain.libraries("numpy"))
        chain.add("predict", *settings, *read, reads=("prepare", "split"), module="import_predictions")
    else:
        asked = (spec.classifier, spec.images.equalise, chain.libraries(*ONNX))
        chain.add("predict", *settings, *asked, reads=("prepare", "split"), module="import_onnx")
    taken = (spec.subsets, spec.shares, spec.classifier is None)  # the last stands in its notes
    chain.add("score", *scoring(chain), *taken, reads=("prepare", "split", "predict"), module="score_imported")
    return chain.planned(summary, WRITER)


def plan_controls(
    spec: ControlsSpec, summary: DatasetSummary, store: Store, results: Path, index: CodeIndex
) -> Planned:
    """The rules of the data that an import must beat, at the task's own size: those that runs of the task have."""
    chain = Chain(spec, index)
    chain.adopt("", *split_steps(spec, summary, index))
    steps = controls.plan(spec, summary, [chain.planned(summary)], index)
    found = planner(summary, store, results)(spec, steps, {"": plain_name(spec)})
    index.keep()
    return found


def division_steps(spec: ControlsSpec, summary: DatasetSummary, index: CodeIndex) -> dict[str, Step]:
    """Role -> step of what says who is where, and in which file; each after what it stands on.

    Args:
        spec: of rules, which ask nothing but the split of it.
    """
    chain = Chain(spec, index)
    chain.adopt("", *split_steps(spec, summary, index))
    source = (("dataset", Component(spec.dataset.name, summary.options)),)
    chain.add("paths", summary.digest, spec.dataset.root or "", components=source)
    return chain.steps
