"""Which rules the runs of a request must beat, and how they are made: once per question, data, split and segmenter."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmark.planning.chain import Chain
from benchmark.planning.components import Descriptions
from benchmark.planning.graph import Plan
from benchmark.planning.keys import CLASSICAL, IMAGES, scoring
from benchmark.planning.runs import Planned, planner
from benchmark.records.summary import DatasetSummary
from benchmark.storage.cache import Store
from benchmark.storage.code import CodeIndex
from benchmark.tasks.components import Defaults, component_name, components_of, pipeline_name
from benchmark.tasks.schema import Component
from benchmark.tasks.spec import ControlsSpec, RunSpec, Setting

MASK_SHAPE = "mask-shape({})"
WRITER = "record_controls"


class _Asked(NamedTuple):
    """Rules, and a run of each fold on whose steps they are made."""

    spec: ControlsSpec
    plans: dict[int, Plan]


def plan_controls(
    runs: Sequence[Planned],
    summary: DatasetSummary,
    described: Descriptions,
    store: Store,
    results: Path,
    index: CodeIndex,
) -> list[Planned]:
    """The rules of the data that runs stand on, and for each of their segmenters the one on its masks.

    Args:
        runs: as they were planned; a vote's members and the pooling of folds may be among them.
    """
    planned = planner(summary, store, results)
    found = []
    for spec, plans in _asked(runs, described.defaults).values():
        if len(plans) == spec.split.folds:
            whole = spec if len(plans) == 1 else msgspec.structs.replace(spec, fold=None)
            steps = plan(whole, summary, [plans[fold] for fold in sorted(plans)], index)
            found.append(planned(whole, steps, {"": pipeline_name(whole, described.defaults)}))
    index.keep()
    return found


def plan(spec: ControlsSpec, summary: DatasetSummary, runs: Sequence[Plan], index: CodeIndex) -> Plan:
    """How rules are made, on the steps of these runs: of a single one, or of one in each fold where `fold` is None."""
    if spec.fold is not None:
        return _chain(spec, summary, runs[0], index).planned(summary, WRITER)
    chain = Chain(spec, index)
    for number, run in enumerate(runs):
        fold = _chain(msgspec.structs.replace(spec, fold=number), summary, run, index)
        chain.adopt(f"folds/{number}/", fold.steps, fold.uncacheable)
    chain.add("controls", *scoring(chain), reads=chain.roles("controls"), module="controls_folds")
    return chain.planned(summary, WRITER)


def _chain(spec: ControlsSpec, summary: DatasetSummary, run: Plan, index: CodeIndex) -> Chain:
    chain = Chain(spec, index)
    roles = ("prepare", "copies", "split", "segmenter", "masks") if spec.segmenter else ("prepare", "copies", "split")
    own = {f"{kind} {part.name}" for _, kind, part in components_of(spec)}
    shared = {role: run.steps[role] for role in roles if role in run.steps}
    chain.adopt("", shared, [what for what in run.uncacheable if what in own])
    if not spec.segmenter:
        source = (("dataset", Component(spec.dataset.name, summary.options)),)
        chain.add("originals", summary.digest, chain.libraries(*IMAGES), components=source)
    made_with = (spec.rule, chain.libraries(*IMAGES, *CLASSICAL))
    chain.add("controls", *scoring(chain), *made_with, reads=("prepare", "split", "masks", "originals"))
    return chain


def _asked(runs: Sequence[Planned], defaults: Defaults) -> dict[str, _Asked]:
    """Digest of the rules, whatever the fold -> what is asked for."""
    found: dict[str, _Asked] = {}
    for run in runs:
        if not isinstance(run.spec, RunSpec) or run.spec.fold is None:
            continue
        for spec in _of_run(run.spec, run.plan, defaults):
            asked = found.setdefault(spec.pipeline_digest(""), _Asked(spec, {}))
            asked.plans.setdefault(run.spec.fold, run.plan)
    return found


def _of_run(run: RunSpec, plan: Plan, defaults: Defaults) -> Iterator[ControlsSpec]:
    """The rules that stand on a run's data, and on its masks where it has any; whatever its training seed."""
    shared = {name: getattr(run, name) for name in Setting.__struct_fields__}
    data = ControlsSpec(**{**shared, "seed": 0})
    yield data
    if plan.step("masks"):
        rule = MASK_SHAPE.format(component_name("segmenter", run.segmenter, defaults))
        yield msgspec.structs.replace(data, rule=rule, segmenter=run.segmenter, segmentation=run.segmentation)
