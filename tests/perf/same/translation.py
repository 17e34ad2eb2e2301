"""What the two checkouts call differently, and what is not compared.

A name that changes is a line here, the old name to the new one; `*` stands for any one name and is the same on both
sides.  Names in results are translated wherever the old ones stand, in both checkouts; settings, their values and
flags are translated for a checkout whose records have that schema.  Anything else that only one of the two has is a
difference.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

Name = tuple[str, ...]  # where a value stands, from the outside in
Names = Mapping[str, str]
T = TypeVar("T")

# Schema from which they hold -> old name -> new name, of settings as `table.key` and of flags.
SETTINGS: dict[int, Names] = {2: {"features.carrier": "features.head"}}
SETTING_VALUES: dict[int, dict[str, Names]] = {2: {"split.grouping": {"naive": "image-level"}}}
DROPPED: dict[int, Sequence[str]] = {  # settings that there are no more from a schema on
    3: ("training.patience", "training.decay", "segmentation.patience", "segmentation.decay")
}
ADDED: dict[int, Mapping[str, Any]] = {  # and those that there were not before it
    3: {
        f"{table}.{key}": value
        for table in ("training", "segmentation")
        for key, value in (("exact_epochs", False), ("validation_share", 0.1))
    },
    5: {  # as it was until then without being said
        "images.fit": "stretch",
        "images.inverted_masks": False,
        "split.copies": "identical",
        "split.parts": "own",
        "split.leaks": "refuse",
        "split.contradictions": "keep",
    },
}  # fmt: skip
FLAGS: dict[int, Names] = {2: {}}
OPTIONS: dict[int, Names] = {2: {"mask_maker": "mask_annotator"}}  # of components, in brackets

# Kind of file -> old name -> new name.
RENAMED: dict[str, Names] = {
    "record": {
        "split.counts.select": "split.counts.validation",
        "split.counts.fit": "split.counts.calibration",
        "training.final_rate": "training.final_learning_rate",
        "training.batch_shares": "training.batch_prior",
        "training.waiting": "training.input_stall",
        "training.segmenter.waiting": "training.segmenter.input_stall",
        "calibration.part": "calibration.subset",
        "calibration.thresholds.*.validation_specificity": "calibration.thresholds.*.calibration_specificity",
        "calibration.thresholds.*.validation_sensitivity": "calibration.thresholds.*.calibration_sensitivity",
        "reference.detectable": "reference.minimum_detectable",
        "components.carrier": "components.features_head",
        "components.dataset.options.mask_maker": "components.dataset.options.mask_annotator",
        "spec.dataset.options.mask_maker": "spec.dataset.options.mask_annotator",
        "spec.members.*.dataset.options.mask_maker": "spec.members.*.dataset.options.mask_annotator",
        "spec.reference.dataset.options.mask_maker": "spec.reference.dataset.options.mask_annotator",
        "spec.carrier": "spec.features_head",
        "spec.members.*.carrier": "spec.members.*.features_head",
        "spec.reference.carrier": "spec.reference.features_head",
    },
    "comparison": {
        "tables.*.lead.detectable": "tables.*.leader.minimum_detectable",
        "tables.*.lead.level": "tables.*.leader.tied",
        "tables.*.lead.separable": "tables.*.leader.significant",
        "tables.*.lead": "tables.*.leader",
        "tables.*.rows.*.against.detectable": "tables.*.rows.*.against.minimum_detectable",
        "costs.*.groups.*.rows.*.undominated": "costs.*.groups.*.rows.*.pareto_optimal",
    },
    "predictions": {"parts": "subsets", "evidence": "corrected_logits"},
    "history": {"*.rate": "*.learning_rate", "*.waiting": "*.input_stall"},
    "split": {"*.part": "*.subset"},
    "tuned": {"features.carrier": "features.head"},
    "finding": {
        "select.detectable": "validation.minimum_detectable",
        "select": "validation",
        "test.detectable": "test.minimum_detectable",
    },
}
# Kind of file -> new name of what holds it -> old word -> new word.
RENAMED_VALUES: dict[str, dict[str, Names]] = {
    "record": {
        "calibration.subset": {"fit": "calibration", "fit, of each fold": "calibration, of each fold"},
        "split.grouping": {"naive": "image-level"},
        "spec.split.grouping": {"naive": "image-level"},
        "spec.members.*.split.grouping": {"naive": "image-level"},
        "spec.reference.split.grouping": {"naive": "image-level"},
    },
    "predictions": {"subsets": {"select": "validation", "fit": "calibration"}},
    "split": {"*.subset": {"select": "validation", "fit": "calibration"}},
    "tuned": {"split.grouping": {"naive": "image-level"}},
}

# Phrases of messages: old -> new.
PHRASES: Names = {"calibrated on validation": "calibrated on the calibration subset"}

# Why -> kind of file -> new names, everything inside them included.
IGNORED: dict[str, dict[str, Sequence[str]]] = {
    "times": {
        "record": ("created", "training.stage_duration_s", "training.waiting", "training.segmenter.waiting",
                   "training.input_stall", "training.segmenter.input_stall", "training.tracing_s",
                   "training.segmenter.tracing_s", "tuned.duration_s", "spec.tuned.duration_s"),
        "history": ("*.duration_s", "*.waiting", "*.input_stall", "*.tracing_s"),
        "ledger": ("*.duration_s",),
        "trials": ("*.duration_s",),
        "tuned": ("tuned.duration_s",),
        "finding": ("tuned.duration_s",),
        "comparison": ("tables.*.rows.*.tuning.duration_s",),
    },
    "costs and hardware": {
        "record": ("cost.model_bytes", "cost.training_s", "cost.training_images_per_s", "cost.inference_images_per_s",
                   "cost.hardware", "tuned.hardware", "spec.tuned.hardware"),
        "ledger": ("*.told.device",),
        "tuned": ("tuned.hardware",),
        "finding": ("tuned.hardware",),
        "comparison": ("tables.*.rows.*.cost.model_bytes", "tables.*.rows.*.cost.training_s",
                       "tables.*.rows.*.cost.hardware", "tables.*.rows.*.tuning.hardware"),
    },
    "keys and code digests": {
        "record": ("schema", "run", "digest", "key", "pipeline_digest", "seal", "components.*.code",
                   "components.*.version", "members.*.run", "dataset.digest",  # of phantoms: the code
                   "files", "scoring", "test", "trainings"),
        "comparison": ("tables.*.dataset_digest",),
        "ledger": ("search.subject",),
        "finding": ("default.run", "best.run"),
    },
    "what was cached": {"record": ("stages",)},
    "places": {"record": ("spec.dataset.root",), "finding": ("file", "folder", "again")},
    "environment": {"record": ("environment",)},
    "prose of tables": {"comparison": ("tables.*.caption", "tables.*.conclusion")},
}  # fmt: skip
TRANSIENT = ("wait", "stall")  # a note with one of these speaks of time


def translated_task(content: Mapping[str, Any], schema: int) -> dict[str, Any]:
    """A task as a checkout reads it whose records have that schema."""
    changed: dict[str, Any] = {key: dict(value) if isinstance(value, dict) else value for key, value in content.items()}
    for old, new in _since(SETTINGS, schema).items():
        (table, key), (other, name) = old.split("."), new.split(".")
        if key in changed.get(table, {}):
            changed.setdefault(other, {})[name] = changed[table].pop(key)
    for setting, words in _since(SETTING_VALUES, schema).items():
        table, key = setting.split(".")
        if changed.get(table, {}).get(key) in words:
            changed[table][key] = words[changed[table][key]]
    for setting in [one for first, names in DROPPED.items() if first <= schema for one in names]:
        table, key = setting.split(".")
        changed.get(table, {}).pop(key, None)
    for setting, value in _since(ADDED, schema).items():
        table, key = setting.split(".")
        if changed.get(table):
            changed[table].setdefault(key, value)
    return {key: value for key, value in changed.items() if value != {}}


def translated_flags(line: Sequence[str], schema: int) -> list[str]:
    """Flags as a checkout takes them whose records have that schema."""
    names = _since(FLAGS, schema)
    options = _since(OPTIONS, schema)
    return [names.get(word, _with_options(word, options)) for word in line]


def _with_options(word: str, names: Names) -> str:
    return re.sub(r"(?<=[\[,])\w+(?==)", lambda found: names.get(found[0], found[0]), word)


def _since(tables: Mapping[int, Mapping[str, T]], schema: int) -> dict[str, T]:
    return {old: new for first, names in sorted(tables.items()) if first <= schema for old, new in names.items()}


def renamed(kind: str, name: Name) -> Name:
    """The name that a value has now."""
    for old, new in RENAMED.get(kind, {}).items():
        stars = matched(old, name)
        if stars is not None:
            rest = iter(stars)
            return (*(next(rest) if piece == "*" else piece for piece in new.split(".")), *name[old.count(".") + 1 :])
    return name


def renamed_values(kind: str, name: Name) -> Names:
    """Old word -> new word of what stands at that (new) name."""
    return next(
        (words for place, words in RENAMED_VALUES.get(kind, {}).items() if matched(place, name) is not None), {}
    )


def ignored(kind: str, name: Name) -> bool:
    """Whether what stands at that (new) name is not compared."""
    return any(matched(place, name) is not None for kinds in IGNORED.values() for place in kinds.get(kind, ()))


def matched(pattern: str, name: Name) -> list[str] | None:
    """What the stars of a pattern stand for, where a name begins as it says; else None."""
    pieces = pattern.split(".")
    pairs = list(zip(pieces, name, strict=False))
    if len(pairs) < len(pieces) or any(piece not in ("*", part) for piece, part in pairs):
        return None
    return [part for piece, part in pairs if piece == "*"]
