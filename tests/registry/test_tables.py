import datetime
import decimal
import importlib
import sys
import zipfile

import pytest
from openpyxl import Workbook

from benchmark.data.summary import recognise
from registry.datasets.table import recognises, table
from registry.errors import DataError
from registry.readers.tables import open_table
from tests.miniatures import film

ROWS = [("name", "befund", "alter"), ("a.png", "gesund", "45,5"), ("b.png", "krank; müde", "7")]


def text(rows, separator):
    quoted = [[f'"{cell}"' if separator in cell else cell for cell in row] for row in rows]
    return "\n".join(separator.join(row) for row in quoted) + "\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "latin-1"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_text_is_read_in_any_encoding_and_with_any_separator(tmp_path, encoding, separator):
    path = tmp_path / "table.csv"
    path.write_bytes(text(ROWS, separator).encode(encoding))
    assert [row for _, row in open_table(path).rows()] == ROWS


def test_decimal_commas_do_not_separate(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("name;a;b\nx.png;1,5;2,5\ny.png;1,0;0,5\n")
    assert open_table(path).first(2)[1] == ("x.png", "1,5", "2,5")


def test_text_without_separators_is_separated_by_blanks(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("0 a.png COVID-19  sirm\n1 b.png normal rsna\n")
    assert open_table(path).first(2) == [("0", "a.png", "COVID-19", "sirm"), ("1", "b.png", "normal", "rsna")]


def test_cells_may_hold_separators_quotes_and_line_ends(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text('name,note\na.png,"fever, ""high""\nsince Monday"\n\nb.png,\n')
    rows = list(open_table(path).rows())
    assert [row for _, row in rows][1:] == [("a.png", 'fever, "high"\nsince Monday'), ("b.png", "")]
    assert rows[2][0] == 5  # its line in the file


def test_a_sheet_of_excel_is_read_as_its_cells_are_shown(tmp_path):
    book = Workbook()
    for row in (("name", "patient", "ill"), ("a.png", 7.0, True), ("b.png", None, False), (None, None, None)):
        book.active.append(row)
    book.save(tmp_path / "table.xlsx")
    rows = [row for _, row in open_table(tmp_path / "table.xlsx").rows()]
    assert rows == [("name", "patient", "ill"), ("a.png", "7", "1"), ("b.png", "", "0")]


def test_a_formula_that_nobody_computed_is_one_line(tmp_path):
    book = Workbook()
    for row in (("name", "label"), ("a.png", '=IF(1>0,"ill","well")'), ("b.png", "=A1")):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    with pytest.raises(DataError, match=r"t.xlsx has a formula without a value in row 2, '=IF"):
        open_table(tmp_path / "t.xlsx")


def hostile(path, kind):
    if kind == "nul":
        path.write_bytes(b"name,label\na.png,x\0y\n" + b"\xff\0\0\xff" * 9)
    elif kind == "late nul":
        path.write_bytes(b"name,label\n" + b"a.png,xx\n" * 600 + b"b.png,\0\n")
    elif kind == "columns":
        path.write_text(",".join(f"c{n}" for n in range(9000)) + "\n")
    elif kind == "header":
        path.write_bytes(b"a" * (3 << 20))
    elif kind == "field":
        path.write_text('name,label\n"' + "x" * 200_000 + '",y\n')
    elif kind == "empty":
        path.write_text("\n\n")
    else:
        path.write_bytes(b"PK\x03\x04 no archive")


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("nul", "t.csv", "t.csv holds NUL bytes: it is no text"),
        ("late nul", "t.csv", "t.csv holds NUL bytes: it is no text"),
        ("columns", "t.csv", "t.csv has 9,000 columns; expected at most 5,000"),
        ("header", "t.csv", "t.csv has a line of 1,048,576 characters or more"),
        ("field", "t.csv", r"t.csv cannot be read: field larger than field limit \(131072\)"),
        ("empty", "t.csv", "t.csv holds no row"),
        ("archive", "t.xlsx", "t.xlsx is not a readable Excel sheet"),
        ("archive", "t.xls", "t.xls is a table of an old format; save it as .xlsx or .csv"),
    ],
)
def test_what_is_no_table_is_one_line(tmp_path, kind, name, words):
    hostile(tmp_path / name, kind)
    with pytest.raises(DataError, match=words) as caught:
        list(open_table(tmp_path / name).rows())
    assert "\n" not in str(caught.value)


def test_a_sheet_that_would_fill_the_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("registry.readers.tables._UNPACKED", 1000)
    with zipfile.ZipFile(tmp_path / "t.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", "x" * 5000)
    with pytest.raises(DataError, match="unpacks to more than"):
        open_table(tmp_path / "t.xlsx")


def test_a_parquet_table_says_what_to_install(tmp_path, monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r'pip install "cxr-bench\[parquet\]", or save it as CSV'):
        open_table(tmp_path / "t.parquet")


def parquet(path, columns, **options):
    """A Parquet file of these columns; skips where nothing here writes one."""
    arrow = pytest.importorskip("pyarrow", reason="pyarrow, which reads and writes Parquet, is not installed")
    importlib.import_module("pyarrow.parquet").write_table(arrow.table(columns), path, **options)
    return path


def test_cells_of_a_parquet_table_are_those_of_a_sheet(tmp_path):
    columns = {
        "file": ["a.png", "b.png", None],
        "count": [1, None, 3],
        "ratio": [1.0, 0.25, float("nan")],
        "sick": [True, False, None],
        "when": [datetime.date(2020, 3, 1), None, None],
        "picture": [b"\x89PNG", None, None],
        "boxes": [[1, 2], [], None],
        "found": [["ill", "tired"], ["well"], None],
        "text": [b"bytes", b"", None],
        "patient": pytest.importorskip("pyarrow").array([2**60, None, 7]),
        "cost": [decimal.Decimal("12.00"), decimal.Decimal("0.50"), None],
        "record": [{"age": 7}, None, None],
    }
    path = parquet(tmp_path / "t.parquet", columns)
    table = open_table(path)
    assert table.width == 12
    assert list(table.rows()) == [
        (1, tuple(columns)),
        (
            2,
            ("a.png", "1", "1", "1", "2020-03-01", "", "['1', '2']", "['ill', 'tired']", "bytes", str(2**60), "12", ""),
        ),
        (3, ("b.png", "", "0.25", "0", "", "", "", "['well']", "", "", "0.50", "")),
        (4, ("", "3", "", "", "", "", "", "", "", "7", "", "")),
    ]
    assert list(table.rows()) == list(table.rows())


def test_a_parquet_table_of_several_pieces_is_read_whole_and_in_order(tmp_path):
    path = parquet(tmp_path / "t.parquet", {"n": list(range(5000))}, row_group_size=700)
    rows = list(open_table(path).rows())
    assert rows[0] == (1, ("n",)) and rows[1:] == [(n + 2, (str(n),)) for n in range(5000)]


def test_words_of_a_dictionary_are_words(tmp_path):
    arrow = pytest.importorskip("pyarrow", reason="pyarrow, which reads and writes Parquet, is not installed")
    path = parquet(tmp_path / "t.parquet", {"label": arrow.array(["ill", "well", "ill"]).dictionary_encode()})
    assert [row for _, row in open_table(path).rows()] == [("label",), ("ill",), ("well",), ("ill",)]


@pytest.mark.parametrize("damage", ["cut", "no table at all"])
def test_a_damaged_parquet_table_is_one_line(tmp_path, damage):
    path = parquet(tmp_path / "t.parquet", {"n": list(range(50))})
    path.write_bytes(path.read_bytes()[:-20] if damage == "cut" else b"file,label")
    with pytest.raises(DataError, match="is not a readable Parquet table") as refused:
        list(open_table(path).rows())
    assert "\n" not in str(refused.value)


def test_films_are_labelled_by_a_parquet_table(tmp_path):
    for n in range(8):
        film(tmp_path / "images" / f"f{n}.png", n)
    columns = {"file": [f"f{n}.png" for n in range(8)], "label": ["ill", "well"] * 4, "patient_id": [1.0, None] * 4}
    parquet(tmp_path / "labels.parquet", columns)
    dataset = table(tmp_path)
    assert [sample.label for sample in dataset.samples()] == ["ill", "well"] * 4
    assert [sample.group for sample in dataset.samples()][::2] == ["patient 1"] * 4
    assert recognises(tmp_path) == 2


def test_lists_of_a_parquet_table_are_several_findings(tmp_path):
    for n in range(8):
        film(tmp_path / "images" / f"f{n}.png", n)
    findings = [["Effusion", "Pneumonia"], ["Normal"], [], None] * 2
    parquet(tmp_path / "labels.parquet", {"findings": findings, "__index_level_0__": [f"f{n}.png" for n in range(8)]})
    dataset = table(tmp_path)
    assert [sample.label for sample in dataset.samples()] == ["Effusion|Pneumonia", "Normal"] * 2
    assert dataset.separator == "|"
    assert (dataset.passed_over[0].why, dataset.passed_over[0].count) == ("no label", 4)


def test_an_encoding_that_is_taken_for_granted_is_said(tmp_path):
    for n in range(8):
        film(tmp_path / f"f{n}.png", n)
    lines = ["file;label", *(f"f{n}.png;{('норма', 'пневмония')[n % 2]}" for n in range(8))]
    (tmp_path / "t.csv").write_bytes("\n".join(lines).encode("cp1251"))
    assert any("t.csv is not UTF-8 and was read as Western European" in line for line in table(tmp_path).notices)
    (tmp_path / "t.csv").write_text("\n".join(lines))
    assert not any("UTF-8" in line for line in table(tmp_path).notices)


def test_an_encoding_that_nobody_can_tell_is_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes("file,label\na.png,肺炎\nb.png,正常\n".encode("shift_jis"))
    with pytest.raises(DataError, match=r"t.csv is in an encoding that nobody can tell.*save it as UTF-8"):
        open_table(tmp_path / "t.csv")


def test_the_separator_that_excel_writes_above_a_table_is_no_row(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbfsep=;\r\nfile;label\r\na.png;x\r\n")
    assert open_table(tmp_path / "t.csv").first(3) == [("file", "label"), ("a.png", "x")]


def test_a_folder_whose_table_cannot_be_opened_is_refused_with_the_reason(tmp_path, monkeypatch):
    for n in range(4):
        film(tmp_path / "images" / f"f{n}.png", n)
    (tmp_path / "labels.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(
        DataError, match=r'labels.parquet is a Parquet table; to read it: pip install "cxr-bench\[parquet'
    ):
        recognise(str(tmp_path))
