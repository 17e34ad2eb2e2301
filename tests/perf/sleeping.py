"""Steps and records that take a known time and do nothing in it: see `tests.perf.scheduling`."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from benchmark.planning.graph import RECORD
from benchmark.stages.context import Context, RunFacts
from benchmark.tasks.spec import RunSpec, Spec
from tests.perf import standin

SCALE = "BENCH_PERF_SCALE"  # what all lengths are multiplied by
LENGTHS = {  # seconds
    "prepare": 0.2,
    "split": 0.05,
    "familiarity": 0.05,
    "unet": 1.0,
    "sepunet": 2.0,
    "masks": 0.2,
    "inputs": 0.1,
    "sepcnn": 0.4,
    "xception": 3.0,
    "features": 0.2,
    "predict": 0.1,
    "classify": 0.2,
    "explain": 0.2,
    "occlusion": 0.4,
    "score": 0.1,
    "draw": 0.2,
    RECORD: 0.02,
}


def seconds(stage: str, spec: Spec) -> float:
    """How long a step takes, by what is trained where something is, and by how it is mapped."""
    assert isinstance(spec, RunSpec)
    kinds = {"segmenter": spec.segmenter.name, "fit": spec.backbone.name}
    if spec.classical:
        kinds |= {"predict": "classify", "explain": "occlusion"}
    return LENGTHS[kinds.get(stage, stage)] * float(os.environ.get(SCALE, 1))


def build(context: Context, folder: Path) -> None:
    """An artefact of one small file, after the time of its stage, by which the store names the folder."""
    time.sleep(seconds(folder.name.partition("-")[0], context.spec))
    standin.build(context, folder)


def write_run(context: Context, facts: RunFacts, names: Mapping[str, str], folder: Path) -> None:
    """A record with one metric, after its time."""
    time.sleep(seconds(RECORD, context.spec))
    standin.write_run(context, facts, names, folder)
