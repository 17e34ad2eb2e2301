"""A search that is killed at any instant ends as the undisturbed one: `Done means` of the search engine."""

import json
import random

import pytest

from benchmark.tuning.ledger import read
from tests.searches import SEARCHES, Searcher, lines, loss, notes, request

KILLS = 10
VICTIMS = ("worker", "supervisor", "everything")


@pytest.fixture(scope="module")
def searcher():
    searcher = Searcher()
    yield searcher
    searcher.close()


def kill_points(instants: list[str], seed: int) -> list[int]:
    """Ten instants: one of each kind first, then any."""
    rng = random.Random(seed)
    kinds = rng.sample(sorted(set(instants)), k=len(set(instants)))
    first = [rng.choice([place for place, name in enumerate(instants) if name == kind]) for kind in kinds]
    others = rng.sample(range(len(instants)), k=len(instants))
    return list(dict.fromkeys(first[: KILLS // 2] + others))[:KILLS]


@pytest.mark.parametrize("tuner", ["hyperband", "grid"])
def test_two_processes_on_one_folder_share_the_trials(tmp_path, searcher, tuner):
    asked = request(tmp_path, SEARCHES[tuner], processes=2)
    asked["request"]["target"]["workers"] = 2
    assert searcher.run(asked) == [0]
    state = read(tmp_path / "search")
    assert [trial.status for trial in state.trials] == ["finished"] * SEARCHES[tuner].trials
    evaluations = notes(tmp_path / "objective" / "evaluations")
    assert len(evaluations) == len(state.trials)
    assert len({json.dumps([note["values"], note["epochs"]]) for note in evaluations}) == len(state.trials)
    assert len(set(notes(tmp_path / "workers"))) == 2
    assert len(notes(tmp_path / "objective" / "epochs")) == state.epochs_trained


@pytest.mark.parametrize("tuner", SEARCHES)
def test_a_killed_search_ends_as_the_undisturbed_one(tmp_path, searcher, tuner):
    search = SEARCHES[tuner]
    calm = tmp_path / "calm"
    assert searcher.run(request(calm, search)) == [0]
    expected, instants = lines(calm), notes(calm / "instants")
    trained = notes(calm / "objective" / "epochs")
    points = kill_points(instants, seed=len(tuner))
    folders = [tmp_path / f"killed-{point}-{VICTIMS[number % 3]}" for number, point in enumerate(points)]
    asked = [
        request(folder, search, at=point, who=folder.name.rpartition("-")[2])
        for folder, point in zip(folders, points, strict=True)
    ]
    assert searcher.run(*asked) == [0] * KILLS
    for folder in folders:
        assert (folder / "killed").exists(), folder.name
        assert lines(folder) == expected, folder.name
        assert list((folder / "search" / "running").iterdir()) == []
        evaluations = notes(folder / "objective" / "evaluations")
        assert [note["again"] for note in evaluations if note["again"]] == [], "a trial that had ended ran again"
        assert len(evaluations) <= search.trials + 1
        assert len(notes(folder / "objective" / "epochs")) <= len(trained) + 1
        best = read(folder / "search").best()
        assert best.status == "finished"
        assert best.score == loss(best.values, best.epochs)
