"""Records of controls against their outputs, stored as ``corrected_logits@RULE`` and ``probabilities@RULE``."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from benchmark.evaluation import metrics
from benchmark.evaluation.controls import MAJORITY, judge_rule
from benchmark.evaluation.curves import Outputs
from benchmark.evaluation.differing import differing
from benchmark.evaluation.recomputing_curves import curve_contradictions
from benchmark.evaluation.stored import read_columns
from benchmark.evaluation.thresholds import at_specificities
from benchmark.records.contents import images_digest
from benchmark.records.estimate import Estimate
from benchmark.records.files import PREDICTIONS
from benchmark.records.metrics import ECE_FLOOR
from benchmark.records.record import Record

FEW_RESAMPLES = 20  # where only values are asked for, which no resample moves
OUTPUTS = ("corrected_logits", "probabilities")


def bootstrapped(record: Record, exact: bool) -> tuple[int, int]:
    """Seed and number of resamples: the record's, where intervals are compared too."""
    return record.seed, int(record.spec["resamples"]) if exact else FEW_RESAMPLES


def rule_contradictions(record: Record, folder: Path, exact: bool) -> Iterator[str]:
    """What the stored outputs of rules give otherwise than their record says.

    Args:
        folder: of the record.
        exact: compare intervals too.

    Raises:
        OSError, ValueError, KeyError, EOFError: the file cannot be read, or lacks a column.
    """
    columns = read_columns(folder / PREDICTIONS)
    test = columns["subsets"] == "test"
    tested = (columns[name][test].tolist() for name in ("ids", "groups", "targets"))
    if record.test and images_digest(*tested) != record.test:
        yield "test images: other ones, of other groups or of other classes than were recorded"
    for rule, recorded in record.controls.items():
        found = _estimates(record, rule, columns, exact)
        if not exact:
            found.pop(ECE_FLOOR, None)
        yield from differing(f"control {rule}, ", recorded, found, exact=exact)
    outputs = {
        rule: Outputs(*(columns[f"{kind}@{rule}"][test].astype(float) for kind in OUTPUTS)) for rule in record.controls
    }
    yield from curve_contradictions(record, folder, columns["targets"][test], outputs, columns["groups"][test])


def _estimates(record: Record, rule: str, columns: Mapping[str, np.ndarray], exact: bool) -> dict[str, Estimate]:
    subsets, targets, groups = (columns[name] for name in ("subsets", "targets", "groups"))
    corrected, probabilities = (
        columns[f"{kind}@{rule}"].astype(float) for kind in ("corrected_logits", "probabilities")
    )
    test = subsets == "test"
    about, settings = (record.classes, record.positive, targets[test]), bootstrapped(record, exact)
    found = judge_rule(rule, *about, corrected[test], probabilities[test], groups[test], *settings)
    if rule != MAJORITY and record.positive is not None and len(record.classes) == 2 and "fold" not in columns:
        k = record.classes.index(record.positive)
        found |= at_specificities(k, targets, metrics.log_odds(corrected)[:, k], subsets, groups)[0]
    return found
