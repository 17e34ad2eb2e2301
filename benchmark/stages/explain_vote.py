"""Where the members of a vote look: heat maps, joined, of the test images worth showing."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.evaluation.calibration import softmax
from benchmark.stages.explain import write_samples
from benchmark.stages.gallery import write_gallery
from benchmark.stages.heatmaps import mapper
from benchmark.stages.predictions import predictions
from benchmark.stages.reading import Reader

if TYPE_CHECKING:
    from benchmark.stages.context import Context


def build(context: "Context", folder: Path) -> None:
    """Write ``samples.npz`` and ``gallery.npz`` as the stage of a pipeline does, and ``meta.json`` (the method)."""
    run = Reader(context)
    found, heat_maps = predictions(run), mapper(run)
    test = found.subsets == "test"
    write_samples(folder, heat_maps.heat, found.rows[test], found.targets[test], softmax(found.corrected_logits[test]))
    write_gallery(run, found, heat_maps, folder)
    (folder / "meta.json").write_text(json.dumps({"method": heat_maps.method}))
