"""What the two checkouts call differently, and what is not compared.

A name that changes is a line here, the old name to the new one; `*` stands for any one name and is the same on both
sides.  Names in results are translated wherever the old ones stand, in both checkouts; settings and flags are
translated for a checkout whose records have that schema.  Anything else that only one of the two has is a difference.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Name = tuple[str, ...]  # where a value stands, from the outside in
Names = Mapping[str, str]

# Schema from which they hold -> old name -> new name, of settings as `table.key` and of flags.
SETTINGS: dict[int, Names] = {2: {"features.carrier": "features.head"}}
FLAGS: dict[int, Names] = {2: {}}

# Kind of file -> old name -> new name.
RENAMED: dict[str, Names] = {
    "record": {
        "split.counts.select": "split.counts.validation",
        "split.counts.fit": "split.counts.calibration",
        "training.final_rate": "training.final_learning_rate",
    },
    "predictions": {"parts": "subsets", "evidence": "corrected_logits"},
    "history": {"*.rate": "*.learning_rate"},
    "split": {"*.part": "*.subset"},
}
# Kind of file -> new name of what holds it -> old word -> new word.
RENAMED_VALUES: dict[str, dict[str, Names]] = {
    "record": {"calibration.part": {"fit": "calibration", "fit, of each fold": "calibration, of each fold"}},
    "predictions": {"subsets": {"select": "validation", "fit": "calibration"}},
    "split": {"*.subset": {"select": "validation", "fit": "calibration"}},
}

# Phrases of messages: old -> new.
PHRASES: Names = {}

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
                   "components.*.version", "members.*.run"),
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
    return {key: value for key, value in changed.items() if value != {}}


def translated_flags(line: Sequence[str], schema: int) -> list[str]:
    """Flags as a checkout takes them whose records have that schema."""
    names = _since(FLAGS, schema)
    return [names.get(word, word) for word in line]


def _since(tables: Mapping[int, Names], schema: int) -> dict[str, str]:
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
