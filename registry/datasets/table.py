"""Any collection whose labels stand in a table beside the images."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from registry.contracts import PassedOver, Sample
from registry.errors import DataError
from registry.readers import label_tables, layout
from registry.readers.files import printable
from registry.readers.findings import separator_in
from registry.readers.label_tables import Folder
from registry.readers.labelled_rows import Film, Reading, Rows, Source, joined, part_of_folders
from registry.readers.named_files import stem_of
from registry.readers.names import renamed

_MOST_LABELS = 0.5  # of the images, so many different labels are none
_PATIENT = re.compile(r"(?:^|/)(patient[ _-]?\d+)(?=[/_])", re.IGNORECASE)
Column = str | int | None


def table(
    root: str | Path,
    *,
    table: str = "",
    file: str | int = "",
    label: str | int = "",
    findings: str = "",
    patient: str | int | None = "",
    source: str | int | None = "",
    part: str | int | None = "",
    mask: str | int | None = "",
    age: str | int | None = "",
    sex: str | int | None = "",
    view: str | int | None = "",
    where: str = "",
    separator: str | None = "",
    depth: int = 0,
    uncertain: Literal["drop", 0, 1] = "drop",
    names: str = "",
    name: str = "",
    mask_annotator: str = "dataset",
    licence: str = "not stated",
) -> layout.FileDataset:
    """Images, and a table of their labels: CSV, TSV, text, Excel or Parquet; columns that are not said are guessed.

    Args:
        table: its file, several separated by ``;``; by default the one in the folder, or above it, that names its
            images.
        file, label, patient, source, part, mask, age, sex, view: columns, by name or by number from 1; none for none.
        findings: columns with one finding each, separated by ``;``: 1 is there, 0 or blank is not, -1 is uncertain.
        where: which rows, as ``view=PA|AP;modality!=CT``.
        separator: between several findings in a cell; none where each cell is one label.
        depth: how many terms of a label such as ``Pneumonia/Viral/COVID-19`` count; 0 all.
        uncertain: what an uncertain finding is: not there (0), there (1), or a reason to drop the image.
        names: what labels are called, as ``0=Normal;1=Pneumonia``.
        name: how result tables call the dataset; the folder's own name by default.
        mask_annotator: who or what drew the masks.

    Raises:
        DataNotFoundError: no such folder or table, or no image in it.
        DataError: a table that cannot be read, a column that nobody knows, a path out of the folder, a name that fits
            several files, contradicting rows, or rows of which hardly any has an image.
        UnknownNameError: a column that the table lacks.
    """
    folder = label_tables.look(Path(root).absolute())
    said = {
        "file": file, "label": label, "patient": patient, "source": source, "part": part, "mask": mask,
        "age": age, "sex": sex, "view": view,
    }  # fmt: skip
    sources = label_tables.sources_of(folder, table, said, findings)
    between = _separator(separator, sources)
    rows = Rows(folder.films, folder.others, folder.masks, Reading(between, depth, uncertain, where))
    for one in sources:
        rows.take(one)
    _check_fit(folder, rows, sources)
    several = bool(between) or any(one.columns.findings or one.columns.repeated for one in sources)
    labels = _labels(rows.found, between or "|", several, names)
    parts = {} if part is None else _parts(folder, rows.found, labels)
    samples = _samples(folder, rows.found, labels, parts, mask_annotator)
    order = _ordered(Counter(labels.values()), between or "|", sources)
    if len(order) < 2:
        raise DataError(
            f"{sources[0].table.path.name} gives {'the one label ' + order[0] if order else 'no label'} to the images "
            f"of {folder.root}; a task needs two or more"
        )
    passed = [*rows.passed_over(), *_without_row(folder, rows.found)]
    return layout.FileDataset(
        name=name or folder.root.resolve().name,
        labels=tuple(order),
        licence=licence,
        origin=f"a folder of the user, labelled by {' and '.join(one.table.path.name for one in sources)}",
        notices=tuple(_notices(sources, passed, samples, between, labels)),
        listed=tuple(samples),
        passed_over=tuple(passed),
        separator=(between or "|") if several and any((between or "|") in one for one in order) else None,
    )


def recognises(root: str | Path) -> int:
    """How surely a folder is this dataset: 2 where a table labels half of its images or more, 1 where some, else 0."""
    try:
        folder = label_tables.look(Path(root).absolute())
        sources = label_tables.sources_of(folder, "", {}, "")
    except DataError as error:
        return 1 if "tables of" in str(error) else 0
    covered = label_tables.covered(sources, folder.films)
    return 2 if covered * 2 >= len(folder.films.files) else 1


table.recognises = recognises  # type: ignore[attr-defined]


def _separator(said: str | None, sources: Sequence[Source]) -> str | None:
    """Between the findings of a cell, as it was said or as the cells show it."""
    if said != "":
        return said
    cells = [
        row[at]
        for source in sources
        if (at := source.columns.at.get("label")) is not None
        for _, row in source.table.rows()
        if at < len(row)
    ]
    return separator_in(set(cells))


def _check_fit(folder: Folder, rows: Rows, sources: Sequence[Source]) -> None:
    """See that the table is one of these images.

    Raises:
        DataError: most rows have no image here, and most images no row.
    """
    missing = rows.counts["no such file here"]
    without = len(folder.films.files) - len(rows.found)
    if rows.found and (missing * 2 <= rows.read or without * 2 <= len(folder.films.files)):
        return
    shown = sources[0].table.path.name
    example = (rows.passed["no such file here"] or ["-"])[0]
    first = folder.films.files[0] if folder.films.files else "none"
    raise DataError(
        f"{shown} does not fit the images of {folder.root}: {missing:,} of {rows.read:,} rows name no file there and "
        f"{without:,} of {len(folder.films.files):,} images have no label in it; it says {example}, a file is {first}; "
        "say the column, as file=COLUMN"
    )


def _labels(films: Mapping[str, Film], separator: str, several: bool, names: str) -> dict[str, str]:
    """File -> label, in one spelling each.

    Raises:
        DataError: rows contradict each other, or nearly every image has a label of its own.
    """
    called = renamed(names)
    for film in films.values():
        film.findings = [[called.get(one, one) for one in row] for row in film.findings]
    counts = Counter(one for film in films.values() for row in film.findings for one in row)
    usual: dict[str, str] = {}
    for one, _ in counts.most_common():
        usual.setdefault(one.casefold(), one)
    for film in films.values():
        film.findings = [[usual[one.casefold()] for one in row] for row in film.findings]
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
    return found


def _ordered(counts: Mapping[str, int], separator: str, sources: Sequence[Source]) -> list[str]:
    """Labels of one finding first: as the columns stand, else by name."""
    columns = [source.columns.names[at] for source in sources for at in source.columns.findings]
    place = {name: at for at, name in reversed(list(enumerate(columns)))}
    return sorted(
        counts,
        key=lambda one: (one.count(separator), place.get(one, len(columns)), layout.natural(one.casefold()), one),
    )


def _parts(folder: Folder, films: Mapping[str, Film], labels: Mapping[str, str]) -> dict[str, str]:
    """File -> part: of the rows, else of lists of files, else of folders; nothing where all are of one."""
    found = {file: film.part for file, film in films.items() if film.part}
    found = found or label_tables.listed_parts(folder)
    found = found or {file: part for file in films if (part := part_of_folders(file))}
    return found if len({found.get(file) for file in labels} - {None}) > 1 else {}


def _samples(
    folder: Folder, films: Mapping[str, Film], labels: Mapping[str, str], parts: Mapping[str, str], annotator: str
) -> list[Sample]:
    shared = Counter(stem_of(file).casefold() for file in labels)
    patients = _patients(films, labels)
    found = []
    for file in sorted(labels, key=lambda file: (layout.natural(file), file)):
        film = films[file]
        mask = film.mask or _mask(folder, file)
        sample = layout.sample(
            layout.ImageFile(stem_of(file), str(folder.root / file), str(folder.root / mask) if mask else None),
            id=stem_of(file) if shared[stem_of(file).casefold()] == 1 else file,
            label=labels[file],
            source=printable(film.source) if film.source else None,
            patient=printable(patients[file]) if file in patients else None,
            mask_annotator=film.annotator or annotator,
        )
        found.append(replace(sample, part=parts.get(file), traits=film.traits))
    return found


def _patients(films: Mapping[str, Film], labels: Iterable[str]) -> dict[str, str]:
    """File -> patient: of the rows, else of folders called patient00001."""

    found = {file: patient for file in labels if (patient := films[file].patient)}
    if found:
        return found
    told = {file: _PATIENT.findall(file) for file in labels}
    return {file: names[-1].casefold() for file, names in told.items() if names} if all(told.values()) else {}


def _mask(folder: Folder, file: str) -> str | None:
    """The one mask of an image's name in a folder of masks."""
    stem = stem_of(file.rpartition("/")[2])
    for called in (stem, f"{stem}_mask"):
        found = folder.in_mask_folders.called(called)
        if len(found) == 1:
            return found[0]
    return None


def _without_row(folder: Folder, films: Mapping[str, Film]) -> list[PassedOver]:
    masks = {film.mask for film in films.values()}
    left = [file for file in folder.films.files if file not in films and file not in masks]
    return [PassedOver("images", "no row with a label", len(left), tuple(map(printable, left[:3])))] if left else []


def _notices(
    sources: Sequence[Source],
    passed: Sequence[PassedOver],
    samples: Sequence[Sample],
    separator: str | None,
    labels: Mapping[str, str],
) -> Iterable[str]:
    guessed = defaultdict(list)
    for source in sources:
        for role in source.columns.guessed:
            at = source.columns.at.get(role)
            shown = source.columns.names[at] if at is not None else f"{len(source.columns.findings)} columns"
            if f"{role} = {shown}" not in guessed[", ".join(s.table.path.name for s in sources)]:
                guessed[", ".join(s.table.path.name for s in sources)].append(f"{role} = {shown}")
    for names, said in guessed.items():
        yield f"columns of {names}, guessed: {', '.join(said)}"
    for one in passed:
        more = ", …" if one.count > len(one.examples) else ""
        yield f"{one.count:,} {one.what} passed over, {one.why}: {', '.join(one.examples)}{more}"
    several = sum(separator is not None and separator in label for label in labels.values())
    if several:
        yield f"{several:,} images have several findings (separated by {separator!r})"
    unknown = sum(sample.source is None for sample in samples)
    if unknown == len(samples):
        yield "sources unknown: no column of the table tells them"
    elif unknown:
        yield f"sources of {unknown:,} of {len(samples):,} images unknown"
    alone = sum(sample.group == sample.id for sample in samples)
    if 0 < alone < len(samples):
        yield f"patients of {alone:,} of {len(samples):,} images unknown"
