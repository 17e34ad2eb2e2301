"""What stands above and below a table: its title, what the numbers rest on, how to read the cells."""

from benchmark.comparison.tables import Row, Table
from benchmark.records.findings import SplitInfo
from benchmark.records.record import DatasetInfo
from benchmark.report import wording

TUNING = "tuning"
GROUPINGS = {
    "group": "images known to belong together kept on one side",
    "image-level": "image-level: patients and identical images may be on both sides",
}
TRAINING_TIME = "training time"
MARKS = {
    "marks-share": "marks share: the share of the maps' mass on lettering and frame burnt into the film",
    "marks-enrichment": "marks enrichment: that share over the marks' share of the image",
}
LOCALISATION = {
    "lesion-enrichment": "lesion enrichment: the maps' mass in the lesion over the lesion's share of the lungs",
    "lung-enrichment": "lung enrichment: the maps' mass in the lungs over the lungs' share of the image",
}


def title(table: Table) -> str:
    """Which tasks on which data."""
    return f"{', '.join(table.tasks)} · {table.dataset.name if table.dataset else 'dataset unknown'}"


def caption(table: Table) -> list[str]:
    """What the numbers rest on, and the dataset's notices."""
    lines = []
    if table.dataset:
        lines.append(_dataset(table.dataset))
    lines.append(_split(table.split) if table.split else "Split unknown: no run got as far.")
    trained = sorted({seed for row in table.rows for seed in row.expected})
    positive = f" Positive class: {table.positive}." if table.positive else ""
    lines.append(
        f"Training {'seeds' if len(trained) > 1 else 'seed'} {_listed(trained)}. "
        f"Thresholds and calibration from the calibration subset, never from test.{positive}"
    )
    return lines + (table.dataset.notices if table.dataset else [])


def legend(table: Table, titles: list[str]) -> str:
    """How to read the cells of the columns of these titles."""
    several = any(wording.spread(row, table.metric) is not None for row in table.rows)
    sentences = ["Value [95 % interval over images]"]
    if several:
        sentences[0] += ", both means over seeds; SD: standard deviation over training seeds."
    elif table.folds > 1:
        sentences[0] += "; the folds' models differ, and what retraining would change is in no interval or test."
    else:
        sentences[0] += "; one seed, so no spread over seeds: what retraining would change is in no interval or test."
    if table.against:
        sentences.append(
            f"Δ: paired difference to {table.against} on the same images; "
            "minimum detectable: the smallest that so many images would separate with 80 % power."
        )
    if TRAINING_TIME in titles and len({row.cost.hardware for row in table.rows if row.cost.hardware}) > 1:
        sentences.append("Training times are of different hardware (--format csv says which) and not comparable.")
    shown = [kind for kind in localisation_kinds(table.rows) if localisation_title(kind) in titles]
    if shown:
        sentences.append(_localisation(shown, table.rows))
    if TUNING in titles:
        searches = [row.tuned for row in table.rows if row.tuned]
        stayed = "; default stayed: none was better" if any(one.stayed for one in searches) else ""
        sentences.append(
            f"Tuning: trials of the search for the settings, and their time{stayed}; a dash where nobody searched."
        )
    return " ".join(sentences)


def localisation_kinds(rows: list[Row]) -> list[str]:
    """The statistics of maps that a table shows: the first that any row has of the marks, and of the anatomy."""
    known = [
        [kind for kind in kinds if any(kind in row.localisation for row in rows)] for kinds in (MARKS, LOCALISATION)
    ]
    return [kinds[0] for kinds in known if kinds]


def localisation_title(kind: str) -> str:
    """The title of the column of a statistic of maps."""
    return kind.replace("-", " ")


def _localisation(kinds: list[str], rows: list[Row]) -> str:
    occluded = any(wording.occluded(row) for row in rows if any(kind in row.localisation for kind in kinds))
    method = " (o): maps by occlusion." if occluded else ""
    explained = [f"{MARKS[kind].capitalize()}, of the class with the most." for kind in kinds if kind in MARKS]
    explained += [
        f"{LOCALISATION[kind].capitalize()}, mean over classes; 1 is chance." for kind in kinds if kind in LOCALISATION
    ]
    return f"{' '.join(explained)}{method}"


def _dataset(dataset: DatasetInfo) -> str:
    counts = ", ".join(f"{name} {images:,}" for name, images in dataset.counts.items())
    skipped = f" {len(dataset.skipped)} unreadable left out." if dataset.skipped else ""
    return f"Dataset {dataset.digest[:8]}: {sum(dataset.counts.values()):,} images ({counts}).{skipped}"


def _split(split: SplitInfo) -> str:
    grouping = GROUPINGS.get(split.grouping, split.grouping)
    return f"Split {split.digest[:8] or 'not made'}: {_subsets(split)}; {grouping}; split seed {split.seed}."


def _subsets(split: SplitInfo) -> str:
    shares = split.fractions
    if split.folds > 1:
        rest = {subset: share for subset, share in shares.items() if subset != "test"}
        rest_text = ", ".join(f"{subset} {100 * share / sum(rest.values()):.2g} %" for subset, share in rest.items())
        return f"{split.folds}-fold cross-validation, out-of-fold predictions pooled; of the other folds {rest_text}"
    tested = sum(split.counts.get("test", {}).values())
    return ", ".join(f"{subset} {100 * share:.3g} %" for subset, share in shares.items()) + (
        f" ({tested:,} images)" if tested else ""
    )


def _listed(numbers: list[int]) -> str:
    if len(numbers) > 4 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, numbers))
