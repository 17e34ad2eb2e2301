"""Hyperband's arithmetic, and what is shown where it stops nothing early."""

import tomllib
from pathlib import Path

import pytest

from benchmark.tuning.brackets import size, trials_of, why_none_stops_early

ROOT = Path(__file__).parents[2]


def test_brackets_of_nine_epochs_are_those_of_the_textbook():
    # R = 9, eta = 3 (Li et al. 2018, JMLR 18(185), table 1 has R = 81): 9 + 3 + 1, 5 + 2 and 3.
    assert [[size(bracket, each, 9) for each in range(bracket + 1)] for bracket in (2, 1, 0)] == [
        [9, 3, 1],
        [5, 2],
        [3],
    ]
    assert [trials_of(bracket, 9) for bracket in (2, 1, 0)] == [13, 7, 3]


@pytest.mark.parametrize(("epochs", "smallest"), [(9, 7), (16, 8), (60, 11)])
def test_hyperband_says_below_how_many_trials_it_is_random_search(epochs, smallest):
    assert why_none_stops_early(smallest - 1, epochs) == (
        f"{smallest - 1} trials are fewer than Hyperband's smallest bracket ({smallest}, of up to {epochs} epochs): "
        "each but the default is drawn at random and trained to the end"
    )
    assert why_none_stops_early(smallest, epochs) == ""


def test_the_readme_says_from_how_many_trials_on_hyperband_stops_early():
    read = tomllib.loads((ROOT / "configs" / "defaults.toml").read_text())
    laptop, full = read["quick"]["training"]["epochs"], read["training"]["epochs"]
    readme = (ROOT / "configs" / "README.md").read_text(encoding="utf-8")
    assert f"from {trials_of(1, laptop)} on in the laptop setting ({laptop} epochs)" in readme
    assert f"from {trials_of(1, full)} on at {full} epochs" in readme


def test_hyperband_says_that_trainings_are_too_short_to_be_stopped():
    text = why_none_stops_early(50, 2)
    assert text.startswith("trainings of up to 2 epochs are too short for Hyperband to stop any early: each but")
    assert why_none_stops_early(1, 2) == ""  # the default alone: nothing is sampled


def test_the_trials_that_a_task_has_by_default_are_whole_brackets():
    """What is left over trains to the end at random, which costs more than the brackets themselves."""
    read = tomllib.loads((ROOT / "configs" / "defaults.toml").read_text())
    laptop, full = read["quick"]["training"]["epochs"], read["training"]["epochs"]
    assert read["quick"]["tuning"]["trials"] == trials_of(1, laptop)
    assert read["tuning"]["trials"] == trials_of(2, full) + trials_of(1, full)
