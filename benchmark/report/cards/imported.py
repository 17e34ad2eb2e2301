"""What a card says of a model that another program trained: where its predictions come from, and what is not known."""

from pathlib import PurePath
from typing import Any

from benchmark.records.record import Record
from benchmark.report.cards.parts import Section, entry, settings

MAKERS = "Only its makers know."


def sections(record: Record) -> list[Section]:
    """Preparation, model and training of imported predictions."""
    asked: dict[str, Any] | None = record.spec.get("classifier")
    file = PurePath(str(record.spec.get("file", ""))).name or "a file"
    named = f"{file}, SHA-256 {record.spec.get('sha256') or 'not known'}"
    return [_preparation(record, asked), _model(record, asked, named), _training(record)]


def _preparation(record: Record, asked: dict[str, Any] | None) -> Section:
    images: dict[str, Any] = {name: one for name, one in (record.spec.get("images") or {}).items() if name != "mask"}
    if asked:
        said = {**asked, "order": " ".join(map(str, asked.get("order", [])))}
        how = f"Grey, 8 bits; {settings(images)}; then {settings(said)}."
        entries = [entry("Images", how, claim="9", tripod="7 12b 9b")]
    else:
        text = f"The program that made the predictions read the files itself. {MAKERS}"
        entries = [entry("Images", text, claim="9", tripod="7 12b 9b", state="not known")]
    facts = "Pixels of one image, no other facts." if asked else "Whether anything but the image was used."
    entries.append(entry("Predictors", facts, tripod="9a 9b", state="answered" if asked else "not known"))
    return Section("Preparation", entries)


def _model(record: Record, asked: dict[str, Any] | None, named: str) -> Section:
    what = "A classifier in an ONNX file" if asked else "Predictions of another program, a table"
    files = "The file is not kept here; its digest tells whether another copy is the same."
    entries = [
        entry("Pipeline", f"{record.pipeline}. {what}: {named}.", claim="22", tripod="12c 9b", state="in part"),
        entry("Starting weights", MAKERS, claim="24", state="not known"),
        entry("Several models", MAKERS, claim="27", state="not known"),
        entry("Files", files, claim="43", tripod="22", state="not done"),
    ]
    return Section("Model", entries)


def _training(record: Record) -> Section:
    split = "the split that bench data split writes" if record.split else "a split"
    kept = f"That it learnt from the training part of {split} alone, and never saw test images, is its makers' word."
    entries = [
        entry("Schedule", [MAKERS, kept], claim="25", tripod="12c", state="not known"),
        entry("Augmentation", MAKERS, claim="25", state="not known"),
        entry("Seed", f"Called training seed {record.seed} here.", claim="25", state="in part"),
        entry("Final model", MAKERS, claim="26", tripod="12c", state="not known"),
        entry("Search for settings", MAKERS, claim="30", state="not known"),
        entry("Unequal classes", MAKERS, tripod="13", state="not known"),
        entry("Cost", "Not measured.", state="not known"),
    ]
    notes = [entry("Note", f"{note}.", claim="25") for note in dict.fromkeys(record.notes)]
    return Section("Training", [*entries, *notes])
