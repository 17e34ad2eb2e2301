"""Any collection whose labels stand in a table beside the images."""

from pathlib import Path
from typing import Literal

from registry.errors import DataError
from registry.readers import layout, table_films, table_search
from registry.readers.labelled_rows import Reading, Rows
from registry.readers.table_folder import look


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
    folder = look(Path(root).absolute())
    said = {
        "file": file, "label": label, "patient": patient, "source": source, "part": part, "mask": mask,
        "age": age, "sex": sex, "view": view,
    }  # fmt: skip
    sources = table_search.sources_of(folder, table, said, findings)
    between = separator if separator != "" else table_films.separator_of(sources)
    rows = Rows(folder.films, folder.others, folder.images, Reading(between, depth, uncertain, where))
    rows.take(*sources)
    table_films.check_fit(folder, rows)
    several = bool(between) or any(one.columns.findings or one.columns.repeated for one in sources)
    labels, respelled = table_films.labels_of(rows.found, between or table_films.SEPARATOR, several, names)
    given = table_films.Given(part is not None, patient is not None, mask is not None, mask_annotator)
    samples, unpaired = table_films.samples_of(folder, rows.found, labels, given)
    called = table_films.Called(name, licence)
    separator = between or table_films.SEPARATOR
    return table_films.dataset_of(folder, sources, rows, samples, separator, called, respelled, unpaired)


def recognises(root: str | Path) -> int:
    """How surely a folder is this dataset: 2 where a table labels half of its images or more, 1 where some, else 0."""
    try:
        folder = look(Path(root).absolute())
        if table_search.is_database(folder):
            return 0
        sources = table_search.sources_of(folder, "", {}, "")
    except table_search.SeveralTablesError:
        return 1
    except DataError:
        return 0
    covered = table_search.covered(sources, folder.films)
    return 2 if covered * 2 >= len(folder.films.files) else 1


table.recognises = recognises  # type: ignore[attr-defined]
