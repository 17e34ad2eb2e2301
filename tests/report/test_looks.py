"""Whether heat follows the lungs of the very image: verdicts on numbers, and on maps of which it is known."""

import numpy as np
import pytest

from benchmark.evaluation.localisation import at_resolution, median_estimate, relative_enrichment
from benchmark.records.estimate import Estimate
from benchmark.report.looks import looks, verdict

MASKS = Estimate(1.3, 1.25, 1.35, 60)


@pytest.mark.parametrize(
    ("low", "value", "high", "said"),
    [
        (0.95, 1.02, 1.10, "no preference for the lungs of the image is shown"),
        (1.05, 1.15, 1.25, "the heat follows the lungs of the image, 50% of the way"),
        (1.20, 1.45, 1.60, "the heat follows the lungs of the image, 100% of the way"),
        (0.70, 0.80, 0.90, "the heat rather avoids the lungs of the image"),
        (0.60, 1.00, 1.40, "too few maps to tell"),  # what would follow the masks is as possible
    ],
)
def test_an_interval_is_put_into_words(low, value, high, said):
    assert verdict("lung", Estimate(value, low, high, 60), MASKS) == said


def test_where_all_lungs_lie_alike_nothing_can_be_told():
    assert "too much alike" in verdict("lung", Estimate(1.0, 0.99, 1.01, 60), Estimate(1.02, 1.0, 1.04, 60))


def test_the_class_of_the_disease_is_spoken_of_first():
    one = Estimate(1.02, 0.95, 1.1, 40)
    maps = {f"lung-relative-enrichment/{name}": one for name in ("Normal", "COVID")}
    first, second = looks("lung", {**maps, "lung-mask-relative-enrichment/COVID": MASKS}, "COVID")
    assert first == (
        "COVID: the lung gets 1.020 [0.950, 1.100] times the heat of a map that never looks at the image (40 maps; the "
        "images' own masks would reach 1.300): no preference for the lungs of the image is shown."
    )
    assert second.startswith("Normal: 1.020 [0.950, 1.100] (40 maps): no preference")


@pytest.mark.parametrize(("kind", "said"), [("fixed", "no preference"), ("own", "follows"), ("noise", "no preference")])
def test_maps_that_look_and_that_do_not_are_told_apart(kind, said):
    """Lungs at another place in each image; a map that lies in the middle always, one on the lungs, one anywhere."""
    rng = np.random.default_rng(0)
    lungs = np.zeros((60, 32, 32), bool)
    for mask, (row, column) in zip(lungs, rng.integers(2, 18, (60, 2)), strict=True):
        mask[row : row + 12, column : column + 12] = True
    fixed = np.zeros((60, 32, 32))
    fixed[:, 8:24, 8:24] = 1
    maps = {"fixed": fixed, "own": lungs + 0.2, "noise": rng.random((60, 32, 32))}[kind]
    ill, groups = ["ill"] * 60, [str(place) for place in range(60)]
    found, reach = (
        median_estimate(relative_enrichment(one, lungs, ill), groups, 0)
        for one in (maps, at_resolution(lungs, (32, 32)))
    )
    assert said in verdict("lung", found, reach)
