"""Labels that are shuffled on purpose: what must find nothing is not calibrated on the truth either."""

from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.targets import shuffled

if TYPE_CHECKING:
    from benchmark.stages.reading import Reader

SHUFFLED = "shuffled"
NO_TEST = (
    "trained and calibrated on shuffled labels, so it should find nothing; one shuffle is no test: over shuffles "
    "AUROC scatters 1.3 to 1.6 times as far as the images explain (repeat it over --seeds)"
)


def learns_shuffled(run: "Reader") -> bool:
    """Whether a run, or a member of a vote, learns from shuffled labels."""
    if run.members:
        return any(map(learns_shuffled, run.members.values()))
    return bool(run.spec.training.labels == SHUFFLED)


def told_targets(run: "Reader", targets: np.ndarray, subsets: np.ndarray) -> np.ndarray:
    """What a run is told of its images (n,): the truth but for those it calibrates on, where labels are shuffled."""
    if not learns_shuffled(run):
        return targets
    told, own = targets.copy(), subsets == "calibration"
    told[own] = shuffled(targets[own], SHUFFLED, run.spec.seed)
    return told
