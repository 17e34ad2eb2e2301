"""Tables and archives in a folder that no dataset could use, and which one says why."""

from pathlib import Path

from registry.errors import DataError
from registry.readers.film import some
from registry.readers.tables import open_table

_READERS = {"table": (".csv", ".tsv", ".xlsx", ".xlsm", ".xls", ".ods", ".parquet"), "arrays": (".npz",)}


def tried(root: Path) -> str:
    """The end of a sentence on a folder that is not understood; empty where it holds no such file."""
    files = sorted(path.name for path in root.iterdir() if path.is_file() and not path.name.startswith("."))
    for reader, suffixes in _READERS.items():
        found = [name for name in files if Path(name).suffix.lower() in suffixes]
        if found:
            why = _damage(root / found[0]) if reader == "table" else ""
            return why or f"; {some(found)} could not be used: --dataset {reader} says why"
    return ""


def _damage(path: Path) -> str:
    """Why a table cannot even be opened; empty where it can."""
    try:
        open_table(path)
    except DataError as error:
        return f"; {error}"
    return ""
