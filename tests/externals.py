"""Evaluations on images of elsewhere, made up: what `bench evaluate` would have written."""

from typing import Any

import msgspec

from benchmark.evaluation.external import drops
from benchmark.records.calibration import CalibrationInfo
from benchmark.records.estimate import Estimate
from benchmark.records.external import SCHEMA, External, Recalibration, Shared, Subgroup, SubgroupDifference
from tests import factories


def evaluation(value: float = 0.8, own: float = 0.95, **changes: Any) -> External:
    """A run that falls from `own` to `value`; any field can be given."""
    run = factories.record(own, **{name: changes.pop(name) for name in ("pipeline", "seed") if name in changes})
    metrics = factories.metrics(value)
    assert run.dataset is not None
    made = External(
        schema=SCHEMA,
        kind="classes",
        name=f"{run.run}-on-elsewhere",
        run=run.run,
        record="5" * 64,
        task=run.task,
        pipeline=run.pipeline,
        pipeline_digest=run.pipeline_digest,
        seed=run.seed,
        fold=run.fold,
        dataset=msgspec.structs.replace(run.dataset, name="elsewhere", digest="e" * 64, notices=[]),
        key="k",
        n=300,
        groups=280,
        shared=Shared(True, "identical images", {"theirs-1": "COVID-431"}),
        metric=run.metric,
        classes=run.classes,
        positive=run.positive,
        labels={"Non-COVID": ["Normal"], "COVID": ["COVID"]},
        mapping={"covid": "COVID", "healthy": "Non-COVID"},
        left_out={"Hernia": 4},
        counts={"Non-COVID": 225, "COVID": 75},
        test="1f" * 32,
        metrics=metrics,
        drop=drops(metrics, run.metrics),
        internal=run.metrics,
        subgroups=[
            Subgroup(
                "sex", sex, n, n, {"Non-COVID": n - 5, "COVID": 5}, {"balanced-accuracy": factories.estimate(v, n)}
            )
            for sex, n, v in (("F", 290, 0.85), ("M", 10, 0.6))
        ],
        differences=[SubgroupDifference("sex", "balanced-accuracy", "F", "M", Estimate(0.25, 0.1, 0.4))],
        tested=3,
        needed={"sensitivity": 683, "specificity": 400},
        notes=["a note"],
        created="2026-01-01T00:00:00+00:00",
    )
    return msgspec.structs.replace(made, **changes)


def recalibration(value: float = 0.88) -> Recalibration:
    """What 50 local images mend."""
    return Recalibration(50, 48, {"Non-COVID": 38, "COVID": 12}, CalibrationInfo(), factories.metrics(value))
