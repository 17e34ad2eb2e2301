"""Tables of predictions as strangers write them: read exactly, or refused in one line."""

import gzip
import random

import pytest

from benchmark.data.predicted_table import SUM_TOLERANCE, Table, read_predictions
from registry.errors import DataError, DataNotFoundError

CLASSES = ("rest", "COVID")
GOOD = "id,COVID,rest\na,0.25,0.75\nb,1,0\n"


def read(folder, content):
    path = folder / "predictions.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_predictions(path, CLASSES)


@pytest.mark.parametrize(
    "packed", [str.encode, lambda text: gzip.compress(text.encode()), lambda text: b"\xef\xbb\xbf" + text.encode()]
)
def test_probabilities_come_in_the_order_of_the_classes_packed_or_not(tmp_path, packed):
    found = read(tmp_path, packed(GOOD))
    assert found == Table(["a", "b"], [(0.75, 0.25), (0.0, 1.0)], [], found.sha256)


def test_columns_that_are_neither_id_nor_class_are_named(tmp_path):
    found = read(tmp_path, "path,id,COVID,part,rest\n=x,a,.5,test,.5\n")
    assert found.unread == ["path", "part"]
    assert found.probabilities == [(0.5, 0.5)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,COVID,rest\na,0.7,0.5\n", r"line 2: the probabilities of rest, COVID add up to 1\.2, expected 1"),
        ("id,COVID,rest\na,nan,0.5\n", "line 2, COVID: 'nan' is no number"),
        ("id,COVID,rest\na,-0.1,1.1\n", "from 0 to 1"),
        ("id,COVID,rest\na,=1/2,0.5\n", "'=1/2' is no number"),
        ("id,COVID,rest\na,1_0,0.5\n", "is no number"),
        ('id,COVID,rest\na,"0,5","0,5"\n', "with a point"),
        ("id;COVID;rest\na;0,5;0,5\n", "divided by semicolons"),
        ("id,Covid,rest\na,.5,.5\n", r"no column 'COVID' \(did you mean 'Covid'\?\)"),
        ("name,COVID,rest\na,.5,.5\n", "no column 'id'"),
        ("id,COVID,rest,rest\na,.5,.5,0\n", "2 columns 'rest'"),
        ("id,COVID,rest\na,.5\n", "line 2 has 2 cells, expected 3"),
        ("id,COVID,rest\na,.5,.5\na,.5,.5\n", "1 id in more than one row: 'a'"),
        ("id,COVID,rest\n", "a header and no row"),
        ("", "is empty"),
        (GOOD.encode("utf-16"), "no text in UTF-8"),
        (b"id,COVID,rest\na,\0,1\n", "no text in UTF-8"),
        (b"PK\x03\x04", "spreadsheet or an archive"),
        (gzip.compress(GOOD.encode(), mtime=0)[:-9], "cannot be unpacked"),
        (",".join(map(str, range(1_000_000))), "1,000,000 columns"),
        ('id,COVID,rest\n"' + "a" * 200_000, "no line of CSV"),
    ],
)
def test_what_is_no_table_of_probabilities_is_refused_in_one_line(tmp_path, content, said):
    with pytest.raises(DataError, match=said) as refused:
        read(tmp_path, content)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


def test_what_unpacks_without_end_is_not_unpacked_to_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmark.data.predicted_table.MOST_BYTES", 1 << 20)
    with pytest.raises(DataError, match="more than 1 MB"):
        read(tmp_path, gzip.compress(b"0" * (3 << 20)))


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(DataNotFoundError, match="is not there"):
        read_predictions(tmp_path / "none.csv", CLASSES)
    with pytest.raises(DataError, match="cannot be read"):
        read_predictions(tmp_path, CLASSES)


def mutated(content, seed):
    """The bytes with a few of them changed, taken out, repeated or put elsewhere."""
    draw = random.Random(seed)
    changed = bytearray(content)
    for _ in range(draw.randint(1, 8)):
        place, length = draw.randrange(len(changed)), draw.randint(1, 12)
        piece = [bytes(draw.randrange(256) for _ in range(length)), b"", bytes(changed[place : place + length]) * 9]
        changed[place : place + draw.randint(0, length)] = draw.choice([*piece, b'"', b"\r", b",,", b"=cmd", b"-1e999"])
    return bytes(changed) or b"x"


def test_whatever_becomes_of_a_file_it_is_read_or_refused_in_one_line(tmp_path, pytestconfig):
    refused = 0
    for seed in range(pytestconfig.getoption("mutations")):
        content = GOOD.encode() if seed % 2 else gzip.compress(GOOD.encode())
        try:
            found = read(tmp_path, mutated(content, seed))
            assert all(abs(sum(row) - 1) <= SUM_TOLERANCE for row in found.probabilities)
        except DataError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused
