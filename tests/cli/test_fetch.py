"""`bench data fetch`: whole or not at all, and one line where it cannot be; a stand-in is kagglehub, no network."""

import shutil

import pytest

from tests.commands import Bench, one_line
from tests.xrays import write_database

HANDLE = "tawsifurrahman/covid19-radiography-database"
# The names and bases that kagglehub 1.0 has.
ERRORS = """
import requests


class CredentialError(Exception):
    pass


class BackendError(Exception):
    pass


class NotFoundError(Exception):
    pass


class DataCorruptionError(Exception):
    pass


class UnauthenticatedError(Exception):
    pass


class KaggleApiHTTPError(requests.HTTPError):
    pass
"""
DOWNLOAD = '''
import builtins
import os
import shutil
from pathlib import Path

import requests

from kagglehub import exceptions


def dataset_download(handle, path=None, *, force_download=False, output_dir=None):
    """Puts a database where it is asked to, or half of one and then what went wrong."""
    print(f"asked for {handle}")
    target = Path(output_dir) if output_dir else Path(os.environ["KAGGLEHUB_CACHE"]) / handle / "versions" / "5"
    target.mkdir(parents=True, exist_ok=True)
    assert not any(target.iterdir())  # or kagglehub refuses it
    fails = os.environ.get("FAILS")
    if fails:
        (target / "5.archive").write_bytes(b"half")
        response = requests.Response()
        response.status_code = int(os.environ.get("STATUS", "500"))
        kind = {**vars(builtins), **vars(requests.exceptions), **vars(exceptions)}[fails]
        raise kind("a line\\nand another", response=response) if "HTTP" in fails else kind("a line\\nand another")
    shutil.copytree(os.environ["FETCH_FROM"], target / "COVID-19_Radiography_Dataset")
    if output_dir:
        (target / ".complete" / "datasets").mkdir(parents=True)
    return str(target)
'''


@pytest.fixture
def bench(tmp_path):
    """A bench whose `kagglehub` is the stand-in."""
    library = tmp_path / "library" / "kagglehub"
    library.mkdir(parents=True)
    (library / "__init__.py").write_text(DOWNLOAD)
    (library / "exceptions.py").write_text(ERRORS)
    write_database(tmp_path / "published" / "COVID-19_Radiography_Dataset", per_label=2)
    return Bench(tmp_path)


def fetch(bench, *arguments, **more):
    source = bench.root / "published" / "COVID-19_Radiography_Dataset"
    places = {"PYTHONPATH": f"{bench.root / 'library'}", "KAGGLEHUB_CACHE": f"{bench.root / 'hub'}"}
    return bench.call("data", "fetch", *arguments, FETCH_FROM=f"{source}", **{**places, **more})


def test_a_dataset_lies_in_the_folder_that_was_named_and_can_be_checked(bench):
    told = fetch(bench, "-o", "a database")
    assert told.returncode == 0, told.stderr
    folder = bench.root / "a database"
    assert sorted(path.name for path in folder.iterdir()) == [
        "COVID-19_Radiography_Dataset"
    ]  # no mark of the library's
    assert f"{HANDLE}: a database" in told.stdout and "asked for" not in told.stdout
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == 16 and "16 files, " in told.stdout  # 4 labels, 2 images each, and their masks
    assert "licence: data files © original authors; cite both papers; see https://www.kaggle.com/" in told.stdout
    assert "next: bench data check 'a database'" in told.stdout
    checked = bench.call("data", "check", "a database")
    assert checked.returncode == 0 and "COVID" in checked.stdout, checked.stderr


def test_without_a_folder_it_is_where_kagglehub_keeps_its_own(bench):
    told = fetch(bench)
    assert told.returncode == 0, told.stderr
    assert f"{bench.root / 'hub' / HANDLE / 'versions' / '5'}" in told.stdout


def test_any_dataset_of_kaggle_can_be_named(bench):
    told = fetch(bench, "somebody/some-x-rays", "-o", "other")
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("somebody/some-x-rays: other")
    assert "licence: see https://www.kaggle.com/datasets/somebody/some-x-rays" in told.stdout


@pytest.mark.parametrize(
    ("fails", "status", "says"),
    [
        ("ConnectionError", "", "cannot be reached"),
        ("ReadTimeout", "", "cannot be reached"),
        ("UnauthenticatedError", "", "KAGGLE_API_TOKEN"),
        ("CredentialError", "", "KAGGLE_API_TOKEN"),
        ("KaggleApiHTTPError", "403", "accept the terms"),
        ("KaggleApiHTTPError", "404", "no dataset"),
        ("KaggleApiHTTPError", "503", "a line and another"),
        ("DataCorruptionError", "", "run the same line again"),
        ("ValueError", "", "a line and another"),  # of a file of credentials, or of an archive
    ],
)
def test_what_goes_wrong_is_one_line_and_leaves_nothing(bench, fails, status, says):
    before = sorted({path.name for path in bench.root.iterdir()} | {bench.cache.name})
    line = one_line(fetch(bench, "-o", "database", FAILS=fails, **({"STATUS": status} if status else {})))
    complaint = line.splitlines()[-1]
    assert says in complaint and complaint.startswith("bench: ")
    assert sorted({path.name for path in bench.root.iterdir()} | {bench.cache.name}) == before


def test_without_the_extra_it_says_how_to_have_it(bench):
    shutil.rmtree(bench.root / "library" / "kagglehub")
    (bench.root / "library" / "kagglehub.py").write_text("raise ImportError('not here')")
    line = one_line(fetch(bench, "-o", "database"))
    assert 'pip install "cxr-bench[kaggle]"' in line and f"https://www.kaggle.com/datasets/{HANDLE}" in line


def test_a_folder_that_holds_something_stays_as_it_is(bench):
    own = bench.root / "mine"
    own.mkdir()
    (own / "film.png").write_bytes(b"mine")
    assert "is there already" in one_line(fetch(bench, "-o", own))
    assert [path.name for path in own.iterdir()] == ["film.png"]
    assert "covid-radiography" in one_line(fetch(bench, "covid-radiografy", "-o", "database"))
