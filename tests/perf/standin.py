"""A stage and a recorder that do nothing but leave what the next in line looks for."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from benchmark.planning.graph import Plan
from benchmark.records.estimate import Estimate
from benchmark.records.files import write
from benchmark.records.record import SCHEMA, Record
from benchmark.records.summary import DatasetSummary
from benchmark.stages.context import Context, StagesRecord


def build(context: Context, folder: Path) -> None:
    """An artefact of one small file."""
    (folder / "digest").write_text("the same for all")


def write_run(
    context: Context, plan: Plan, summary: DatasetSummary, went: StagesRecord, names: Mapping[str, str], folder: Path
) -> None:
    """A record with one metric."""
    spec = context.spec
    record = Record(
        schema=SCHEMA,
        status="ok",
        task=spec.task,
        run=plan.run,
        pipeline=names[""],
        pipeline_digest=plan.pipeline_digest,
        seed=spec.seed,
        fold=spec.fold,
        digest=plan.digest,
        key=plan.key,
        spec=msgspec.to_builtins(spec),
        metric=spec.metric,
        classes=list(spec.classes),
        metrics={spec.metric: Estimate(0.5, n=1)},
        stages=went.status,
    )
    write(record, folder)
