"""A comparison in a notebook's cell, and as a data frame."""

import html.parser
import sys

import msgspec
import pytest

from benchmark.comparison.compare import compare
from benchmark.comparison.tables import Comparison
from benchmark.report.export import to_csv
from benchmark.report.html import html as page
from benchmark.report.shown import Comparison as Shown
from registry.errors import ConfigError
from tests import factories
from tests.factories import A, B, family
from tests.report.test_report import runs


class Reader(html.parser.HTMLParser):
    """Tags, attributes and texts of a page; complains of a tag that is not closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.texts, self.open, self.bold = [], [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)
        if self.open[-1:] == ["b"]:
            self.bold.append(data)


def test_tables_have_caption_interval_n_notes_and_conclusion():
    found = compare(runs(), test=family(0.011))
    read = Reader(page(found))
    text = "\n".join(read.texts)
    assert read.tags.count("table") == len(found.tables) == 2
    assert "binary · phantom" in text and "Split " in text
    assert "0.959 [0.948, 0.970]" in text and "300" in read.texts
    assert "drawn by code" in text  # the dataset's notice
    assert "s1: nan" in text  # why a seed has no number
    assert "failed" in read.texts  # a pipeline without any
    assert f"{A} leads with 0.959" in text


def test_nothing_is_loaded_or_run_by_a_page():
    read = Reader(page(compare(runs(), test=family(0.011))))
    assert set(read.tags) <= {"div", "p", "b", "table", "thead", "tbody", "tr", "th", "td"}
    assert {name for name, _ in read.attributes} <= {"style", "colspan"}


def test_names_from_outside_are_escaped():
    evil = "<script>alert('x')</script>&"
    record = factories.record(0.9, pipeline=evil, notes=[evil])
    record = msgspec.structs.replace(record, dataset=msgspec.structs.replace(record.dataset, name=evil, notices=[evil]))
    text = page(msgspec.structs.replace(compare([record]), left_out=[f"{evil}: unreadable"]))
    assert "<script" not in text
    assert Reader(text).texts.count(evil) >= 3


def test_bold_is_what_the_statistics_support():
    pair = [factories.record(0.95, pipeline=A), factories.record(0.90, pipeline=B)]
    assert A in Reader(page(compare(pair, test=family(0.002)))).bold
    assert A not in Reader(page(compare(pair))).bold


def test_without_records_it_says_so():
    assert "nothing to compare" in page(Comparison([]))


def test_a_comparison_is_text_on_a_terminal_and_html_in_a_notebook():
    found = compare(runs(), test=family(0.011))
    shown = Shown(found.tables, ["a/result.json is no record"])
    assert f"{A} leads with" in " ".join(str(shown).split())
    assert "left out: a/result.json" in str(shown)
    assert "left out: a/result.json" in shown._repr_html_()
    assert "2 tables" in repr(shown)


def test_without_pandas_a_frame_is_a_clear_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigError, match="pandas is not installed; pip install pandas, or read the rows"):
        Shown([]).to_frame()


def test_a_frame_has_the_lines_and_columns_of_csv():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    found = compare(runs(), test=family(0.011))
    frame = Shown(found.tables).to_frame()
    header, *lines = to_csv(found).splitlines()
    assert (len(frame), list(frame.columns)) == (len(lines), header.split(","))
    first = found.tables[0].rows[0]
    assert frame.loc[0, "balanced-accuracy"] == first.metrics["balanced-accuracy"].value
    assert pandas.api.types.is_float_dtype(frame["balanced-accuracy low"])
