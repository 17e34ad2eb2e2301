"""The folder and the record of the rules that pipelines must beat.  Nothing is computed here."""

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from benchmark.records.findings import Findings
from benchmark.records.record import SCHEMA, Record
from benchmark.records.training import TrainingInfo
from benchmark.stages.record import SOURCELESS, components, dataset_info, environment, put_run

if TYPE_CHECKING:
    from benchmark.stages.context import Context, RunFacts


def write_run(context: "Context", facts: "RunFacts", names: Mapping[str, str], target: Path) -> Record:
    """Put the folder of the controls in place of whatever was there; gives its record."""

    def fill(folder: Path) -> Record:
        shutil.copy(context.artefacts["controls"] / "predictions.npz", folder)
        (folder / "spec.json").write_bytes(msgspec.json.format(msgspec.json.encode(context.spec), indent=2))
        return _record(context, facts)

    return put_run(fill, target)


def _record(context: "Context", facts: "RunFacts") -> Record:
    spec = context.spec
    findings = msgspec.json.decode((context.artefacts["controls"] / "findings.json").read_bytes(), type=Findings)
    return Record(
        schema=SCHEMA,
        status="ok",
        task=spec.task,
        run=facts.run,
        pipeline=facts.pipeline,
        pipeline_digest=facts.pipeline_digest,
        seed=spec.seed,
        fold=spec.fold,
        digest=facts.digest,
        key=facts.key,
        spec=msgspec.to_builtins(spec),
        metric=spec.metric,
        classes=list(spec.classes),
        positive=spec.positive,
        components=components(facts, spec),
        dataset=dataset_info(facts, findings),
        split=findings.split,
        controls=findings.controls,
        rules=findings.rules,
        training=TrainingInfo(stage_duration_s=facts.duration_s),
        notes=[SOURCELESS.format(name) for name in facts.uncacheable],
        stages=facts.stages,
        environment=environment(),
        scoring=facts.scoring,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
