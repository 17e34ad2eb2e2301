"""What is said of a table of labels and of the images that it labels."""

from collections.abc import Iterable, Sequence

from registry.contracts import Sample
from registry.readers.columns import STUDIES, plain
from registry.readers.labelled_rows import Source
from registry.readers.named_files import stem_of
from registry.readers.patients import known_names
from registry.readers.table_folder import Folder
from registry.wording import plural


def guessed(sources: Sequence[Source]) -> str:
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


def encoded(sources: Sequence[Source]) -> Iterable[str]:
    """What to say of tables whose encoding was taken for granted."""
    for source in sources:
        if source.table.encoding:
            yield (
                f"{source.table.path.name} is not UTF-8 and was read as Western European ({source.table.encoding}); if "
                "its letters are wrong, save it as UTF-8"
            )


def study(sources: Sequence[Source]) -> Iterable[str]:
    """What to say of a column of studies where no column tells patients: a patient may have several studies."""
    if any("patient" in source.columns.at for source in sources):
        return
    for source in sources:
        names = source.columns.names if source.columns.header else ()
        file = source.columns.at["file"]
        for name in (name for at, name in enumerate(names) if plain(name) in STUDIES and at != file):
            yield (
                f"column {name} of {source.table.path.name} tells studies, of which a patient may have several: it is "
                f"not taken for the patient; if nothing else is known, say patient={name}"
            )


def known_by(folder: Folder, sources: Sequence[Source], samples: Sequence[Sample]) -> str:
    """How patients are known, in words; empty where they are not."""
    if all(sample.group == sample.id for sample in samples):
        return ""
    columns = {one.columns.names[one.columns.at["patient"]]: None for one in sources if "patient" in one.columns.at}
    if columns:
        return f"the column {', '.join(columns)}"
    paths = [stem_of(folder.below(sample.paths[0])) for sample in samples]
    return known_names(paths).known_by or "the PatientID of DICOM files"


def contradicted(folder: Folder, samples: Sequence[Sample], separator: str, tables: str) -> Iterable[str]:
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


def unknown(samples: Sequence[Sample]) -> Iterable[str]:
    """Of how many images sources and patients are unknown; of patients where some are known."""
    without = sum(sample.source is None for sample in samples)
    if without == len(samples):
        yield "sources unknown: no column of the table tells them"
    elif without:
        yield f"sources of {without:,} of {len(samples):,} images unknown"
    alone = sum(sample.group == sample.id for sample in samples)
    if 0 < alone < len(samples):
        yield f"patients of {alone:,} of {len(samples):,} images unknown"
