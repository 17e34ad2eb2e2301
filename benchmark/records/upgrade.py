"""Records of schemas 1 to 4, brought to today's names: the numbers in them are as they were written.

Schema 2 calls by the field's standard terms what schema 1 had its own words for.  Schema 3 has trainings of a fixed
length; until then the validation loss steered them, so older records hold `best_epoch`, and `patience` and `decay` in
their specification.  Schema 4 lists the trainings that a run stands on, which older records tell by their
specification, and the files of the run's folder, which they cannot say; and it has records of controls.  Until
schema 5 images were stretched and only identical ones were kept together.  Older records stay readable: their seal is
checked on the bytes as they were written, and then they are upgraded in memory.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from benchmark.records.record import SCHEMA, Record
from benchmark.records.trainings import trainings_of
from benchmark.storage.files import fault, sealed

SUBSETS = {"select": "validation", "fit": "calibration"}
GROUPINGS = {"naive": "image-level"}
COLUMNS = {"corrected_logits": "evidence", "subsets": "parts"}  # of predictions.npz -> as schema 1 called them

_CALIBRATION = {"part": "subset"}
_FITTED_ON = {**SUBSETS, "fit, of each fold": "calibration, of each fold"}
_RULES = {"calibrated on validation": "calibrated on the calibration subset"}
_THRESHOLD = {
    "validation_specificity": "calibration_specificity",
    "validation_sensitivity": "calibration_sensitivity",
}
_TRAINING = {"batch_shares": "batch_prior", "final_rate": "final_learning_rate", "waiting": "input_stall"}
_REFERENCE = {"detectable": "minimum_detectable"}
_SPEC = {"carrier": "features_head"}
_UNSAID = {
    "images": {"fit": "stretch"},
    "split": {"copies": "identical", "parts": "own", "leaks": "refuse", "contradictions": "keep"},
}


def upgraded(content: bytes) -> Record:
    """The record in a document of an older schema, sealed anew where its own seal fitted.

    Raises:
        msgspec.DecodeError: it is no record of that schema.
    """
    document = msgspec.json.decode(content, type=dict[str, Any])
    try:
        record = msgspec.convert(_record(document), Record)
    except (AttributeError, LookupError, TypeError) as error:
        raise msgspec.ValidationError(f"a record of schema {document.get('schema')} has no such shape") from error
    return record if fault(content) else sealed(record)


def _record(document: dict[str, Any]) -> dict[str, Any]:
    found = _of_schema_1(document) if document["schema"] == 1 else dict(document)
    if document["schema"] < 4:
        found["trainings"] = trainings_of(found["spec"])
    return {**found, "schema": SCHEMA, "spec": _before_schema_5(found["spec"])}


def _before_schema_5(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A specification with what went without saying written out, members and reference too."""
    found = {**spec}
    for table, settings in _UNSAID.items():
        if table in spec:
            found[table] = {**spec[table], **settings}
    if members := found.get("members"):
        found["members"] = {name: _before_schema_5(member) for name, member in members.items()}
    if reference := found.get("reference"):
        found["reference"] = _before_schema_5(reference)
    return found


def _of_schema_1(document: dict[str, Any]) -> dict[str, Any]:
    found = {**document, "spec": _spec(document["spec"])}
    found["components"] = _renamed(document.get("components", {}), _SPEC)
    if split := document.get("split"):
        counts = _renamed(split.get("counts", {}), SUBSETS)
        found["split"] = {**split, "grouping": _value(split["grouping"], GROUPINGS), "counts": counts}
    if calibration := document.get("calibration"):
        found["calibration"] = _calibration(calibration)
    if training := document.get("training"):
        found["training"] = _training(training)
    if reference := document.get("reference"):
        found["reference"] = _renamed(reference, _REFERENCE)
    return found


def _calibration(document: Mapping[str, Any]) -> dict[str, Any]:
    found = _renamed(document, _CALIBRATION)
    if "subset" in found:
        found["subset"] = _value(found["subset"], _FITTED_ON)
    for old, new in _RULES.items():
        found["decisions"] = found.get("decisions", "").replace(old, new)
    if "thresholds" in found:
        found["thresholds"] = {name: _renamed(one, _THRESHOLD) for name, one in found["thresholds"].items()}
    return found


def _training(document: Mapping[str, Any]) -> dict[str, Any]:
    found = _renamed(document, _TRAINING)
    if found.get("segmenter"):
        found["segmenter"] = _renamed(found["segmenter"], _TRAINING)
    return found


def _spec(document: Mapping[str, Any]) -> dict[str, Any]:
    found = _renamed(document, _SPEC)
    if split := found.get("split"):
        found["split"] = {**split, "grouping": _value(split["grouping"], GROUPINGS)}
    if members := found.get("members"):
        found["members"] = {name: _spec(member) for name, member in members.items()}
    if reference := found.get("reference"):
        found["reference"] = _spec(reference)
    return found


def _renamed(document: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in document.items()}


def _value(value: str, names: Mapping[str, str]) -> str:
    return names.get(value, value)
