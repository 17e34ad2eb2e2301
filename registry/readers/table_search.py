"""Which tables in or above a folder say the labels of its images."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from registry.errors import DataError, DataNotFoundError
from registry.readers import tables
from registry.readers.columns import PART_WORDS, SHEET, Columns, columns_of, plain, unknown_columns
from registry.readers.labelled_rows import Source
from registry.readers.named_files import NamedFiles
from registry.readers.table_folder import Folder
from registry.readers.tables import Table, open_table

_DEEPEST = 4  # folders above a table, from the data folder
_MOST = 40  # tables that are looked into
_LARGEST = 1 << 30  # bytes of a table that is looked into without being asked for
_ABOVE = 2  # folders above the data folder in which a table is looked for
_SHEET_NAME = re.compile(r"(.+)\.metadata", re.IGNORECASE)
_WORDS = re.compile(r"[^\W_]+")


class SeveralTablesError(DataError):
    """More than one table may hold the labels, and nobody says which one."""


def is_database(folder: Folder) -> bool:
    """Whether the sheets of the COVID-19 Radiography Database lie beside its folders, which has a reader of its own."""
    tops = {file.rpartition("/")[0] for file in folder.films.files}
    tops = {top[: -len("/images")] if top.endswith("/images") else top for top in tops}
    named = (_SHEET_NAME.fullmatch(file.rpartition(".")[0]) for file in folder.others.files if _is_table(file))
    return any(sheet is not None and sheet[1] in tops for sheet in named)


def sources_of(folder: Folder, wanted: str, said: Mapping[str, str | int | None], findings: str) -> list[Source]:
    """The tables with the labels of a folder's images.

    Args:
        wanted: files, separated by ``;``; empty where they are to be found.
        said, findings: see `columns_of`.

    Raises:
        DataNotFoundError: there is no table, or not the one wanted.
        DataError: one cannot be read, lacks a column, or there are several of which nobody says which one.
    """
    if wanted:
        named = [_wanted(folder, name.strip()) for name in wanted.split(";") if name.strip()]
        return _parted([_checked(_source(open_table(path), folder, said, findings)) for path in named])
    families = _families(folder, said, findings)
    if not families:
        raise _without_table(folder)
    counts = {name: covered(family, folder.films) for name, family in families.items()}
    most = max(counts.values())
    best = [name for name, count in counts.items() if count * 2 > most or count == most]
    if len(best) > 1:
        shown = " and ".join(source.table.path.name for name in best[:3] for source in families[name][:1])
        raise SeveralTablesError(
            f"{len(best)} tables of {folder.root} may hold the labels: {shown}; "
            "say which, as --dataset 'table[table=NAME]'"
        )
    return _parted(families[best[0]])


def listed_parts(folder: Folder) -> dict[str, str]:
    """File -> part, of texts that list the files of one part each (``train_val_list.txt``); empty without any."""
    found: dict[str, str] = {}
    for path in lists(folder):
        part = part_of_name(path.name)
        found |= {file: part for _, row in open_table(path).rows() for file in folder.films.called(row[0]) if part}
    return found


def lists(folder: Folder) -> list[Path]:
    """Texts that list the files of a part each; none where there is one alone."""
    found = []
    for path in _candidates(folder):
        try:
            table = open_table(path) if part_of_name(path.name) else None
            if table and table.width == 1 and any(folder.films.called(row[0]) for row in table.first(50)):
                found.append(path)
        except DataError:
            continue
    return found if len(found) > 1 else []


def part_of_name(name: str) -> str | None:
    """The part in a table's name: ``stage_2_train_labels`` is train, ``train_val_list`` too."""
    said = [PART_WORDS[word] for word in _WORDS.findall(Path(name).stem.casefold()) if word in PART_WORDS]
    return said[0] if said else None


def _families(folder: Folder, said: Mapping[str, str | int | None], findings: str) -> dict[str, list[Source]]:
    """Tables that may say labels, those of the parts of one dataset together; from above where there is none in it."""
    for place in (None, *list(folder.root.parents)[:_ABOVE]):
        paths = list(_candidates(folder)) if place is None else list(_tables_in(place))
        found: dict[str, list[Source]] = defaultdict(list)
        errors = []
        for path in paths:
            try:
                source = _source(open_table(path), folder, said, findings)
            except DataError as error:
                errors.append(error)
                continue
            if _tells(source) and _fits(source, folder.films):
                found[_family(source)].append(source)
        if place is not None:
            found = {n: f for n, f in found.items() if covered(f, folder.films) * 2 > len(folder.films.files)}
        if found:
            return dict(found)
        if place is None and len(paths) == 1 and errors:
            raise errors[0]
    return {}


def _source(table: Table, folder: Folder, said: Mapping[str, str | int | None], findings: str) -> Source:
    columns = columns_of(table, folder.films, said, findings)
    _check_twice(table, columns, said)
    label = None
    sheet = _SHEET_NAME.fullmatch(table.path.stem)
    if sheet and columns.header and {plain(name) for name in columns.names} >= SHEET:
        label = sheet[1]
        columns = _of_sheet(columns)
    return Source(table, columns, None, label)


def _check_twice(table: Table, columns: Columns, said: Mapping[str, str | int | None]) -> None:
    """See that no column that is read has a namesake with other cells, unless it was said by its number.

    Raises:
        DataError: one has.
    """
    roles = {**columns.at, **{f"finding {at + 1}": at for at in columns.findings}}
    for role, at in roles.items():
        twins = [other for other, name in enumerate(columns.names) if other != at and name == columns.names[at]]
        if not twins or str(said.get(role) or "").isdecimal():
            continue
        if any(
            [*row, *[""] * table.width][other] != row[at] for _, row in table.rows() if at < len(row) for other in twins
        ):
            places = " and ".join(str(place + 1) for place in sorted([at, *twins]))
            raise DataError(
                f"{table.path.name} has several columns called {columns.names[at]!r}, {places}, which differ; say "
                f"which by its number, as {role if role in columns.at else 'findings'}={at + 1}"
            )


def _of_sheet(columns: Columns) -> Columns:
    """Those of the COVID-19 Radiography Database: the source of an image is where its URL leads."""
    at = {"file": columns.index("FILE NAME", ""), "source": columns.index("URL", "")}
    return Columns(columns.names, columns.header, at, (), columns.guessed, columns.repeated)


def _checked(source: Source) -> Source:
    """A table that somebody named, with columns of files and labels.

    Raises:
        DataError: it lacks one.
    """
    if "file" not in source.columns.at:
        raise unknown_columns(source.table, source.columns.names, "file")
    if not _tells(source):
        raise unknown_columns(source.table, source.columns.names, "label")
    return source


def _tells(source: Source) -> bool:
    columns = source.columns
    return "file" in columns.at and (bool(columns.findings) or "label" in columns.at or source.label is not None)


def _fits(source: Source, films: NamedFiles) -> bool:
    """Whether a file has the name of some row near the beginning, or of one further on."""
    at = source.columns.at["file"]
    return any(at < len(row) and films.called(row[at]) for _, row in source.table.rows())


def covered(family: Iterable[Source], films: NamedFiles) -> int:
    """How many files some row names."""
    found: set[str] = set()
    for source in family:
        at = source.columns.at["file"]
        found.update(file for _, row in source.table.rows() if at < len(row) for file in films.called(row[at]))
    return len(found)


def _family(source: Source) -> str:
    """What the tables of the parts, or of the labels, of one dataset have in common."""
    if source.label is not None:
        return "sheets"
    words = _WORDS.findall(source.table.path.stem.casefold())
    return " ".join(word for word in words if word not in PART_WORDS)


def _parted(family: Sequence[Source]) -> list[Source]:
    """With the part in the name of each, where there are several."""
    parts = [part_of_name(source.table.path.name) for source in family]
    known = len(set(parts)) > 1 and None not in parts
    return [
        Source(source.table, source.columns, part if known else None, source.label)
        for source, part in zip(family, parts, strict=True)
    ]


def _candidates(folder: Folder) -> Iterator[Path]:
    found = [file for file in folder.others.files if _is_table(file) and file.count("/") <= _DEEPEST]
    paths = (folder.root / file for file in sorted(found, key=lambda file: (file.count("/"), file)))
    yield from islice(filter(_is_small, paths), _MOST)


def _tables_in(place: Path) -> Iterator[Path]:
    try:
        listed = sorted(path for path in place.iterdir() if _is_table(path.name) and path.is_file())
    except OSError:
        return
    yield from islice(filter(_is_small, listed), _MOST)


def _is_small(path: Path) -> bool:
    try:
        return path.stat().st_size <= _LARGEST
    except OSError:
        return False


def _is_table(name: str) -> bool:
    return Path(name).suffix.lower() in tables.SUFFIXES | tables.OTHERS and not Path(name).name.startswith((".", "~"))


def _wanted(folder: Folder, name: str) -> Path:
    """A table by its path or by its name, in the folder or just above.

    Raises:
        DataNotFoundError: there is none.
    """
    places = [folder.root, *list(folder.root.parents)[:_ABOVE], Path.cwd()]
    for place in places:
        if (place / name).is_file():
            return place / name
    found = folder.others.called(name)
    if len(found) != 1 or not _is_table(found[0]):
        known = [path.name for path in _candidates(folder)]
        raise DataNotFoundError(
            f"no table {name!r} in {folder.root}; tables there: {', '.join(known[:6]) or 'none'}"
            if not found
            else f"{len(found)} tables in {folder.root} are called {name!r}: {', '.join(found[:3])}; give its path"
        )
    return folder.root / found[0]


def _without_table(folder: Folder) -> DataError:
    known = [path.name for path in _candidates(folder)]
    if not folder.films.files:
        return DataNotFoundError(f"data folder {folder.root} holds no image")
    if not known:
        return DataNotFoundError(
            f"no table in {folder.root} or above it; expected a CSV, TSV, TXT or Excel file with a row per image"
        )
    return DataError(
        f"no table in {folder.root} is known to hold files and labels of its images; looked into "
        f"{', '.join(known[:4])}; say which and where, as --dataset 'table[table=NAME,file=COLUMN,label=COLUMN]'"
    )
