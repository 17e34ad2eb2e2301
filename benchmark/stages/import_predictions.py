"""What another program says of the images, as logits: natural logarithms of its probabilities."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.division import read_division
from benchmark.data.imported import match
from benchmark.data.predicted_table import FLOOR, read_predictions
from benchmark.data.targets import class_targets
from benchmark.stages.logits import write_logits
from benchmark.stages.reading import Reader
from registry.errors import DataError

if TYPE_CHECKING:
    from benchmark.stages.context import Context

OUTSIDE = {"all": ("validation", "calibration", "test"), "test": ("test",)}  # what is imported -> subsets


def build(context: "Context", folder: Path) -> None:
    """Write ``logits.npz``, see `benchmark.stages.logits`, of the images that the file holds, and ``meta.json``.

    Raises:
        DataError: the file has changed since it was looked at.
    """
    run, spec = Reader(context), context.spec
    path = Path(spec.file)
    table = read_predictions(path, list(spec.classes))
    if table.sha256 != spec.sha256:
        raise DataError(f"{path} was changed while it was imported; import it again")
    matched = match(path.name, table.ids, read_division(run.artefacts["split"]))
    row_of = {str(name): row for row, name in enumerate(run.prepared.ids)}
    told = np.full((len(run.prepared.ids), len(spec.classes)), np.nan)
    for name, probabilities in zip(matched.ids, table.probabilities, strict=True):
        if name is not None:
            told[row_of[name]] = probabilities
    rows = run.rows(*OUTSIDE[spec.subsets])
    clipped = int((told[rows] < FLOOR).any(axis=1).sum())
    logits = np.log(np.maximum(told[rows], FLOOR))
    write_logits(folder, run, rows, class_targets(run.prepared.labels, spec.classes), logits)
    (folder / "meta.json").write_text(json.dumps({"clipped": clipped, "cost": {}}), encoding="utf-8")
