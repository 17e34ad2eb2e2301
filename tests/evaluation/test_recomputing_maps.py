"""Statistics of heat maps and masks, found again in the values of single images."""

import msgspec
import numpy as np
import pytest

from benchmark.evaluation.recomputing_maps import map_contradictions, mask_contradictions, unstored
from benchmark.evaluation.stored import Stored
from benchmark.records.estimate import Estimate
from tests import factories

NONE = np.nan


def stored(**more: list[float]) -> Stored:
    """Six test images, two classes in turn, and two of the calibration subset, whose values count for nothing."""
    names, nothing = np.array([f"i{n}" for n in range(8)]), np.zeros((8, 2))
    subsets = np.array(["test"] * 6 + ["calibration"] * 2)
    columns = {name: np.array([*values, 0.9, 0.9]) for name, values in more.items()}
    return Stored(
        ids=names, groups=names, sources=names, targets=np.arange(8) % 2, logits=nothing, corrected_logits=nothing,
        probabilities=nothing, subsets=subsets, more=columns,
    )  # fmt: skip


VALUES = {
    "lung-enrichment": [1.0, 2.0, 3.0, NONE, 8.0, 4.0],
    "lung-misses": [0.0, 1.0, 0.0, NONE, 1.0, 1.0],
    "lung-empty": [0.0, 0.0, 0.0, 1.0, 0.0, 0.0],
    "dice": [0.9, NONE, 0.8, 0.7, NONE, 0.6],
}
RIGHT = {
    "lung-enrichment/Non-COVID": Estimate(3.0, n=3),
    "lung-enrichment/COVID": Estimate(3.0, n=2),
    "lung-misses/Non-COVID": Estimate(1 / 3, n=3),
    "lung-misses/COVID": Estimate(1.0, n=2),
    "lung-empty/Non-COVID": Estimate(0.0, n=3),
    "lung-empty/COVID": Estimate(1.0, n=3),
}


def test_what_the_images_give_contradicts_nothing() -> None:
    record = factories.record(gradcam=RIGHT, masks={"dice": Estimate(0.75, n=4)})
    assert list(map_contradictions(record, stored(**VALUES))) == []
    assert list(mask_contradictions(record, stored(**VALUES))) == []
    assert list(unstored(record, stored(**VALUES))) == []


@pytest.mark.parametrize("name", RIGHT)
def test_another_value_is_contradicted(name: str) -> None:
    changed = msgspec.structs.replace(RIGHT[name], value=(RIGHT[name].value or 0) + 1e-6)
    found = list(map_contradictions(factories.record(gradcam=RIGHT | {name: changed}), stored(**VALUES)))
    assert len(found) == 1 and found[0].startswith(f"{name}: ")


def test_another_dice_is_contradicted() -> None:
    record = factories.record(masks={"dice": Estimate(0.76, n=4)})
    assert list(mask_contradictions(record, stored(**VALUES))) == ["dice: stored outputs give 0.75, recorded 0.76"]


def test_what_no_image_tells_is_said_to_be_unchecked() -> None:
    record = factories.record(gradcam=RIGHT, masks={"dice": Estimate(0.75, n=4), "iou": Estimate(0.6, n=4)})
    assert list(unstored(record, stored())) == [
        "statistics of heat maps (lung-empty, lung-enrichment, lung-misses): no values of single images are stored",
        "mask quality but for the mean Dice: no values of single images are stored",
    ]
