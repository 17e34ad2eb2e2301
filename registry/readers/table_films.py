"""From films that rows told of to a dataset: one label each, parts, patients, masks, and what is said of all that."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from registry.contracts import PassedOver, Sample
from registry.errors import DataError
from registry.readers import label_names, layout, table_search
from registry.readers.columns import STUDIES, plain
from registry.readers.files import printable
from registry.readers.findings import separator_in
from registry.readers.label_names import renamed
from registry.readers.labelled_rows import Film, Rows, Source, joined, part_of_folders
from registry.readers.named_files import stem_of
from registry.readers.table_folder import Folder
from registry.readers.tree import passed_over
from registry.readers.walk import File
from registry.wording import counted, plural

SEPARATOR = "|"  # where no other is said

_MOST_LABELS = 0.5  # of the images, so many different labels are none
_PATIENT = re.compile(r"(?:^|/)(patient[ _-]?\d+)(?=[/_])", re.IGNORECASE)


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
    raise DataError(
        f"{shown} does not fit the images of {folder.root}: {missing:,} of {rows.read:,} rows name no file there and "
        f"{without:,} of {len(folder.films.files):,} images have no label in it; it says {example}, a file is {first}; "
        "say the column, as file=COLUMN"
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
    return found, label_names.joined(counts, "labels in the table")


def _usual(counts: Counter[str]) -> dict[str, str]:
    """Word in lower case -> its most frequent spelling."""
    found: dict[str, str] = {}
    for one, _ in counts.most_common():
        found.setdefault(one.casefold(), one)
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


def samples_of(
    folder: Folder,
    films: Mapping[str, Film],
    labels: Mapping[str, str],
    parts: Mapping[str, str],
    masks: Mapping[str, tuple[str, ...]],
    annotator: str,
) -> list[Sample]:
    """The samples of labelled films, by file.

    Args:
        masks: of films of which no row names one.
        annotator: of masks of which no row says it.
    """
    shared = Counter(stem_of(file).casefold() for file in labels)
    patients = _patients(films, labels)
    hospitals = _usual(Counter(film.source for film in films.values() if film.source))
    found = []
    for file in sorted(labels, key=lambda file: (layout.natural(file), file)):
        film = films[file]
        mask = (f"{folder.root}/{film.mask}",) if film.mask else masks.get(file, ())
        sample = layout.sample(
            layout.ImageFile(f"{folder.root}/{file}", mask),
            id=stem_of(file) if shared[stem_of(file).casefold()] == 1 else file,
            label=labels[file],
            source=printable(hospitals[film.source.casefold()]) if film.source else None,
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
    *,
    name: str,
    licence: str,
    notices: Sequence[str] = (),
    unpaired: Sequence[PassedOver] = (),
) -> layout.FileDataset:
    """The dataset of these samples, with what is to be said of it.

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
        name=name or folder.root.resolve().name,
        labels=tuple(labels),
        licence=licence,
        origin=f"a folder of the user, labelled by {tables}",
        notices=(
            _guessed(sources),
            *(f"{counted(one.count, one.what)} passed over, {one.why}: {_some(one)}" for one in passed),
            *([_several(several, separator)] if several else []),
            *notices,
            *_contradicted(folder, samples, separator, tables),
            *(*respelled, *_study(sources), *_unknown(samples)),
        ),
        listed=samples,
        passed_over=(*passed, *folder.skipped, *unpaired, *_no_images(folder, sources)),
        patients=_known_by(sources, samples),
        separator=separator if several else None,
    )


def _no_images(folder: Folder, sources: Sequence[Source]) -> list[PassedOver]:
    """Files that are neither images nor the tables that were read."""
    tables = {folder.below(str(source.table.path)) for source in sources}
    files = [File(file, (), file) for file in folder.others.files if file not in tables]
    return passed_over(files, "no image, and not the table of labels")


def _several(count: int, separator: str) -> str:
    return f"{plural(count, 'image has', 'images have')} several findings (separated by {separator!r})"


def _study(sources: Sequence[Source]) -> Iterable[str]:
    """What to say of a column of studies where no column tells patients: a patient may have several studies."""
    if any("patient" in source.columns.at for source in sources):
        return
    for source in sources:
        names = source.columns.names if source.columns.header else ()
        for name in (name for name in names if plain(name) in STUDIES):
            yield (
                f"column {name} of {source.table.path.name} tells studies, of which a patient may have several: it is "
                f"not taken for the patient; if nothing else is known, say patient={name}"
            )


def _guessed(sources: Sequence[Source]) -> str:
    """Which columns were guessed, in a line."""
    said: dict[str, None] = {}
    for source in sources:
        columns = source.columns
        named = {role: columns.names[columns.at[role]] for role in columns.guessed if role in columns.at}
        if "findings" in columns.guessed and source.label is None:
            named["findings"] = ", ".join(columns.names[at] for at in columns.findings)
        said |= dict.fromkeys(f"{role} = {name}" for role, name in named.items())
    tables = ", ".join(source.table.path.name for source in sources)
    return f"columns of {tables}, guessed: {'; '.join(said)}" if said else f"columns of {tables} as they were said"


def _known_by(sources: Sequence[Source], samples: Sequence[Sample]) -> str:
    """How patients are known, in words; empty where they are not."""
    if all(sample.group == sample.id for sample in samples):
        return ""
    columns = {one.columns.names[one.columns.at["patient"]]: None for one in sources if "patient" in one.columns.at}
    return f"the column {', '.join(columns)}" if columns else "folders such as patient00001"


def _some(passed: PassedOver) -> str:
    return ", ".join(passed.examples) + (", …" if passed.count > len(passed.examples) else "")


def _contradicted(folder: Folder, samples: Sequence[Sample], separator: str, tables: str) -> Iterable[str]:
    """Which images lie in the folder of a label that the table does not give them, where most folders agree with it."""
    labels = {plain(one) for sample in samples for one in sample.label.split(separator)}
    agree, odd = 0, []
    for sample in samples:
        folders = sample.paths[0].removeprefix(f"{folder.root}/").split("/")[:-1]
        told = {plain(name) for name in folders} & labels
        own = {plain(one) for one in sample.label.split(separator)}
        agree += bool(told & own)
        odd += [sample.id] if told and not told & own else []
    if 0 < len(odd) < agree:
        shown = ", ".join(odd[:3]) + (", …" if len(odd) > 3 else "")
        counts = plural(len(odd), "image lies", "images lie")
        yield f"{counts} in the folder of another label than {tables} says; the table counts: {shown}"


def _unknown(samples: Sequence[Sample]) -> Iterable[str]:
    """Of how many images sources and patients are unknown; of patients where some are known."""
    without = sum(sample.source is None for sample in samples)
    if without == len(samples):
        yield "sources unknown: no column of the table tells them"
    elif without:
        yield f"sources of {without:,} of {len(samples):,} images unknown"
    alone = sum(sample.group == sample.id for sample in samples)
    if 0 < alone < len(samples):
        yield f"patients of {alone:,} of {len(samples):,} images unknown"
