"""The folder and the record of imported predictions.  Nothing is computed here."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from benchmark.records.curves import FILE as CURVES
from benchmark.records.findings import Findings
from benchmark.records.record import Cost, Record
from benchmark.records.training import TrainingInfo
from benchmark.stages.costs import meta_of
from benchmark.stages.record import common_fields, copy_some, put_run, sourceless

if TYPE_CHECKING:
    from benchmark.stages.context import Context, RunFacts


def write_run(context: "Context", facts: "RunFacts", names: Mapping[str, str], target: Path) -> Record:
    """Put the folder of the import in place of whatever was there; gives its record."""

    def fill(folder: Path) -> Record:
        artefacts = context.artefacts
        shutil.copy(artefacts["score"] / "predictions.npz", folder)
        shutil.copy(artefacts["split"] / "split.csv", folder)
        copy_some(artefacts["score"], (CURVES,), folder)
        (folder / "spec.json").write_bytes(msgspec.json.format(msgspec.json.encode(context.spec), indent=2))
        return _record(context, facts)

    return put_run(fill, target)


def _record(context: "Context", facts: "RunFacts") -> Record:
    findings = msgspec.json.decode((context.artefacts["score"] / "findings.json").read_bytes(), type=Findings)
    return Record(
        **common_fields(context, facts, findings),
        metrics=findings.metrics,
        confusion=findings.confusion,
        calibration=findings.calibration,
        training=TrainingInfo(stage_duration_s=facts.duration_s),
        cost=Cost(**meta_of(context, "predict")["cost"]),
        trainings=facts.trainings,
        notes=[*findings.notes, *sourceless(facts)],
    )
