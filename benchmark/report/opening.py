"""What a command says first: how the data were understood, and what of them it does not use."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from benchmark.records.summary import DatasetSummary, LeftAside, Understood
from registry.wording import counted, plural

if TYPE_CHECKING:
    from registry.contracts import PassedOver

MOST = 12  # labels, sources or reasons on one line
SAID = ("patients unknown", "patients of", "sources unknown")  # beginnings of notices that lines of their own repeat


def opening(summary: DatasetSummary, parts: str) -> list[str]:
    """A line each on labels, masks, patients, sources, parts, other traits, what is left out and what was passed over.

    Args:
        parts: whether those of the dataset are used: ``own`` or ``given``, as of `benchmark.tasks.schema.Split`.
    """
    return [f"  {name}: {text}" for name, text in _facts(summary, parts) if text]


def _facts(summary: DatasetSummary, parts: str) -> Iterator[tuple[str, str]]:
    known = summary.understood
    yield "labels", _counted(summary.counts)
    yield "masks", _masks(summary)
    yield "patients", _patients(summary)
    yield "sources", _counted(summary.sources) or "unknown"
    yield "parts", _parts(known, parts)
    yield "also known", _counted({trait: f"of {plural(count, 'image')}" for trait, count in known.traits.items()})
    yield "left out", ", ".join([*filter(None, [_ignored(known.ignored)]), *_limited(known.limited)])
    yield "passed over", _listed(map(left_aside, known.passed_over), "; ")
    yield from (("note", line) for line in summary.notices if not line.startswith(SAID))


def _masks(summary: DatasetSummary) -> str:
    if not summary.masks:
        return "none" if summary.masks is not None else ""
    by_label = summary.understood.masks
    lacking = [label for label in summary.labels if not by_label.get(label)]
    without = f"; none of {_listed(lacking)}" if lacking else ""
    return f"{summary.masks:,} of {plural(summary.images, 'image')} ({_counted(by_label)}){without}"


def _patients(summary: DatasetSummary) -> str:
    known = summary.understood
    if not known.patients:
        return "unknown: each image stands by itself, but for identical ones"
    by = f", known by {known.patients_by}" if known.patients_by else ""
    lone = summary.images - known.patients_of
    alone = f"; of {plural(lone, 'image')} unknown: each stands by itself" if lone else ""
    return f"{known.patients:,} with {plural(known.patients_of, 'image')}{by}{alone}"


def _parts(known: Understood, used: str) -> str:
    if not known.parts:
        return ""
    counts = _counted({part: sum(labels.values()) for part, labels in known.parts.items()})
    shared = {"patient": known.shared_patients, "identical file": known.shared_files}
    leaks = " and ".join(plural(count, what) for what, count in shared.items() if count)
    lie = "lies" if sum(shared.values()) == 1 else "lie"
    given = ", as given" if used == "given" else ""
    anew = "" if given else "; not used, all images are divided anew (--set split.parts=given keeps them)"
    fate = ", where a run stops unless split.leaks is drop or keep" if given else ""
    return f"{counts}{given}{f'; {leaks} {lie} in train and in test{fate}' if leaks else ''}{anew}"


def _limited(count: int) -> list[str]:
    return [f"{count:,} beyond --limit"] if count else []


def left_aside(one: "LeftAside | PassedOver") -> str:
    """``3 hidden files (no part of the data, such as .a.png)``."""
    what = counted(one.count, one.what) if one.count else one.what
    examples = f", such as {one.examples[0]}" if one.examples else ""
    return f"{what} ({one.why}{examples})"


def _counted(counts: Mapping[str, object]) -> str:
    return _listed(
        f"{name} {count:,}" if isinstance(count, int) else f"{name} {count}" for name, count in counts.items()
    )


def _ignored(counts: Mapping[str, int]) -> str:
    """Images whose label is ignored; of many labels, the first."""
    return _listed(f"{name} {count:,} (ignored)" for name, count in counts.items())


def _listed(texts: Iterable[str], between: str = ", ") -> str:
    every = list(texts)
    more = [f"{len(every) - MOST} more"] if len(every) > MOST else []
    return between.join([*every[:MOST], *more])
