"""Notes of several runs under one row."""

from hypothesis import given
from hypothesis import strategies as st

from benchmark.comparison.compare import compare
from benchmark.comparison.notes import row_notes
from tests import factories


def waited(share: float) -> str:
    return f"fit: training waited for images {share}% of the time; give it more processors"


def test_notes_that_differ_in_a_percentage_alone_are_one_with_the_range() -> None:
    assert row_notes([[waited(12)], [waited(9), "x"], [waited(100)]], "runs") == [
        "fit: training waited for images 9 to 100% of the time; give it more processors",
        "1 of 3 runs: x",
    ]
    assert row_notes([[waited(12)], [], [waited(18.5)]], "runs") == [
        "2 of 3 runs: fit: training waited for images 12 to 18.5% of the time; give it more processors"
    ]
    assert row_notes([[waited(12)], [waited(12)]], "runs") == [waited(12)]


def test_other_numbers_tell_notes_apart() -> None:
    assert row_notes([["6 steps"], ["7 steps"]], "runs") == ["1 of 2 runs: 6 steps", "1 of 2 runs: 7 steps"]


@given(st.lists(st.lists(st.text("1 %.a\0", max_size=8), max_size=3), min_size=1, max_size=3))
def test_any_note_is_shown(found: list[list[str]]) -> None:
    assert bool(row_notes(found, "runs")) == any(found)


def test_a_table_shows_one_note_of_two_seeds() -> None:
    runs = [factories.record(seed=seed, notes=[waited(12 + seed)]) for seed in range(2)]
    assert compare(runs).tables[0].rows[0].notes == [
        "fit: training waited for images 12 to 13% of the time; give it more processors"
    ]
