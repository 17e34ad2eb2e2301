"""A run that did not end well is a record too."""

from datetime import UTC, datetime

import msgspec

from benchmark.execution.process import Outcome
from benchmark.planning.runs import Planned
from benchmark.records.findings import SplitInfo
from benchmark.records.record import SCHEMA, DatasetInfo, Failure, Record
from benchmark.storage.cache import Store
from benchmark.tasks.spec import RunSpec


def failed(run: Planned, stage: str, outcome: Outcome, store: Store) -> Record:
    """The record of a run whose step failed.

    Args:
        stage: role of the step, as people read it.
    """
    spec, summary, table = run.spec, run.summary, run.spec.split
    return Record(
        schema=SCHEMA,
        status="failed",
        task=spec.task,
        run=run.plan.run,
        pipeline=run.pipeline,
        pipeline_digest=run.plan.pipeline_digest,
        seed=spec.seed,
        fold=spec.fold,
        digest=run.plan.digest,
        key=run.plan.key,
        spec=msgspec.to_builtins(spec),
        metric=spec.metric,
        classes=list(spec.classes),
        positive=spec.positive,
        dataset=DatasetInfo(
            summary.name,
            summary.digest,
            summary.counts,
            summary.sources,
            licence=summary.licence,
            origin=summary.origin,
            notices=summary.notices,
        ),
        split=SplitInfo(
            _split_digest(run, store),
            table.grouping,
            table.seed,
            {"train": table.train, "validation": table.validation, "test": table.test},
            folds=table.folds,
        ),
        tuned=spec.tuned if isinstance(spec, RunSpec) else None,
        failure=Failure(outcome.cause or "exception", stage, outcome.message, outcome.log),  # type: ignore[arg-type]
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _split_digest(run: Planned, store: Store) -> str:
    """Who is where, so that a failed run stands in the table of those that it was to be compared with."""
    step = run.plan.step("split") or run.plan.step("folds/0/split")
    folder = step and store.find(step.name, step.key)
    return (folder / "digest").read_text() if folder else ""
