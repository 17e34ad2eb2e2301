"""From films that rows told of to a dataset: one label each, parts, patients, masks, and what is said of all that."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from registry.contracts import PassedOver, Sample
from registry.errors import DataError
from registry.readers import label_names, layout, table_notes, table_search
from registry.readers.files import printable
from registry.readers.findings import separator_in
from registry.readers.label_names import renamed
from registry.readers.labelled_rows import Film, Rows, Source, joined, part_of_folders
from registry.readers.named_files import stem_of
from registry.readers.patients import known_names
from registry.readers.spellings import folded, label_key
from registry.readers.table_folder import Folder, masks_of
from registry.readers.tree import passed_over
from registry.readers.walk import File
from registry.wording import counted, plural

SEPARATOR = "|"  # where no other is said

_MOST_LABELS = 0.5  # of the images, so many different labels are none


def separator_of(sources: Sequence[Source]) -> str | None:
    """Between the findings of a cell, as the cells show it."""
    cells = [
        row[at]
        for source in sources
        if (at := source.columns.at.get("label")) is not None
        for _, row in source.table.rows()
        if at < len(row)
    ]
    return separator_in(set(cells))


def check_fit(folder: Folder, rows: Rows) -> None:
    """See that the table is one of these images.

    Raises:
        DataError: most rows have no image here, and most images no row.
    """
    missing = rows.counts["no such file here"]
    without = len(folder.films.files) - len(rows.found)
    if rows.found and (missing * 2 <= rows.read or without * 2 <= len(folder.films.files)):
        return
    shown = ", ".join(rows.tables)
    example = (rows.passed["no such file here"] or ["-"])[0]
    first = folder.films.files[0] if folder.films.files else "none"
    others = [
        f"{counted(one.count, one.what)} passed over, {one.why}; " for one in rows.passed_over() if one.count > missing
    ]
    raise DataError(
        f"{shown} does not fit the images of {folder.root}: {missing:,} of {rows.read:,} rows name no file there and "
        f"{without:,} of {len(folder.films.files):,} images have no label in it; it says {example}, a file is {first}; "
        f"{''.join(others)}say the column, as file=COLUMN"
    )


def labels_of(films: Mapping[str, Film], separator: str, several: bool, names: str) -> tuple[dict[str, str], list[str]]:
    """File -> label, in one spelling each, and a line where some are written in several.

    Raises:
        DataError: rows contradict each other, or nearly every image has a label of its own.
    """
    called = renamed(names)
    for film in films.values():
        film.findings = [[called.get(one, one) for one in row] for row in film.findings]
    counts = Counter(one for film in films.values() for row in film.findings for one in row)
    usual = _usual(counts)
    for film in films.values():
        film.findings = [[usual[label_key(one)] for one in row] for row in film.findings]
        film.findings = [row for at, row in enumerate(film.findings) if row not in film.findings[:at]]
    found = {
        file: label
        for file, film in films.items()
        if (label := joined(film, separator, several=several, file=file)) is not None
    }
    if len(usual) > 20 and len(usual) > _MOST_LABELS * len(found):
        raise DataError(
            f"{len(usual):,} different labels of {len(found):,} images ({', '.join(sorted(usual)[:2])}, …): no labels; "
            "say the column, as label=COLUMN"
        )
    return found, label_names.joined(counts, "labels in the table")


def _usual(counts: Counter[str]) -> dict[str, str]:
    """What spellings of a word share -> the most frequent of them."""
    found: dict[str, str] = {}
    for one, _ in counts.most_common():
        found.setdefault(label_key(one), one)
    return found


def _ordered(counts: Mapping[str, int], separator: str, sources: Sequence[Source]) -> list[str]:
    """Labels of one finding first: as the columns stand, else by name."""
    columns = [source.columns.names[at] for source in sources for at in source.columns.findings]
    place = {name: at for at, name in reversed(list(enumerate(columns)))}
    return sorted(
        counts,
        key=lambda one: (one.count(separator), place.get(one, len(columns)), layout.natural(one.casefold()), one),
    )


def parts_of(folder: Folder, films: Mapping[str, Film], labels: Mapping[str, str]) -> dict[str, str]:
    """File -> part: of the rows, else of lists of files, else of folders; nothing where all are of one."""
    found = {file: film.part for file, film in films.items() if film.part}
    found = found or table_search.listed_parts(folder)
    found = found or {file: part for file in films if (part := part_of_folders(file))}
    return found if len({found.get(file) for file in labels} - {None}) > 1 else {}


@dataclass(frozen=True, slots=True)
class Given:
    """Of which parts, patients and masks something is to be known, and who drew masks of which no row says it."""

    parts: bool
    patients: bool
    masks: bool
    annotator: str


@dataclass(frozen=True, slots=True)
class Called:
    """What the user calls a dataset, and its licence."""

    name: str
    licence: str


def samples_of(
    folder: Folder, films: Mapping[str, Film], labels: Mapping[str, str], given: Given
) -> tuple[list[Sample], list[PassedOver]]:
    """The samples of labelled films, by file, and masks of none of the films.

    Raises:
        DataError: a mask that may belong to several films, several for one, or a left one without a right one.
    """
    parts = parts_of(folder, films, labels) if given.parts else {}
    patients = patients_of(films, labels) if given.patients else {}
    masks, unpaired = masks_of(folder) if given.masks else ({}, [])
    shared = Counter(folded(stem_of(file)) for file in labels)
    hospitals = _usual(Counter(film.source for film in films.values() if film.source))
    found = []
    for file in sorted(labels, key=lambda file: (layout.natural(file), file)):
        film = films[file]
        mask = (f"{folder.root}/{film.mask}",) if film.mask else masks.get(file, ())
        sample = layout.sample(
            layout.ImageFile(f"{folder.root}/{file}", mask),
            id=stem_of(file) if shared[folded(stem_of(file))] == 1 else file,
            label=labels[file],
            source=printable(hospitals[label_key(film.source)]) if film.source else None,
            patient=printable(patients[file]) if file in patients else None,
            mask_annotator=film.annotator or given.annotator,
        )
        found.append(replace(sample, part=parts.get(file), traits=film.traits))
    return found, unpaired


def patients_of(films: Mapping[str, Film], labels: Iterable[str]) -> dict[str, str]:
    """File -> patient: of the rows, else of names such as person3_virus_7."""
    found = {file: patient for file in labels if (patient := films[file].patient)}
    return found or dict(_named(labels))


def _named(files: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Files and their patients, as their folders and names tell them."""
    every = list(files)
    names = known_names([stem_of(file) for file in every]).names
    return ((every[place], patient) for place, patient in names.items())


def _without_row(folder: Folder, rows: Rows) -> list[PassedOver]:
    """Images that no row names."""
    masks = {film.mask for film in rows.found.values()}
    left = [file for file in folder.films.files if file not in rows.named and file not in masks]
    names = ", ".join(dict.fromkeys(rows.tables))
    return [PassedOver("images", f"no row in {names}", len(left), tuple(map(printable, left[:3])))] if left else []


def dataset_of(
    folder: Folder,
    sources: Sequence[Source],
    rows: Rows,
    found: Sequence[Sample],
    separator: str,
    called: Called,
    notices: Sequence[str],
    unpaired: Sequence[PassedOver],
) -> layout.FileDataset:
    """The dataset of these samples, with what is to be said of it.

    Args:
        notices: lines on how it was read.
        unpaired: masks of none of its films.

    Raises:
        DataError: they have fewer than two labels.
    """
    samples, respelled = layout.one_spelling(found)
    labels = _ordered(Counter(sample.label for sample in samples), separator, sources)
    tables = " and ".join(rows.tables)
    if len(labels) < 2:
        raise DataError(
            f"{tables} gives {'the one label ' + labels[0] if labels else 'no label'} to the images of {folder.root}; "
            "a task needs two or more"
        )
    passed = [*rows.passed_over(), *_without_row(folder, rows)]
    several = Counter(separator in sample.label for sample in samples)[True]
    return layout.FileDataset(
        name=called.name or folder.root.resolve().name,
        labels=tuple(labels),
        licence=called.licence,
        origin=f"a folder of the user, labelled by {tables}",
        notices=(
            table_notes.guessed(sources),
            *(f"{counted(one.count, one.what)} passed over, {one.why}: {_some(one)}" for one in passed),
            *([_several(several, separator)] if several else []),
            *notices,
            *table_notes.contradicted(folder, samples, separator, tables),
            *(*respelled, *table_notes.study(sources), *table_notes.unknown(samples), *table_notes.encoded(sources)),
        ),
        listed=samples,
        passed_over=(*passed, *folder.skipped, *unpaired, *_no_images(folder, sources)),
        patients=table_notes.known_by(folder, sources, samples),
        separator=separator if several else None,
    )


def _no_images(folder: Folder, sources: Sequence[Source]) -> list[PassedOver]:
    """Files that are neither images nor the tables that were read."""
    tables = {folder.below(str(path)) for path in (*(one.table.path for one in sources), *table_search.lists(folder))}
    files = [File(file, (), file) for file in folder.others.files if file not in tables]
    return passed_over(files, "no image, and not the table of labels")


def _several(count: int, separator: str) -> str:
    return f"{plural(count, 'image has', 'images have')} several findings (separated by {separator!r})"


def _some(passed: PassedOver) -> str:
    return ", ".join(passed.examples) + (", …" if passed.count > len(passed.examples) else "")
