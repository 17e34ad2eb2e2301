"""Notes of several runs."""

from benchmark.records.notes import shared_notes


def test_what_all_say_is_said_once_and_what_some_say_with_how_many():
    assert shared_notes([["a", "b"], ["a"], ["a", "a"]], "folds") == ["a", "1 of 3 folds: b"]


def test_a_single_run_says_what_it_says():
    assert shared_notes([["a", "b"]], "runs") == ["a", "b"]
    assert shared_notes([], "runs") == []
