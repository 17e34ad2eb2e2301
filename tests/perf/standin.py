"""Steps and records that do nothing but leave what the next in line looks for."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from benchmark.planning.graph import Step
from benchmark.planning.runs import Planned
from benchmark.records.estimate import Estimate
from benchmark.records.files import write
from benchmark.records.record import SCHEMA, Record
from benchmark.stages.context import Context, RunFacts


def build(context: Context, folder: Path) -> None:
    """An artefact of one small file."""
    (folder / "digest").write_text("the same for all")


def write_run(context: Context, facts: RunFacts, names: Mapping[str, str], folder: Path) -> None:
    """A record with one metric."""
    spec = context.spec
    record = Record(
        schema=SCHEMA,
        status="ok",
        task=spec.task,
        run=facts.run,
        pipeline=names[""],
        pipeline_digest=facts.pipeline_digest,
        seed=spec.seed,
        fold=spec.fold,
        digest=facts.digest,
        key=facts.key,
        spec=msgspec.to_builtins(spec),
        metric=spec.metric,
        classes=list(spec.classes),
        metrics={spec.metric: Estimate(0.5, n=1)},
        stages=facts.stages,
    )
    write(record, folder)


def replaced(run: Planned, module: str) -> Planned:
    """The same run, each of its steps and its record made by that module."""

    def by(step: Step) -> Step:
        return msgspec.structs.replace(step, module=module)

    steps = {role: by(step) for role, step in run.plan.steps.items()}
    plan = msgspec.structs.replace(run.plan, steps=steps, record=by(run.plan.record))
    return msgspec.structs.replace(run, plan=plan, missing={key: by(step) for key, step in run.missing.items()})
