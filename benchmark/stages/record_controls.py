"""The folder and the record of the rules that pipelines must beat.  Nothing is computed here."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from benchmark.records.curves import FILE as CURVES
from benchmark.records.findings import Findings
from benchmark.records.record import Record
from benchmark.records.training import TrainingInfo
from benchmark.stages.record import common_fields, copy_some, put_run, sourceless

if TYPE_CHECKING:
    from benchmark.stages.context import Context, RunFacts


def write_run(context: "Context", facts: "RunFacts", names: Mapping[str, str], target: Path) -> Record:
    """Put the folder of the controls in place of whatever was there; gives its record."""

    def fill(folder: Path) -> Record:
        shutil.copy(context.artefacts["controls"] / "predictions.npz", folder)
        copy_some(context.artefacts["controls"], (CURVES,), folder)
        (folder / "spec.json").write_bytes(msgspec.json.format(msgspec.json.encode(context.spec), indent=2))
        return _record(context, facts)

    return put_run(fill, target)


def _record(context: "Context", facts: "RunFacts") -> Record:
    findings = msgspec.json.decode((context.artefacts["controls"] / "findings.json").read_bytes(), type=Findings)
    return Record(
        **common_fields(context, facts, findings),
        rules=findings.rules,
        training=TrainingInfo(stage_duration_s=facts.duration_s),
        notes=sourceless(facts),
    )
