"""What the columns of a table hold: said by their names and by what stands in them, or by the user."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from registry.errors import DataError, unknown_name
from registry.readers.named_files import NamedFiles
from registry.readers.tables import Row, Table

# Role -> what its column is called, letters and digits alone, the surest first.
NAMES: dict[str, tuple[str, ...]] = {
    "file": (
        "imageindex", "imagepath", "imagefilename", "imagefile", "imageid", "imagename", "filename", "filepath",
        "xrayimagename", "newfilename", "file", "image", "img", "imgpath", "imgname", "path", "relativepath",
        "dicompath", "dicomid", "pngpath", "jpgpath", "fname", "datei", "dateiname", "bild", "bildname", "fichier",
        "archivo", "id", "uid", "sopinstanceuid",
    ),
    "label": (
        "findinglabels", "label", "labels", "finding", "findings", "findinglabel", "class", "classname", "classes",
        "diagnosis", "diagnoses", "disease", "diseases", "pathology", "pathologies", "category", "finallabel",
        "labelname", "target", "condition", "befund", "diagnose", "diagnostico", "diagnostic", "hallazgo", "etiqueta",
        "type", "status",
        "y", "encodedpixels",
    ),
    "patient": (
        "patientid", "patient", "patientnumber", "patientno", "patientnum", "subjectid", "subject", "personid",
        "person", "pid", "caseid", "mrn", "patientname", "pat", "patid", "patnr", "patientennummer", "paciente",
    ),
    "source": (
        "source", "datasource", "hospital", "institution", "institute", "site", "center", "centre", "clinic",
        "collection", "database", "datasetname", "origin", "klinik", "krankenhaus", "hopital", "dataset",
    ),
    "part": (
        "split", "part", "partition", "subset", "datasettype", "set", "usage", "phase", "traintest", "splitname",
        "fold", "dataset", "source",
    ),
    "mask": ("mask", "maskpath", "maskfile", "maskfilename", "lungmask", "segmentation", "maskname"),
    "annotator": ("masksource", "maskannotator", "maskedby", "annotator"),
    "folder": ("imagedir", "folder", "dir", "directory", "subfolder", "imagefolder"),
    "age": ("age", "patientage", "ageyears", "ageinyears", "patientageyears", "alter", "edad"),
    "sex": ("sex", "gender", "patientsex", "patientgender", "patientsexdicom", "geschlecht", "sexo"),
    "view": ("view", "viewposition", "projection", "viewpositiondicom", "appa", "position", "frontallateral"),
}  # fmt: skip
STUDIES = {  # columns that are guessed to be nothing: a patient may have several
    "studyid", "study", "studyuid", "studyinstanceuid", "studynumber", "accession", "accessionnumber", "accessionid",
    "examid", "exam", "examination", "encounterid", "encounter", "visitid", "visit", "seriesid", "seriesinstanceuid",
    "scanid",
}  # fmt: skip
PART_WORDS = {
    "train": "train", "training": "train", "tr": "train", "trainval": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation", "tune": "validation",
    "test": "test", "testing": "test", "holdout": "test", "ts": "test",
}  # fmt: skip
SHEET = {"filename", "format", "size", "url"}  # of the COVID-19 Radiography Database: its labels are its names

_REPEATED = ("radid", "readerid", "annotatorid", "xmin", "x", "bbox", "encodedpixels", "classid", "width")
_NO_LABEL = {"followup", "index", "number"}
_MANY = 2000  # distinct values of a column that are told apart
_TRIED = 300  # rows whose cells are looked up among the files
_LABELS = 60  # distinct values that a column of labels has at most where only these tell that it is one
_BINARY = {"0", "1", "-1", "true", "false", "yes", "no"}
_VIEWS = {"pa", "ap", "ll", "lateral", "frontal", "l"}


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """Letters and digits of a name, in lower case."""
    return re.sub(r"[\W_]+", "", name).casefold()


def whole(text: str) -> str:
    """``1.0`` and ``1,0`` as ``1``; other texts as they are."""
    match = re.fullmatch(r"([+-]?\d+)[.,]0*", text)
    return match[1] if match else text


def without_zero(text: str) -> str:
    """``12.0`` as ``12``: so the numbers of a column are written once one of its cells is blank."""
    return text[:-2] if text.endswith(".0") and text[:-2].isdecimal() else text


@dataclass(slots=True)
class Contents:
    """What stands in a column, of the rows that were looked at."""

    filled: int = 0
    values: Counter[str] = field(default_factory=Counter)
    named: int = 0  # cells that a file is called, suffix and all
    stems: int = 0  # cells that a file is called but for its suffix

    @property
    def is_binary(self) -> bool:
        """Whether it says yes, no and nothing else."""
        found = {whole(value).casefold() for value in self.values}
        return bool(found) and found <= _BINARY and (len(found) > 1 or len(self.values) < self.filled)

    @property
    def is_numeric(self) -> bool:
        """Whether every cell is a number."""
        return all(re.fullmatch(r"[+-]?\d+([.,]\d+)?", value) for value in self.values)


@dataclass(frozen=True, slots=True)
class Columns:
    """Of one table.

    Attributes:
        names: of all columns; their numbers from 1 where the table has no header.
        header: whether the first row is one.
        at: role -> index; ``findings`` are in `findings`.
        findings: indices of the columns that hold one finding each.
        guessed: roles that nobody said.
        repeated: whether the table has several rows of a film by its nature, as one of boxes or of readers has.
    """

    names: tuple[str, ...]
    header: bool
    at: Mapping[str, int]
    findings: tuple[int, ...]
    guessed: tuple[str, ...]
    repeated: bool

    def index(self, name: str | int, table: str) -> int:
        """Of a column, by its name or its number from 1.

        Raises:
            UnknownNameError: there is none.
        """
        return column_of(self.names, name, table)


def column_of(names: Sequence[str], name: str | int, table: str) -> int:
    """The index of a column by its name, in any case and spacing, or by its number from 1.

    Raises:
        UnknownNameError: there is none.
    """
    for same in (str, lambda text: str(text).casefold(), lambda text: plain(str(text))):
        found = [at for at, one in enumerate(names) if same(one) == same(name)]
        if found:
            return found[0]
    if str(name).isdecimal() and 1 <= int(name) <= len(names):
        return int(name) - 1
    raise unknown_name("column", str(name), names, f"the first line of {table}")


def columns_of(table: Table, films: NamedFiles, said: Mapping[str, str | int | None], findings: str = "") -> Columns:
    """The columns of a table, those that nobody said guessed.

    Args:
        said: role -> name or number of the column; None for none; empty where it is to be guessed.
        findings: names of the columns with one finding each, separated by ``;``.

    Raises:
        UnknownNameError: a column that the table lacks.
    """
    first = table.first(1)[0]
    header = _has_header(table, first, films)
    names = first if header else tuple(str(n + 1) for n in range(len(first)))
    contents = _contents(table, header, films, len(names))
    at: dict[str, int] = {}
    for role, name in said.items():
        if name not in ("", None):
            at[role] = column_of(names, name, table.path.name)
    open_roles = [role for role in NAMES if said.get(role, "") == "" and role not in at]
    given = tuple(column_of(names, name.strip(), table.path.name) for name in findings.split(";") if name.strip())
    if "file" in open_roles:
        _put(at, "file", _file_column(names, contents, at))
    if not header:
        _by_place(at, open_roles, len(names), contents)
    for role in ("part", "patient", "source", "mask", "annotator", "folder", "age", "sex", "view"):
        if role in open_roles and header and role not in at:
            _put(at, role, _named_column(role, names, contents, at))
    found = given
    if not given and "label" in open_roles and "label" not in at:
        label, found = _label_columns(names, contents, at)
        _put(at, "label", label)
    guessed = tuple(role for role in NAMES if role in at and role in open_roles)
    repeated = header and any(plain(name) in _REPEATED for name in names)
    return Columns(names, header, at, found, (*guessed, *(["findings"] if found and not given else [])), repeated)


def _put(at: dict[str, int], role: str, index: int | None) -> None:
    if index is not None:
        at[role] = index


def _has_header(table: Table, first: Row, films: NamedFiles) -> bool:
    """Whether the first row names columns: none of its cells is called like a file, and it has no second like it."""
    known = {name for names in NAMES.values() for name in names}
    if any(films.has(cell) for cell in first):
        return False
    if any(plain(cell) in known for cell in first):
        return True
    following = [row for row in table.first(50)[1:] if len(row) == len(first)]
    hits = [sum(films.has(row[at]) for row in following) for at in range(len(first))]
    suffixed = [at for at, count in enumerate(hits) if count > len(following) / 2 and "." in first[at]]
    return not suffixed and table.path.suffix.lower() != ".txt"


def _contents(table: Table, header: bool, films: NamedFiles, width: int) -> list[Contents]:
    found = [Contents() for _ in range(width)]
    for number, (_, row) in enumerate(table.rows()):
        if (header and number == 0) or (number > _MANY and number % 10):
            continue
        for content, cell in zip(found, row, strict=False):
            if not cell:
                continue
            content.filled += 1
            if len(content.values) < _MANY or cell in content.values:
                content.values[cell] += 1
            if number <= _TRIED:
                content.named += films.has(cell)
                content.stems += bool(films.called(cell))
    return found


def _file_column(names: Sequence[str], contents: Sequence[Contents], at: Mapping[str, int]) -> int | None:
    """By its name where a file is called so; else by its cells alone; else by its name, though no file is there."""
    free = [index for index in range(len(names)) if index not in at.values()]
    rank = {name: place for place, name in enumerate(NAMES["file"])}
    named = sorted((rank[plain(names[index])], index) for index in free if plain(names[index]) in rank)
    for hits in ("named", "stems"):
        if found := [index for _, index in named if getattr(contents[index], hits)]:
            return max(found, key=lambda index: (getattr(contents[index], hits), -found.index(index)))
        unnamed = [index for index in free if getattr(contents[index], hits) * 2 > min(contents[index].filled, _TRIED)]
        if unnamed and (hits == "named" or not named):
            return max(unnamed, key=lambda index: (getattr(contents[index], hits), len(contents[index].values)))
    return named[0][1] if named else None


def _named_column(role: str, names: Sequence[str], contents: Sequence[Contents], at: Mapping[str, int]) -> int | None:
    """The first column of a role's names that holds anything, and what the role needs."""
    spelled = {plain(name): index for index, name in reversed(list(enumerate(names)))}
    for name in NAMES[role]:
        index = spelled.get(name)
        shared = role == "patient" and index == at.get("file")
        if index is None or (index in at.values() and not shared) or not contents[index].filled:
            continue
        values = contents[index].values
        if role == "part" and sum(plain(value) in PART_WORDS for value in values) * 2 < len(values):
            continue
        if role == "mask" and not contents[index].stems:
            continue
        if name == "position" and not any(plain(value) in _VIEWS for value in values):  # of a nodule
            continue
        return index
    return None


def _label_columns(
    names: Sequence[str], contents: Sequence[Contents], at: Mapping[str, int]
) -> tuple[int | None, tuple[int, ...]]:
    """The column of labels by its name; else those of one finding each; else the only one that could be it."""
    free = [index for index in range(len(names)) if index not in at.values() and contents[index].filled]
    spelled = {plain(names[index]): index for index in reversed(free)}
    named = [spelled[name] for name in NAMES["label"] if name in spelled]
    telling = [index for index in named if len(contents[index].values) > 1]
    if telling:
        return telling[0], ()
    binary = tuple(index for index in free if contents[index].is_binary and plain(names[index]) not in _NO_LABEL)
    if len(binary) > 1 or (binary and not named):
        worded = [index for index in free if _may_be_label(contents[index])]
        if len(binary) > 1 or not worded:
            return None, binary
    if named:
        return named[0], ()
    others = [index for index in free if _may_be_label(contents[index])]
    return (others[0], ()) if len(others) == 1 else (None, ())


def _may_be_label(content: Contents) -> bool:
    distinct = len(content.values)
    return 1 < distinct <= min(_LABELS, content.filled / 2) and not content.is_numeric


def _by_place(at: dict[str, int], roles: Iterable[str], width: int, contents: Sequence[Contents]) -> None:
    """Of a table without header: patient, file, label, source, in this order, as far as it has them."""
    file = at.get("file")
    if file is None:
        return
    places = {"label": file + 1, "source": file + 2, "patient": file - 1}
    for role, index in places.items():
        few = role == "patient" or len(contents[index].values) <= _LABELS if 0 <= index < width else False
        if role in roles and few and index not in at.values():
            at[role] = index


def unknown_columns(table: Table, names: Sequence[str], role: str) -> DataError:
    """The error for a table in which nobody can tell where something stands."""
    shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    return DataError(
        f"no column of {table.path.name} is known to hold the {role}; say which, as {role}=COLUMN; it has {shown}"
    )
