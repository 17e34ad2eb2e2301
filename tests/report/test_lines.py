import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from benchmark.report.layout import Cell, Grid, Line
from benchmark.report.lines import prose, wrapped, wrapped_name
from tests.report.test_report import PIPELINE, VOTE

TEXT = st.text("aé患+,/ _.", max_size=120)


@given(TEXT, st.integers(2, 60))
def test_cut_text_fits_whatever_its_words_are_and_loses_no_letter(text: str, room: int) -> None:
    lines = wrapped(text, room, cut=True)
    assert max(map(cell_len, lines), default=0) <= room
    assert "".join("".join(lines).split()) == "".join(text.split())


@given(TEXT, st.integers(2, 60))
def test_uncut_text_keeps_pieces_whole_and_only_they_are_longer_than_a_line(text: str, room: int) -> None:
    lines = wrapped(text, room)
    assert "".join("".join(lines).split()) == "".join(text.split())
    for line in lines:
        assert cell_len(line) <= room or (" " not in line and not set(line[:-1]) & set("+,/"))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("two words", ["two words"]),
        ("two  words\nand more", ["two words and", "more"]),
        ("a results/tuning/binary", ["a results/", "tuning/binary"]),
        ("a " + "b" * 15, ["a", "b" * 15]),
    ],
)
def test_lines_end_at_spaces_and_in_long_words_behind_what_joins_their_parts(text: str, lines: list[str]) -> None:
    assert wrapped(text, 13) == lines


def test_a_paragraph_is_indented_and_its_indent_counts() -> None:
    assert prose("aaa bbb ccc", 9, "  ") == "  aaa bbb\n  ccc"


@given(PIPELINE | VOTE, st.integers(16, 100))
def test_a_name_in_lines_is_whole_and_no_line_of_it_too_long(name: str, room: int) -> None:
    lines = wrapped_name(name, room)
    assert "".join(lines).replace(" ", "") == name.replace(" ", "")
    narrowest = Grid("", [], [Line(Cell(name))]).narrowest()
    assert max(map(len, lines)) <= max(room, narrowest)


@pytest.mark.parametrize(
    ("room", "lines"),
    [
        (46, ["soft(unet+sepcnn+dense, unet+xception+sepconv)"]),
        (30, ["soft(unet+sepcnn+dense,", "  unet+xception+sepconv)"]),
        (22, ["soft(unet+sepcnn+", "  dense,", "  unet+xception+", "  sepconv)"]),
    ],
)
def test_a_name_is_broken_between_members_before_it_is_broken_inside_one(room: int, lines: list[str]) -> None:
    assert wrapped_name("soft(unet+sepcnn+dense, unet+xception+sepconv)", room) == lines
