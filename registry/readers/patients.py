"""Who is on a film: from a table beside it, from the folder or the name of its file."""

import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from registry.errors import DataError, OptionError
from registry.readers.layout import name_key, natural
from registry.readers.spellings import folded, patient_key
from registry.wording import plural

FOLDER = "folder"  # in place of a pattern
TABLE = ".patients.csv"  # behind the name of a label

_DATE = r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"  # 20200301 is a day, and nobody's number

# An example -> what of a file's folders and name, from the label on, is its patient.
KNOWN = {
    "person3_virus_7": r"(?:^|/)(person\d+)_(?:virus|bacteria)_\d+$",
    "IM-0115-0001": r"(?:^|/)((?:NORMAL\d-)?IM-\d+)-\d+(?:-\d+)?$",
    "00000013_005": rf"(?:^|/)(?!{_DATE})(\d{{8}})_\d{{3}}$",
    "p10000032/s50414267": r"(?:^|/)(p\d{8})/s\d{8}/",
    "sub-S03047": r"(?:^|/)(sub-[a-z0-9]+)(?=[/_])",
    "patient00001/study1": r"(?:^|/)(patient[ _-]?\d+)(?=[/ _-]|$)",
}


@dataclass(frozen=True, slots=True)
class Named:
    """Whose film a file is said to be.

    Attributes:
        names: place of the file -> patient, of those that are known.
        known_by: in words how.
    """

    names: dict[int, str]
    known_by: str = ""


def known_names(texts: Sequence[str]) -> Named:
    """Patients of files named as well-known collections name them.

    Args:
        texts: folders from the label on, and name without suffix, joined by a slash.
    """
    found: dict[int, str] = {}
    used: Counter[str] = Counter()
    for place, text in enumerate(texts):
        for example, pattern in KNOWN.items():
            if match := re.search(pattern, text, re.IGNORECASE):
                found[place] = match[1].casefold()
                used[example] += 1
                break
    return Named(found, f"names such as {' and '.join(example for example, _ in used.most_common(2))}" if used else "")


def named_by(pattern: str, texts: Sequence[str]) -> Named:
    """Patients by the one group of a pattern of the user's.

    Raises:
        OptionError: it is no pattern, or has no group, or several.
        DataError: it fits no file.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise OptionError(
            f"option 'patient' is 'folder' or a regular expression, received {pattern!r}: {error}"
        ) from error
    if compiled.groups != 1:
        raise OptionError(
            f"option 'patient' is a regular expression with one group, the patient, such as person(\\d+); "
            f"received {pattern!r} with {compiled.groups}"
        )
    matches = {place: compiled.search(text) for place, text in enumerate(texts)}
    found = {place: match[1] for place, match in matches.items() if match and match[1]}
    if not found:
        raise DataError(f"option patient={pattern} fits no file, such as {texts[0]!r}; mend the pattern")
    return Named(found, f"patient={pattern}")


def named_by_folder(inside: Sequence[tuple[str, ...]]) -> Named:
    """Patients by the folder directly below the label.

    Raises:
        DataError: no film lies in such a folder.
    """
    found = {place: folders[0] for place, folders in enumerate(inside) if folders}
    if not found:
        raise DataError("option patient=folder: no image lies in a folder below its label")
    return Named(found, "the folder below the label")


@dataclass(frozen=True, slots=True)
class Table:
    """``LABEL.patients.csv``: file name as it is written -> patient."""

    path: Path
    rows: dict[str, str]


@dataclass(frozen=True, slots=True)
class Matched:
    """What a table says of the files of a label.

    Attributes:
        patients: file name -> patient.
        gap: a line on rows and images that do not belong together; empty where all do.
    """

    patients: dict[str, str]
    gap: str = ""


def read_table(path: Path) -> Table:
    """A table of patients.

    Raises:
        DataError: it cannot be read or lacks the columns `file` and `patient_id`.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            line = file.readline()
            file.seek(0)
            rows = list(csv.DictReader(file, delimiter=max(",;\t", key=line.count)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not a readable table ({error}); restore or remove it") from error
    missing = {"file", "patient_id"} - set(rows[0] if rows else ())
    if missing:
        raise DataError(
            f"{path} lacks {' and '.join(sorted(missing))}; expected columns file, patient_id and a row each"
        )
    told = [(row["file"] or "", (row["patient_id"] or "").strip()) for row in rows]
    return Table(path, _agreeing(path, [(file, patient) for file, patient in told if file.strip() and patient]))


def _agreeing(path: Path, told: Sequence[tuple[str, str]]) -> dict[str, str]:
    """File -> patient.

    Raises:
        DataError: rows give one file to several patients.
    """
    found: dict[str, str] = {}
    known: dict[str, str] = {}
    for file, patient in told:
        name = Path(file.strip()).name
        if patient_key(known.setdefault(folded(name), patient)) != patient_key(patient):
            raise DataError(
                f"{path} gives {name} to the patients {known[folded(name)]} and {patient}; keep one of the rows"
            )
        found[file] = patient
    return found


def matched(table: Table, files: Sequence[str]) -> Matched:
    """The patients of a label's files; a row gives a file's name with its suffix or without.

    Raises:
        DataError: most rows name no file and some files have no row, or a row may mean two files.
    """
    keys = Counter(map(name_key, files))
    names = {Path(name.strip()).name: patient for name, patient in table.rows.items()}
    whole = {folded(name): patient for name, patient in names.items()}
    bare = {name_key(name): patient for name, patient in names.items()}
    unclear = [file for file in files if keys[name_key(file)] > 1 and name_key(file) in whole]
    if unclear:
        shown = ", ".join(sorted(unclear, key=natural))
        raise DataError(f"{table.path} means which of two files of one name: {shown}? write names with their suffix")
    known = {}
    for file in files:
        patient = whole.get(folded(file)) or (bare.get(name_key(file)) if keys[name_key(file)] == 1 else None)
        if patient:
            known[file] = patient
    return Matched(known, _gap(table, files, known, [name for name in names if name_key(name) not in keys]))


def _gap(table: Table, files: Sequence[str], known: Mapping[str, str], idle: Sequence[str]) -> str:
    lacking = len(files) - len(known)
    if not idle and not lacking:
        return ""
    if 2 * len(idle) > len(table.rows) and lacking:
        raise DataError(
            f"{table.path}: {len(idle)} of {plural(len(table.rows), 'row')} name no image, such as {idle[0]}, and "
            f"{lacking} of {plural(len(files), 'image')} have no row; write the names of the files into it"
        )
    gaps = f"{plural(lacking, 'image')} without a row, {plural(len(idle), 'row')} without an image"
    return f"{table.path.name}: {gaps}"
