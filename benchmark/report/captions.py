"""What stands above and below a table: its title, what the numbers rest on, how to read the cells."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from benchmark.comparison.shortening import short_value
from benchmark.comparison.tables import Row, Table
from benchmark.records.findings import Copies, SplitInfo
from benchmark.records.record import DatasetInfo
from benchmark.report import wording

TUNING = "tuning"
REFERENCE = "reference: "  # before the title of a table that nobody here has run
IGNORED = 3  # labels that are named
VALUES, LONGEST = 4, 60  # of a setting in which rows differ: how many are named, with how many characters
GROUPINGS = {
    "group": "images known to belong together kept on one side",
    "image-level": "image-level: patients and identical images may be on both sides",
}
AS_PUBLISHED = "parts as published: patients or films are in training and in test"
TRAINING_TIME, TO_FIRST = "training time", "Δ to first"
COMMON = "(c)"  # beside a difference
MARKS = {
    "marks-share": "marks share: the share of the maps' mass on lettering and frame burnt into the film",
    "marks-enrichment": "marks enrichment: that share over the marks' share of the image",
}
LESION = {
    "lesion-relative-enrichment": (
        "lesion relative enrichment: the maps' mass in the lesion, over that of the mean of the class's other maps on "
        "the same image; 1 is a map that never looks"
    ),
    "lesion-enrichment": "lesion enrichment: the maps' mass in the lesion over the lesion's share of the lungs",
}
LUNGS = {
    "lung-relative-enrichment": (
        "lung relative enrichment: the maps' mass in the lungs, over that of the mean of the class's other maps on the "
        "same image; 1 is a map that never looks"
    ),
    "lung-enrichment": (
        "lung enrichment: the maps' mass in the lungs over the lungs' share of the image; a map that never looks has "
        "1.3 to 1.8"
    ),
}
LOCALISATION = LESION | LUNGS
MASKS = "-mask"  # of what the images' own masks would reach


def title(table: Table) -> str:
    """Which tasks on which data."""
    of = REFERENCE * table.reference
    return f"{of}{', '.join(table.tasks)} · {table.dataset.name if table.dataset else 'dataset unknown'}"


def titles(tables: Sequence[Table]) -> list[str]:
    """The title of each table; where others have the same, with its number of images and its split."""
    plain = Counter(map(title, tables))
    return [title(table) + (_which(table) if plain[title(table)] > 1 else "") for table in tables]


def _which(table: Table) -> str:
    images = f", {sum(table.dataset.counts.values()):,} images" if table.dataset else ""
    return f"{images}, split {table.split.digest[:8] or 'not made'}" if table.split else images


def caption(table: Table) -> list[str]:
    """In what the rows differ, what the numbers rest on, and the dataset's notices."""
    lines = [*_differing(table)]
    if table.dataset:
        lines.append(_dataset(table.dataset))
    lines.append(_split(table.split) if table.split else "Split unknown: no run got as far.")
    if table.split and table.split.copies:
        lines.append(copies_found(table.split.copies))
    lines += table.split.notes if table.split else []
    lines += filter(None, [_tested(table), _trained(table), _ranked_by(table)])
    return lines + (table.dataset.notices if table.dataset else [])


def legend(table: Table, titles: list[str]) -> str:
    """How to read the cells of the columns of these titles."""
    sentences = [_intervals(table)]
    ranking = table.ranking
    if ranking is not None and ranking.pairs:
        if any("Δ" in title for title in titles):
            named = ", named before" if ranking.named else ""
            common = any(row.verdict is not None and row.verdict.common_trainings for row in table.rows)
            how = f" {COMMON}: both stand on common trainings, and are compared by these." if common else ""
            sentences.append(f"Δ: difference to {ranking.reference}{named}.{how}")
        if ranking.named:
            sentences.append("Minimum detectable: the true difference that is found in about 80 %.")
        if ranking.pairs > 1:
            chosen = "" if ranking.named else "; the first was chosen by these numbers, so its interval below is wider"
            sentences.append(
                f"All {ranking.pairs:,} pairs of pipelines, and of each with every rule, are tested at once: of such "
                f"tables 95 % hold no false difference{chosen}."
            )
    trained = {row.cost.hardware for row in table.rows if row.cost.hardware and row.cost.training_s is not None}
    if TRAINING_TIME in titles and len(trained) > 1:
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


def _intervals(table: Table) -> str:
    """What the numbers in brackets are of."""
    several = any(wording.spread(row, table.metric) is not None for row in table.rows)
    means = "; means over seeds. SD: standard deviation over training seeds" if several else ""
    if any(row.standing is not None and row.standing.retrained for row in table.rows):
        ranked = wording.metric(table.metric)
        return f"{ranked} [95 % interval over images and retraining], the rest [over images alone]{means}."
    if table.folds > 1:
        return f"Value [95 % interval over images alone]{means}; that training sets differ is in the tests."
    return f"Value [95 % interval over images alone]{means}; what retraining would change is not in it."


def localisation_kinds(rows: list[Row]) -> list[str]:
    """The statistics of maps that a table shows: of the marks, of lesions and of lungs the first that any row has."""
    known = [
        [kind for kind in kinds if any(kind in row.localisation for row in rows)] for kinds in (MARKS, LESION, LUNGS)
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
        f"{LOCALISATION[kind].capitalize()}{_of_masks(kind, rows)}; {_of_whom(kind, rows)}."
        for kind in kinds
        if kind in LOCALISATION
    ]
    return f"{' '.join(explained)}{method}"


def _of_whom(kind: str, rows: list[Row]) -> str:
    named = {run.gradcam[kind].note for row in rows for run in row.runs if kind in run.gradcam}
    return f"of {named.pop()}" if len(named) == 1 and named != {""} else "mean over classes"


def _of_masks(kind: str, rows: list[Row]) -> str:
    """What the images' own masks would reach at the maps' resolution, where that is known."""
    beside = kind.replace("-relative", f"{MASKS}-relative")
    known = [row.localisation[beside] for row in rows if beside != kind and beside in row.localisation]
    return f", {sum(known) / len(known):.2f} is what the images' own masks would reach" if known else ""


def _dataset(dataset: DatasetInfo) -> str:
    counts = ", ".join(f"{name} {images:,}" for name, images in dataset.counts.items())
    skipped = f" {len(dataset.skipped)} unreadable left out." if dataset.skipped else ""
    counted = f"Dataset {dataset.digest[:8]}: {sum(dataset.counts.values()):,} images ({counts})."
    return f"{counted}{skipped}{_ignored(dataset.understood.ignored)}"


def _ignored(counts: Mapping[str, int]) -> str:
    """Images left out for their label: of a few labels each, of many together."""
    if len(counts) <= IGNORED:
        return "".join(f" {count:,} of {label} left out." for label, count in counts.items())
    most = sorted(counts, key=lambda label: -counts[label])[:IGNORED]
    shown = ", ".join(f"{label} {counts[label]:,}" for label in most)
    return f" {sum(counts.values()):,} of {len(counts)} labels left out (most of {shown})."


def _split(split: SplitInfo) -> str:
    grouping = AS_PUBLISHED if split.leaks == "keep" else GROUPINGS.get(split.grouping, split.grouping)
    alone = "" if split.folds > 1 else "; what another split would change is in no interval"
    return f"Split {split.digest[:8] or 'not made'}: {_subsets(split)}; {grouping}; split seed {split.seed}{alone}."


def copies_found(copies: Copies) -> str:
    """What the search for crops and re-encodings came to."""
    if not copies.pairs:
        return "No film is a crop or re-encoding of another, as far as key points tell."
    return (
        f"{copies.films:,} films in {wording.plural(copies.groups, 'group')} are crops or re-encodings of one another, "
        f"or of one patient ({wording.plural(copies.pairs, 'pair')}, at most {copies.largest} films together), "
        "and are kept together."
    )


def _subsets(split: SplitInfo) -> str:
    shares = split.fractions
    if split.parts == "given":
        counts = {subset: sum(counts.values()) for subset, counts in split.counts.items()}
        return ", ".join(f"{subset} {count:,} images" for subset, count in counts.items())
    if split.folds > 1:
        rest = {subset: share for subset, share in shares.items() if subset != "test"}
        rest_text = ", ".join(f"{subset} {100 * share / sum(rest.values()):.2g} %" for subset, share in rest.items())
        return f"{split.folds}-fold cross-validation, out-of-fold predictions pooled; of the other folds {rest_text}"
    tested = sum(split.counts.get("test", {}).values())
    return ", ".join(f"{subset} {100 * share:.3g} %" for subset, share in shares.items()) + (
        f" ({tested:,} images)" if tested else ""
    )


def _differing(table: Table) -> Iterator[str]:
    """Settings in which rows differ, and what their names leave out, as every row with that component has it."""
    settings = [f"{name} ({wording.few_of(map(_brief, found), VALUES)})" for name, found in table.differing.items()]
    if settings:
        yield f"Rows differ in {', '.join(settings)}."
    yield from (wording.unnamed(component, options) for component, options in table.unnamed.items())


def _brief(value: str) -> str:
    """A setting's value; a path as its file's name, a long one cut."""
    shown = short_value(value)
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"


def _tested(table: Table) -> str:
    """How many images and independent groups of each class are tested on, and how often that was done."""
    counts = table.split.counts.get("test", {}) if table.split else {}
    every = sum(counts.values())
    if not every:
        return ""
    classes = ", ".join(
        f"{name} {images:,} ({100 * images / every:.1f} %{_groups(table.groups.get(name), images)})"
        for name, images in counts.items()
    )
    shown = sum(len(row.runs) for row in table.rows if not row.control)
    elsewhere = ", counting runs that are not in this table" if table.scored > shown else ""
    times = f" Scored at least {wording.plural(table.scored, 'time')}{elsewhere}." if table.scored else ""
    return f"Test: {classes}.{times}"


def _groups(groups: int | None, images: int) -> str:
    return "" if groups is None else f", {wording.plural(groups, 'group')}" if groups < images else ", none grouped"


def _trained(table: Table) -> str:
    trained = sorted({seed for row in table.rows for seed in row.expected})
    segmenter = ""
    if table.retrained_segmenter is not None and len(trained) > 1:
        each = "with every seed anew" if table.retrained_segmenter else "once for all seeds"
        segmenter = f" Segmenters are trained {each}."
    positive = f" Positive class: {table.positive}." if table.positive else ""
    return (
        f"Training {'seeds' if len(trained) > 1 else 'seed'} {_listed(trained)}.{segmenter} "
        f"Thresholds and calibration from the calibration subset, never from test.{positive}"
    )


def _ranked_by(table: Table) -> str:
    if table.metric == table.own_metric or not table.own_metric:
        return ""
    return f"Ranked by {wording.metric(table.metric)}; the metric of the task is {wording.metric(table.own_metric)}."


def _listed(numbers: list[int]) -> str:
    if len(numbers) > 4 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, numbers))
