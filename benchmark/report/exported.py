"""An exported run as files: the graph, a script that predicts with it, and what both are."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec

from benchmark.execution.exporting import Checked
from benchmark.execution.graphs import CONVERTER
from benchmark.records.export import (
    DECIDED,
    FILE,
    FRAME,
    IMAGE,
    LOGITS,
    MASK,
    MODEL,
    PROBABILITIES,
    SCHEMA,
    SCRIPT,
    Export,
    Preparation,
)
from benchmark.records.prediction import NOT_FOR_DIAGNOSIS
from benchmark.records.record import Record
from benchmark.report.export_script import script
from benchmark.report.predictions import probability_threshold
from benchmark.tasks.spec import run_spec

CALIBRATIONS = {
    "platt": "Platt scaling of log-odds at the class shares of the training data",
    "temperature": "a temperature, at the class shares of the training data",
    "identity": "none could be fitted; logits at the class shares of the training data",
}
NOT_DONE = "reads no DICOM and no films of 16 bits, and tells neither implausible masks nor films unlike the training's"
FORMAT = "onnx"


def files(record: Record, checked: Checked) -> dict[str, bytes]:
    """Name -> content of what is given away."""
    images = run_spec(record.spec).images
    made = {MODEL: checked.model, SCRIPT: script(images, record.classes).encode()}
    document = msgspec.json.encode(_document(record, checked, made))
    return made | {FILE: msgspec.json.format(document, indent=2) + b"\n"}


def lines(record: Record, checked: Checked, folder: str) -> list[str]:
    """What was done, for people."""
    found = [f"{record.pipeline} ({record.run})"]
    if checked.proof:
        found.append(f"Checked: {checked.proof}")
    else:
        found.append(f"NOT CHECKED on what the run has stored: {checked.unchecked}")
    if backend := _backend_note(record):
        found.append(f"note: {backend}")
    return [*found, f"Written to {folder}: {MODEL}, {SCRIPT}, {FILE}", NOT_FOR_DIAGNOSIS]


def _backend_note(record: Record) -> str:
    backend = run_spec(record.spec).runtime.backend
    if backend == CONVERTER:
        return ""
    return f"trained with {backend}, and loaded by Keras on {CONVERTER} to be converted"


def _document(record: Record, checked: Checked, made: dict[str, bytes]) -> Export:
    images, calibration = run_spec(record.spec).images, record.calibration
    inputs, outputs = _described(images.size, len(record.classes), checked.graph.masked)
    same: dict[str, Any] = {
        name: getattr(record, name) for name in ("run", "seal", "pipeline", "task", "classes", "positive")
    }
    return Export(
        **same,
        inputs=inputs,
        outputs=outputs,
        schema=SCHEMA,
        format=FORMAT,
        preparation=Preparation(images.size, images.equalise, images.fit),
        threshold=probability_threshold(record),
        decisions=calibration.decisions,
        class_shares=calibration.data_prior,
        calibration=CALIBRATIONS.get(calibration.method or "", calibration.method or ""),
        proof=checked.proof,
        unchecked=checked.unchecked,
        drawn=checked.graph.proof,
        files={name: hashlib.sha256(content).hexdigest() for name, content in made.items()},
        versions=checked.graph.versions,
        backend=_backend_note(record),
        script=NOT_DONE,
        note=NOT_FOR_DIAGNOSIS,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _described(size: int, count: int, masked: bool) -> tuple[dict[str, str], dict[str, str]]:
    """What goes in and comes out."""
    side = f"(n, {size}, {size})"
    lungs = "lungs by the run's segmenter; the rest is hidden from the classifier"
    inputs = {
        IMAGE: f"uint8 {side}: prepared films, 0 black, bars beside them 0",
        FRAME: f"bool {side}: true on the film, false on bars beside it",
    }
    outputs = {
        MASK: f"bool {side}: {lungs if masked else 'the frame as it was given: the classifier sees the whole film'}",
        PROBABILITIES: f"float32 (n, {count}): calibrated, at class_shares",
        LOGITS: f"float32 (n, {count}): as the classifier gives them",
        DECIDED: "integer (n,): index of the class that is likeliest at equal class shares",
    }
    return inputs, outputs
