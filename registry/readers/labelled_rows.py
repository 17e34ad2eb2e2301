"""From the rows of tables to films: which file, which findings, whose patient, and what fits nothing."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from registry.contracts import PassedOver
from registry.errors import DataError, OptionError
from registry.readers.columns import PART_WORDS, Columns, column_of, plain, without_zero
from registry.readers.files import printable
from registry.readers.findings import Uncertain, marked_findings, names_nobody, split_findings, united
from registry.readers.named_files import NamedFiles, leaves, only
from registry.readers.sheets import collection
from registry.readers.spellings import folded, patient_key
from registry.readers.tables import Row, Table

FIRST = 3  # examples
_TRAITS = ("view", "sex", "age")
_SEXES = {"m": "M", "male": "M", "f": "F", "female": "F", "w": "F"}


@dataclass(frozen=True, slots=True)
class Source:
    """A table, what its columns hold, and what its name says of all its rows.

    Attributes:
        part: which part of the dataset its rows are; None where it is not told.
        label: of every row, where the table's name is it.
    """

    table: Table
    columns: Columns
    part: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """How cells become findings; see `registry.datasets.table`."""

    separator: str | None
    depth: int
    uncertain: Uncertain
    where: str


@dataclass(slots=True)
class Film:
    """What the rows of one file say of it."""

    findings: list[list[str]] = field(default_factory=list)
    patient: str | None = None
    source: str | None = None
    part: str | None = None
    mask: str | None = None
    annotator: str | None = None
    traits: dict[str, str] = field(default_factory=dict)
    place: str = ""


class Rows:
    """Films by file, as far as the rows were read, and why others were passed over."""

    def __init__(self, films: NamedFiles, others: NamedFiles, masks: NamedFiles, reading: Reading) -> None:
        self.films, self.others, self.masks, self.reading = films, others, masks, reading
        self.found: dict[str, Film] = {}
        self.passed: dict[str, list[str]] = defaultdict(list)
        self.counts: Counter[str] = Counter()
        self.read = 0
        self.tables: list[str] = []
        self.named: set[str] = set()  # files of any row, read or not
        self._shared: set[str] = set()

    def take(self, *sources: Source) -> None:
        """Read the rows of tables.

        Raises:
            DataError: a path leads out of the folder, or a name fits several files.
            OptionError: ``where`` cannot be read.
            UnknownNameError: ``where`` names a column that the table lacks.
        """
        for source in sources:
            self._take(source)

    def _take(self, source: Source) -> None:
        conditions = list(_conditions(self.reading.where, source.columns.names, source.table.path.name))
        self.tables.append(source.table.path.name)
        self._shared = _ambiguous_names(source)
        width = source.table.width
        for number, row in _body(source):
            self.read += 1
            cells = _Cells(row, source.columns.at)
            failing = next((said for said, index, words in conditions if not words.holds(cells.of(index))), None)
            if failing:
                self.named.update(self.films.called(cells["file"]))
                self._pass(f"left out by where={failing}", cells["file"])
            elif source.table.is_text and len(row) > width and any(row[width:]):
                self._pass("more cells than the first row, as of a text with a separator in it", f"line {number}")
            elif not cells["file"]:
                self._pass("no file is named", f"line {number}")
            else:
                self._row(source, cells, f"line {number} of {source.table.path.name}")

    def _row(self, source: Source, cells: "_Cells", place: str) -> None:
        text = cells["file"]
        if leaves(text):
            raise DataError(
                f"{place} names {printable(text)!r}, which lies outside of the data folder; "
                "only files in it are read: correct the row, or give --data the folder that holds both"
            )
        file = self._file(text, cells["folder"], source.part, place)
        if file is None:
            no_image = self.others.called(text)
            self._pass("the file is no image" if no_image else "no such file here", text)
            return
        self.named.add(file)
        findings = self._findings(source, cells)
        if findings is None:
            self._pass("a finding is uncertain", text)
        elif not findings:
            self._pass("no label", text)
        else:
            self._add(file, findings, source, cells, place)

    def _file(self, text: str, folder: str, part: str | None, place: str) -> str | None:
        """The one file that a cell means; where a folder is told too, in that one."""
        found = self.films.called(f"{folder}/{text}" if folder and "/" not in text else text)
        if len(found) > 1 and part:
            own = [file for file in found if part in (part_of_folders(file) or "")]
            found = own or found
        file = only(found, printable(text), place)
        if file and folded(text.replace("\\", "/").rpartition("/")[2]) in self._shared:
            return file if self.films.agrees(text, file) else None  # a namesake in another folder
        return file

    def _findings(self, source: Source, cells: "_Cells") -> list[str] | None:
        if source.label is not None:
            return [source.label]
        columns, reading = source.columns, self.reading
        if columns.findings:
            return marked_findings({columns.names[at]: cells.of(at) for at in columns.findings}, reading.uncertain)
        text = cells["label"]
        if plain(columns.names[columns.at["label"]]) == "encodedpixels":  # run lengths of a lesion; -1 is none
            return ["0" if text in ("", "-1") else "1"]
        if text.startswith(("=", "#REF", "#NAME", "#VALUE", "#N/A", "#DIV")) and len(text) > 1:
            raise DataError(
                f"{source.table.path.name} has a formula, {printable(text)[:40]!r}, where the label of "
                f"{printable(cells['file'])!r} should be; save the table with values"
            )
        return split_findings(without_zero(text), reading.separator, reading.depth)

    def _add(self, file: str, findings: list[str], source: Source, cells: "_Cells", place: str) -> None:
        film = self.found.setdefault(file, Film(place=place))
        if findings not in film.findings:
            film.findings.append(findings)
        hospital = collection(cells["source"]) if source.label is not None else cells["source"]
        film.source = film.source or (None if names_nobody(hospital) else hospital)
        part = PART_WORDS.get(plain(cells["part"])) or source.part
        for name, value in (("patient", without_zero(cells["patient"])), ("part", part or "")):
            known = getattr(film, name)
            if names_nobody(value):
                continue
            if known is not None and patient_key(known) != patient_key(value):
                raise DataError(
                    f"{printable(file)} has the {name} {known} in {film.place} and {value} in {place}; "
                    f"keep one of them, or say {name}=none"
                )
            setattr(film, name, known or value)
        if film.mask is None and cells["mask"]:
            film.mask = only(self.masks.called(cells["mask"]), printable(cells["mask"]), place)
            film.annotator = cells["annotator"] or None
        film.traits |= {trait: word for trait in _TRAITS if (word := _trait(trait, cells[trait]))}

    def _pass(self, why: str, example: str) -> None:
        self.counts[why] += 1
        if len(self.passed[why]) < FIRST:
            self.passed[why].append(printable(example))

    def passed_over(self) -> list[PassedOver]:
        """Rows that were not read, by reason."""
        names = ", ".join(self.tables)
        return [
            PassedOver(f"rows of {names}", why, count, tuple(self.passed[why])) for why, count in self.counts.items()
        ]


def joined(film: Film, separator: str, *, several: bool, file: str) -> str | None:
    """The label of a film: its findings, sorted; None where its rows say nothing.

    Raises:
        DataError: its rows contradict each other, and the table is not one of several rows for a film.
    """
    if len(film.findings) > 1 and not several:
        first, second = (separator.join(one) for one in film.findings[:2])
        raise DataError(
            f"{printable(file)} is labelled {first} in {film.place} and {second} in another row; keep one of them, "
            'or say separator="|" to take both as findings of one film'
        )
    findings = united(film.findings)
    return separator.join(sorted(findings, key=lambda one: (one.casefold(), one))) or None


def part_of_folders(file: str) -> str | None:
    """The part that a folder above a file is called; None where none is."""
    found = [PART_WORDS[plain(name)] for name in file.split("/")[:-1] if plain(name) in PART_WORDS]
    return found[-1] if found else None


class _Cells:
    """Cells of a row by the role of their column; empty where there is none."""

    def __init__(self, row: Row, at: Mapping[str, int]) -> None:
        self.row, self.at = row, at

    def __getitem__(self, role: str) -> str:
        return self.of(self.at[role]) if role in self.at else ""

    def of(self, index: int) -> str:
        """The cell of a column; rows may be shorter than the first."""
        return self.row[index] if index < len(self.row) else ""


@dataclass(frozen=True, slots=True)
class _Words:
    """What a cell may say, or may not."""

    words: frozenset[str]
    negated: bool

    def holds(self, text: str) -> bool:
        """Whether a cell says so."""
        return (text.casefold() in self.words) is not self.negated


def _conditions(where: str, names: Sequence[str], table: str) -> Iterator[tuple[str, int, _Words]]:
    """``view=PA|AP;modality!=CT`` as columns and what they may say."""
    for condition in filter(None, (part.strip() for part in where.split(";"))):
        name, equals, value = condition.partition("=")
        if not equals or not name.strip(" !"):
            raise OptionError(f"where={where!r} cannot be read; expected COLUMN=VALUE, several separated by ;")
        words = frozenset(word.strip().casefold() for word in value.split("|"))
        yield condition, column_of(names, name.rstrip("! "), table), _Words(words, name.endswith("!"))


def _body(source: Source) -> Iterator[tuple[int, Row]]:
    rows: Iterable[tuple[int, Row]] = source.table.rows()
    for place, (number, row) in enumerate(rows):
        if place or not source.columns.header:
            yield number, row


def _ambiguous_names(source: Source) -> set[str]:
    """File names that the table has in more than one folder."""
    folders: dict[str, str] = {}
    shared = set()
    for _, row in _body(source):
        folder, slash, name = folded(_Cells(row, source.columns.at)["file"].replace("\\", "/")).rpartition("/")
        if slash and folders.setdefault(name, folder) != folder:
            shared.add(name)
    return shared


def _trait(name: str, text: str) -> str:
    """A trait in one spelling: years of age as a whole number, M or F."""
    if name == "age":
        number, unit = text.replace(",", ".").rstrip("YyMmDdWw "), text[-1:].upper()
        try:
            years = float(number) / {"M": 12, "W": 52, "D": 365}.get(unit, 1)
        except ValueError:
            return ""
        return str(int(years)) if 0 <= years < 200 else ""
    return _SEXES.get(text.casefold(), text) if name == "sex" else text
