"""Text that comes from files: no character of it commands a terminal, a sheet or a page of Markdown."""

import csv
import io
import json

import pytest
from rich.console import Console
from rich.text import Text

from benchmark.report.csv_text import csv_text
from benchmark.report.markdown import escaped
from benchmark.report.markup import visible, visible_json
from benchmark.report.terminal import show

HOSTILE = "a\x1b[2Jb\x9b31m\u202ec\u2028\r\x00"


def test_a_sign_stands_for_each_character_that_commands_a_terminal():
    assert visible(HOSTILE) == "a\ufffd[2Jb\ufffd31m\ufffdc\ufffd\ufffd\ufffd"
    page = io.StringIO()
    show(Console(file=page, force_terminal=True, color_system="standard"), Text(HOSTILE, "bold"))
    # rich takes a carriage return away itself
    assert page.getvalue() == "\x1b[1ma\ufffd[2Jb\ufffd31m\ufffdc\ufffd\ufffd\x1b[0m"


def test_json_loses_none_of_them():
    shown = visible_json(json.dumps({"x": HOSTILE}, ensure_ascii=False))
    assert visible(shown) == shown and json.loads(shown) == {"x": HOSTILE}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1"])
def test_a_text_is_no_formula_and_a_number_stays_one(text):
    written = csv_text([{"name": text, "value": -0.5}])
    (row,) = csv.DictReader(io.StringIO(written))
    assert row["name"].startswith("'") and row["name"] == visible(f"'{text}") and row["value"] == "-0.5"


def test_markdown_makes_no_link_no_picture_no_code_and_no_second_line():
    assert escaped("![y](http://z) [x][1] `c` a|b\n# d <img> \\") == (
        r"\![y]\(http://z) [x]\[1] \`c\` a\|b # d &lt;img&gt; \\"
    )
