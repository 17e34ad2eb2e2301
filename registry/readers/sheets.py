"""Sources of images, read from the URL column of the COVID-19 Radiography Database's metadata sheets."""

import warnings
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit
from zipfile import BadZipFile

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from registry.errors import DataError
from registry.readers.layout import child_file, name_key
from registry.readers.tables import open_table

# A part of the URL, in lower case -> the name of the collection.
COLLECTIONS = {
    "bimcv": "BIMCV",
    "covid-cxnet": "COVID-CXNet",
    "eurorad": "Eurorad",
    "ml-workgroup": "Hannover",
    "ieee8023": "ieee8023",
    "sirm.org": "SIRM",
    "rsna": "RSNA",
    "paultimothymooney": "Kermany",
}


def sources(root: Path, label: str) -> dict[str, str]:
    """Lower-case file name without suffix -> source, of ``LABEL.metadata.xlsx``, or .csv, in `root`; empty without.

    Raises:
        DataError: the sheet cannot be read or lacks the columns FILE NAME and URL.
    """
    named = (child_file(root, f"{label}.metadata{suffix}") for suffix in (".xlsx", ".csv", ".tsv", ".txt"))
    path = next((found for found in named if found), None)
    if path is None:
        return {}
    rows = iter(_rows(path) if path.suffix.lower() == ".xlsx" else _text(path))
    header = [str(cell or "").strip().upper() for cell in next(rows, ())]
    missing = [name for name in ("FILE NAME", "URL") if name not in header]
    if missing:
        raise DataError(f"{path} lacks the column {' and '.join(missing)}; found: {', '.join(header) or 'nothing'}")
    name, url = header.index("FILE NAME"), header.index("URL")
    return {name_key(str(row[name])): collection(str(row[url])) for row in rows if row[name] and row[url]}


def collection(url: str) -> str:
    """The name of the collection at a URL; its host where the collection is none of the database's."""
    for part, name in COLLECTIONS.items():
        if part in url.lower():
            return name
    host = urlsplit(url if "//" in url else f"//{url}").hostname or url
    return host.removeprefix("www.")


def _text(path: Path) -> Iterable[tuple[object, ...]]:
    """The same of a sheet that was saved as text."""
    table = open_table(path)
    return [row + ("",) * (table.width - len(row)) for _, row in table.rows()]


def _rows(path: Path) -> Iterable[tuple[object, ...]]:
    """Rows of the first sheet, each as wide as the header."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # sheets written without styles are complete all the same
            book = load_workbook(path, read_only=True, data_only=True)
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # some writers record a wrong extent
            rows = [tuple(row) for row in sheet.iter_rows(values_only=True)]
            book.close()
    except (BadZipFile, InvalidFileException, LookupError, OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{path} is not a readable Excel sheet ({error}); restore or remove it") from error
    width = len(rows[0]) if rows else 0
    return [row + (None,) * (width - len(row)) for row in rows]
