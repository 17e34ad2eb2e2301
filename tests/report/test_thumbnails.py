import io
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from benchmark.report.thumbnails import blocks

KINDS = ("surest right", "least sure", "surest wrong")
RED, GREEN, BLACK = "ff0000", "00ff00", "000000"


def thumbnail(name: str = "COVID", kind: str = "surest right", **changes: Any) -> dict[str, Any]:
    return {
        "class": name,
        "kind": kind,
        "id": f"{name}-7",
        "decided": name,
        "probability": 0.98765,
        "empty": False,
        "width": 22,
        "height": 22,
        "pixels": BLACK * (22 * 22),
        **changes,
    }


def every_kind(*names: str) -> list[dict[str, Any]]:
    return [thumbnail(name, kind) for name in names for kind in KINDS]


def lines(text: Text) -> list[str]:
    return text.plain.split("\n")


def printed(text: Text, width: int) -> str:
    console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(text, end="", soft_wrap=True, highlight=False)
    return console.file.getvalue()


def test_a_character_shows_the_upper_pixel_in_front_and_the_lower_one_behind() -> None:
    one = thumbnail(width=1, height=2, pixels=RED + GREEN)
    assert "\x1b[38;2;255;0;0;48;2;0;255;0m▀\x1b[0m" in printed(blocks([one], 80, colour=True), 80)


def test_pixels_run_along_rows_from_the_upper_left_corner() -> None:
    one = thumbnail("C", width=2, height=4, pixels=(BLACK * 2) + (BLACK + RED) + (GREEN + BLACK) + (BLACK * 2))
    shown = printed(blocks([one], 80, colour=True), 80).split("\n")
    assert "48;2;255;0;0m▀" in shown[1]
    assert shown[1].index("48;2;255;0;0m") > shown[1].index("▀")  # the second character of the first line
    assert shown[2].startswith("\x1b[38;2;0;255;0;48;2;0;0;0m▀")


@pytest.mark.parametrize(
    ("width", "beside"), [(140, ["COVID", "Normal"]), (80, ["COVID"]), (66 + 2, ["COVID"])], ids=["140", "80", "68"]
)
def test_kinds_stand_side_by_side_and_classes_as_far_as_they_fit(width: int, beside: list[str]) -> None:
    shown = lines(blocks(every_kind("COVID", "Normal"), width, colour=True))
    assert shown[0].split() == beside
    assert shown[1].count("▀") == 66 * len(beside)
    assert next(line for line in shown if "surest" in line).split()[:6] == [
        "surest",
        "right",
        "least",
        "sure",
        "surest",
        "wrong",
    ]


def test_a_narrow_terminal_has_fewer_side_by_side() -> None:
    shown = lines(blocks(every_kind("COVID"), 50, colour=True))
    assert [line.count("▀") for line in shown if "▀" in line] == [44] * 11 + [22] * 11


def test_a_kind_that_a_class_lacks_is_named() -> None:
    found = every_kind("COVID", "Normal")[:-1]
    assert "surest wrong: none" in blocks(found, 80, colour=True).plain


def test_a_caption_tells_kind_id_decision_and_an_empty_map() -> None:
    shown = lines(blocks([thumbnail(decided="Normal", empty=True)], 80, colour=True))
    assert shown[0] == "COVID"
    assert shown[-5:] == ["surest right", "COVID-7", "→ Normal 0.988", "empty map", ""]


@given(
    name=st.text("aé患 -_.", min_size=1, max_size=90),
    width=st.integers(22, 200),
    count=st.integers(1, 7),
)
def test_captions_are_folded_and_never_cut(name: str, width: int, count: int) -> None:
    found = [
        thumbnail(f"class {k}", kind, id=name, height=2, pixels=BLACK * 44)
        for k in range(count)
        for kind in KINDS[: 1 + k % 3]
    ]
    shown = lines(blocks(found, width, colour=True))
    assert max(map(cell_len, shown)) <= width
    for letter in "é患_":
        assert sum(line.count(letter) for line in shown) == len(found) * name.count(letter)


def test_without_colour_each_thumbnail_is_told_in_words() -> None:
    found = [thumbnail(), thumbnail(kind="surest wrong", decided="Normal", probability=0.5, empty=True)]
    assert lines(blocks(found, 80, colour=False)) == [
        "COVID, surest right: COVID-7, decided COVID, probability 0.988",
        "COVID, surest wrong: COVID-7, decided Normal, probability 0.500, empty map",
        "",
    ]


def test_a_terminal_narrower_than_a_thumbnail_gets_words() -> None:
    assert "▀" not in blocks([thumbnail()], 21, colour=True).plain


@pytest.mark.parametrize("colour", [True, False])
def test_no_thumbnails_give_no_text(colour: bool) -> None:
    assert blocks([], 80, colour=colour).plain.strip() == ""


def test_blocks_need_no_array_library() -> None:
    code = "import sys, benchmark.report.thumbnails; print({'numpy', 'cv2', 'matplotlib', 'keras'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
