"""Mask agreement worked by hand, its empty cases named, and what cannot be lungs."""

import numpy as np
import pytest

from benchmark.evaluation.masks import implausible, mask_agreement, mask_estimates


def boxes(*corners, size=100):
    """One (size, size) mask with the rectangles (top, bottom, left, right) filled."""
    mask = np.zeros((size, size), bool)
    for top, bottom, left, right in corners:
        mask[top:bottom, left:right] = True
    return mask


LEFT, RIGHT = (20, 80, 15, 42), (20, 80, 55, 85)


def test_half_covered_masks_have_the_agreement_worked_by_hand():
    truth, predicted = boxes((0, 10, 0, 10), size=20), boxes((0, 10, 5, 15), size=20)
    found = mask_agreement(truth[None], predicted[None])
    assert found["dice"][0] == pytest.approx(0.5)  # 2 * 50 / 200
    assert found["iou"][0] == pytest.approx(50 / 150)
    assert found["pixel-accuracy"][0] == pytest.approx(300 / 400)
    assert found["case"][0] == ""


def test_empty_masks_are_cases_with_names():
    full, empty = boxes((0, 5, 0, 5)), boxes()
    found = mask_agreement(np.array([empty, empty, full]), np.array([empty, full, empty]))
    assert found["case"].tolist() == ["no true mask", "no true mask", "empty prediction"]
    assert np.isnan(found["dice"][:2]).all() and found["dice"][2] == found["iou"][2] == 0


def test_estimates_count_the_odd_cases():
    full, empty = boxes((0, 5, 0, 5)), boxes()
    truth, predicted = np.array([full] * 11 + [empty]), np.array([full] * 10 + [empty] * 2)
    found = mask_estimates(truth, predicted, np.arange(12), seed=0)
    assert found["dice"].value == pytest.approx(10 / 11)
    assert found["dice"].n == 11 and found["dice"].low < 10 / 11
    assert "undefined on 1 of 12" in found["dice"].note and "1 empty predictions" in found["dice"].note
    none = mask_estimates(np.zeros((0, 4, 4)), np.zeros((0, 4, 4)), [], seed=0)
    assert none["iou"].value is None and none["iou"].note


@pytest.mark.parametrize(
    "mask",
    [
        boxes(LEFT, RIGHT),
        boxes(LEFT, RIGHT, (5, 8, 5, 8)),  # a speck
        boxes((20, 80, 15, 85)),  # lungs that touch
        boxes((20, 80, 0, 30), (20, 80, 55, 85)),  # cut by the frame
    ],
)
def test_two_lungs_are_plausible(mask):
    assert not implausible(mask[None])[0]


@pytest.mark.parametrize(
    "mask",
    [
        boxes(),
        boxes((40, 60, 20, 30), (40, 60, 60, 70)),  # 4 % of the frame
        ~boxes(LEFT, RIGHT),
        boxes((0, 100, 0, 100)),
        boxes(LEFT),  # one lung
        boxes(LEFT, (30, 40, 60, 70)),  # one lung and a scrap
        boxes(LEFT, RIGHT, (84, 98, 10, 90)),  # and the abdomen
    ],
)
def test_what_cannot_be_two_lungs_is_implausible(mask):
    assert implausible(mask[None])[0]
