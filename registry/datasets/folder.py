"""Any collection kept as one sub-folder per label."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

from registry.contracts import PARTS, PassedOver, Sample
from registry.errors import DataError
from registry.options import Range
from registry.readers import layout, patients
from registry.readers.film import Film, some
from registry.readers.films import Labelled, labelled, unread
from registry.readers.mask_checks import check_no_masks
from registry.readers.mask_files import among_images, pair
from registry.readers.spellings import label_key
from registry.readers.tree import passed_over
from registry.readers.walk import File

SOURCELESS = "sources unknown: a folder of images does not tell them"


def folder(
    root: str | Path,
    *,
    name: str = "",
    mask_annotator: str = "dataset",
    licence: str = "not stated",
    patient: str | None = None,
    level: Annotated[int, Range(0, 12)] = 0,
) -> layout.FileDataset:
    """A folder with one sub-folder per label, images at any depth below it, optional masks in folders called so.

    Folders called train, val, test are parts in which the dataset comes; images, CXR_png or images_001 mean nothing.
    ``LABEL.patients.csv`` (columns file, patient_id) beside the label folders groups the images of a patient; so do
    file names such as person3_virus_7, and the option `patient`.

    Args:
        name: how tables call the dataset; the folder's own name by default.
        mask_annotator: who or what drew the masks.
        patient: ``folder``, the one below the label, or a regular expression whose one group is the patient, searched
            in ``folder/name`` of an image below its label's folder, without suffix.
        level: how many folders with a meaning of their own lie down to the labels; 0 finds out.

    Raises:
        DataNotFoundError: no such folder, no sub-folder, or no image.
        DataError: fewer than two labels, folders whose meaning is not clear, masks without image.
    """
    base = Path(root).absolute()
    found = labelled(base, level)
    unread(found)
    images, inner = among_images([film for films in found.films.values() for film in _in_order(films)])
    masks, unpaired = pair([*images, *found.beside], [*found.masks, *inner])
    labels = {film.file.path: label for label, films in found.films.items() for film in films}
    check_no_masks(images, labels, found.depth)
    known = _patients(found, images, labels, patient)
    listed, respelled = layout.one_spelling(list(_samples(found, images, masks, labels, known, mask_annotator)))
    return layout.FileDataset(
        name=name or base.resolve().name,
        labels=tuple(found.films),
        licence=licence,
        origin="a folder of the user",
        notices=(*_sourceless(listed), *found.joined, *known.notices, *respelled),
        listed=listed,
        passed_over=(*found.skipped, *unpaired, *_others(found, known)),
        patients=known.known_by,
    )


def _samples(
    found: Labelled,
    images: Sequence[Film],
    masks: Mapping[str, tuple[str, ...]],
    labels: Mapping[str, str],
    known: "_Known",
    mask_annotator: str,
) -> Iterator[Sample]:
    ids = _ids(images, labels, found.depth)
    for place, film in enumerate(images):
        path = film.file.path
        yield layout.sample(
            layout.ImageFile(path, masks.get(path, ())),
            id=ids[path],
            label=labels[path],
            source=None,
            patient=known.names.get(place),
            mask_annotator=mask_annotator,
            part=film.part,
        )


def _sourceless(listed: Sequence[Sample]) -> Iterator[str]:
    if not all(sample.source for sample in listed):
        yield SOURCELESS


def recognises(root: str | Path) -> int:
    """How surely a folder is this dataset: 1, as any with images in the folders of two labels or more, else 0."""
    try:
        return 1 if labelled(Path(root)) else 0
    except (DataError, OSError):
        return 0


folder.recognises = recognises  # type: ignore[attr-defined]


def _in_order(films: Sequence[Film]) -> list[Film]:
    """By part, then by name with numbers in their order."""
    order = {None: 0, **{part: place for place, part in enumerate(PARTS)}}
    return sorted(
        films,
        key=lambda film: (
            order[film.part],
            layout.natural("/".join((*film.named, layout.name_key(film.file.name)))),
            film.file.path,
        ),
    )


def _ids(films: Sequence[Film], labels: Mapping[str, str], depth: int) -> dict[str, str]:
    """Path -> id: part, label, folders and name; with its suffix, or all of the path, where that is one of several."""
    short = {
        film.file.path: "/".join(
            (*filter(None, [film.part_folder]), labels[film.file.path], *film.named[depth + 1 :], _stem(film))
        )
        for film in films
    }
    longer = {film.file.path: short[film.file.path] + Path(film.file.name).suffix for film in films}
    whole = {film.file.path: "/".join((*film.file.folders, film.file.name)) for film in films}
    ids = short
    for names in (longer, whole):
        counts = Counter(ids.values())
        ids = {path: names[path] if counts[one] > 1 else one for path, one in ids.items()}
    return ids


def _stem(film: Film) -> str:
    return Path(film.file.name).stem


class _Known(NamedTuple):
    """Whose films they are.

    Attributes:
        names: place of a film -> patient.
        tables: files that said so.
        notices: lines on what does not fit.
    """

    names: dict[int, str]
    known_by: str
    tables: tuple[File, ...] = ()
    notices: tuple[str, ...] = ()


def _patients(found: Labelled, films: Sequence[Film], labels: Mapping[str, str], option: str | None) -> _Known:
    inside = [film.named[found.depth + 1 :] for film in films]
    texts = ["/".join((*folders, _stem(film))) for folders, film in zip(inside, films, strict=True)]
    if option is not None:
        by_folder = option == patients.FOLDER
        named = patients.named_by_folder(inside) if by_folder else patients.named_by(option, texts)
        return _Known(named.names, named.known_by)
    named = patients.known_names(texts)
    names, tables, gaps, tabled = dict(named.names), [], [], set()
    for table in found.tree.others:
        of = _places_of(table, films, labels)
        if of:
            matched = patients.matched(patients.read_table(Path(table.path)), [films[place].file.name for place in of])
            names = {place: patient for place, patient in names.items() if place not in of}
            names |= {place: matched.patients[film] for place, film in of.items() if film in matched.patients}
            tables.append(table)
            gaps += [matched.gap] if matched.gap else []
            tabled |= of.keys()
    known_by = [*([named.known_by] if set(named.names) - tabled else []), *(table.name for table in tables)]
    return _Known(names, " and ".join(known_by), tuple(tables), (*gaps, *_offer(inside, names)))


def _places_of(table: File, films: Sequence[Film], labels: Mapping[str, str]) -> dict[int, str]:
    """Place -> file name of the films that a file of patients is about; none of any other file."""
    if not table.name.lower().endswith(patients.TABLE):
        return {}
    label = label_key(table.name[: -len(patients.TABLE)])
    return {
        place: film.file.name
        for place, film in enumerate(films)
        if label_key(labels[film.file.path]) == label and film.file.folders[: len(table.folders)] == table.folders
    }


def _offer(inside: Sequence[tuple[str, ...]], names: Mapping[int, str]) -> Iterable[str]:
    """What may tell the patients, where nothing is known of them."""
    below = sorted({folders[0] for folders in inside if folders})
    if below and not names:
        yield f"folders below the labels ({some(below)}): if each is a patient, say --dataset 'folder[patient=folder]'"


def _others(found: Labelled, known: _Known) -> list[PassedOver]:
    """Files that are no images."""
    return passed_over([file for file in found.tree.others if file not in known.tables], "no image")
