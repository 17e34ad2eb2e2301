"""Trainings that waited for their images, where they were long enough to tell."""

import json
from typing import TYPE_CHECKING

import numpy as np

from benchmark.models.notes import stalled
from benchmark.stages.costs import meta_of

if TYPE_CHECKING:
    from benchmark.stages.context import Context

STALLED = 0.1  # the share of the time waited for images from which on a reader must know
# Every epoch's first images are waited for, as nothing is prepared ahead of them.  In a training of a few steps that is
# a large share of next to no time, whatever the machine; more processors would mend nothing.
TOLD = 50  # steps


def waiting(context: "Context") -> list[str]:
    """What a reader must know of trainings that stood still for long."""
    metas = {stage: meta_of(context, stage) for stage in ("segmenter", "fit") if stage in context.artefacts}
    shares = {stage: meta["input_stall"] for stage, meta in metas.items()}
    long = {stage for stage, share in shares.items() if share > STALLED and steps_of(context, stage) >= TOLD}
    return [f"{stage}: {stalled(share)}" for stage, share in shares.items() if stage in long]


def steps_of(context: "Context", stage: str) -> int:
    """Of a training, as it says itself; of a segmenter, which does not, as many as there would be if all had masks."""
    meta = meta_of(context, stage)
    if "steps" in meta:
        return int(meta["steps"])
    images = int(np.count_nonzero(np.load(context.artefacts["split"] / "subsets.npy") == "train"))
    epochs = len(json.loads((context.artefacts[stage] / "history.json").read_text()))
    return epochs * -(-images // int(meta["batch_size"]))
