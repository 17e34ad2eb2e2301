"""Rows of runs on images of elsewhere: what their trainings have in common, read from what evaluations stored."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmark.evaluation.external import outputs_of
from benchmark.evaluation.inference import TestedRow, own_intervals
from benchmark.evaluation.retraining import retraining
from benchmark.evaluation.scale import Z
from benchmark.evaluation.stored import UNREADABLE
from benchmark.evaluation.subgroups import Seen, differences, subgroups
from benchmark.records.external import External, Subgroup, SubgroupDifference
from benchmark.records.files import PREDICTIONS

TRAIT = "trait:"


def row_intervals(values: Sequence[Sequence[float]], ends: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Of each row the 95 % interval over images and retraining, as of a row of any table.

    Args:
        values: of each row those of its trainings.
        ends: of each row the 95 % interval over images alone.
    """
    rows = [
        TestedRow(values=np.array(own), moves=np.zeros((len(own), 1)), low=low, high=high)
        for own, (low, high) in zip(values, ends, strict=True)
    ]
    still = [len(own) > 1 and np.ptp(own) == 0 for own in values]
    return own_intervals(rows, retraining([row.values for row in rows], still), Z)


def rows_subgroups(
    runs: Sequence[External], folders: Sequence[Path]
) -> tuple[list[Subgroup], list[SubgroupDifference], int] | None:
    """Subgroups, differences and how many pairs were tested, of the mean over several trainings.

    Args:
        runs: that differ in their training alone, on the same images.

    Returns:
        None where the predictions of one cannot be read.
    """
    first = runs[0]
    try:
        stored = [_test_columns(folder / PREDICTIONS) for folder in folders]
    except UNREADABLE:
        return None
    columns = stored[0]
    if any(not np.array_equal(columns["ids"], one["ids"]) for one in stored):
        return None
    seen = Seen(
        classes=first.classes,
        positive=first.positive,
        targets=columns["targets"],
        groups=columns["groups"],
        divided={name.removeprefix(TRAIT): values for name, values in columns.items() if name.startswith(TRAIT)},
        outputs=[outputs_of(one["corrected_logits"], one["probabilities"]) for one in stored],
    )
    found = subgroups(seen, first.metric, 0)
    return found, *differences(seen, found, first.metric, int(first.test[:15], 16))


def _test_columns(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as archive:
        test = archive["subsets"] == "test"
        return {name: archive[name][test] for name in archive.files}
