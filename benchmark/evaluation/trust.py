"""Whether a run may be ranked: its stored outputs have the bytes that its record lists, and give its number."""

import math
from pathlib import Path

from benchmark.evaluation.differing import alike, shown
from benchmark.evaluation.metrics import metric_named
from benchmark.evaluation.stored import UNREADABLE, read_test
from benchmark.evaluation.thresholds import outputs_of
from benchmark.records.contents import fits
from benchmark.records.files import PREDICTIONS
from benchmark.records.record import Record
from registry.errors import UnknownNameError


def distrust(record: Record, folder: Path, metric: str) -> str:
    """Why a run cannot be ranked by a metric; empty where its stored outputs give it, or are not there to ask."""
    path = folder / PREDICTIONS
    if not path.is_file():
        return ""
    if record.files is not None and PREDICTIONS in record.files and not fits(record.files[PREDICTIONS], path):
        return f"{PREDICTIONS} was changed since its record was written"
    if metric not in record.metrics:  # as of controls
        return ""
    try:
        known = metric_named(metric, record.classes, record.positive)
        targets, outputs, folds = read_test(path, known.needs)
        values = outputs_of(record, known, outputs, folds)
        if values is None:
            return f"it does not say its threshold for {known.threshold}"
        found = float(known.compute(targets, values))
    except UnknownNameError:
        return ""
    except UNREADABLE:
        return f"{PREDICTIONS} cannot be read"
    recorded = record.metrics[metric]
    if alike(recorded.value, found) or (recorded.value == 0 and math.isnan(found)):  # MCC of one class is 0
        return ""
    return f"its predictions do not give its {metric}: {found:.4f}, recorded {shown(recorded.value)}"
