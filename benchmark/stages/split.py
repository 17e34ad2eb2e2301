"""Who is trained on, who is tested on: see `benchmark.data.splits` and, of a dataset in parts, `given_parts`."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.data import contradictions, given_parts
from benchmark.data.merging import connected, merge
from benchmark.data.part_counts import check_parts
from benchmark.data.splits import split, units_of, write_csv
from benchmark.stages.reading import Reader

if TYPE_CHECKING:
    from benchmark.data.prepared import Prepared
    from benchmark.stages.context import Context
    from benchmark.tasks.schema import Split

FIRST_NAMES = {"validation": "select", "calibration": "fit"}
LEFT_OUT = "left out"  # in place of a subset


def build(context: "Context", folder: Path) -> None:
    """Write ``subsets.npy`` (N,), ``split.csv`` and ``digest``, of who is where: runs that share it can be compared.

    Besides, ``facts.json``, fields of `benchmark.records.findings.SplitInfo`, and where copies join groups of the
    dataset, ``groups.npy`` (N,), which count from here on.

    Raises:
        ConfigError: the dataset's parts are to be used, and cannot be.
        RefusedError: they leak, and nobody said what to do about it.
    """
    run, table = Reader(context), context.spec.split
    images, copies = run.prepared, _rows(run.prepared, run.copies or [])
    groups = merge(images.groups.tolist(), copies)
    used, facts = _used(images, copies, groups, table)
    divisions, notes = _divisions(images, groups, used, table)
    subsets = divisions[context.spec.fold or 0]
    np.save(folder / "subsets.npy", np.asarray(subsets, dtype=np.str_))
    if groups != images.groups.tolist():
        np.save(folder / "groups.npy", np.asarray(groups, dtype=np.str_))
    facts["copies"] = None if run.copies is None else _counted(copies)
    facts["notes"] = notes + facts["notes"]
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    write_csv(folder / "split.csv", images.ids, images.labels, images.sources, groups, subsets)
    (folder / "digest").write_text(_digest(images, divisions))


def _used(
    images: "Prepared", copies: Sequence[tuple[int, int]], groups: Sequence[str], table: "Split"
) -> tuple[np.ndarray, dict[str, Any]]:
    """Which images (N,) are divided, without those that contradict one another or leak where these are left out.

    With it, what the record says of that.
    """
    used, notes = np.ones(len(groups), bool), []
    films = contradictions.contradictions(images, copies)
    named = [contradictions.names(images, film) for film in films]
    if films:
        drops = table.contradictions == "drop"
        used[[image for film in films for image in film]] = not drops
        notes.append(contradictions.told(named, drops))
    kept = ""
    if table.parts == "given":
        check_parts(Counter(images.parts.tolist()), len(used))
        leaking = used & given_parts.leaking(groups, images.parts)
        if leaking.any():
            notes.append(given_parts.told(images, groups, leaking, table.leaks))
            kept = "keep" if table.leaks == "keep" else ""
            used = used if kept else used & ~leaking
    left_out = int((~used).sum())
    return used, {"parts": table.parts, "leaks": kept, "left_out": left_out, "contradictions": named, "notes": notes}


def _divisions(
    images: "Prepared", groups: Sequence[str], used: np.ndarray, table: "Split"
) -> tuple[list[np.ndarray], list[str]]:
    """The subset of each image in each fold, and what is to be said of the dataset's parts."""
    columns = [np.asarray(column, object)[used].tolist() for column in (images.labels, images.sources, groups)]
    labels, sources, own = columns
    parts, ids = images.parts[used].tolist(), images.ids[used].tolist()
    if table.parts == "given":
        units, shares = units_of(own, table.grouping, ids), (table.train, table.validation)
        divided = given_parts.divide_given(labels, sources, units, parts, shares=shares, seed=table.seed)
        return [_among(used, divided.subsets)], [divided.note]
    fractions = (table.train, table.validation, table.test)
    divisions = [
        split(
            *columns,
            fractions=fractions,
            seed=table.seed,
            grouping=table.grouping,
            ids=ids,
            folds=table.folds,
            fold=fold,
        )
        for fold in range(table.folds)
    ]
    return [_among(used, division) for division in divisions], given_parts.unused(parts)


def _among(used: np.ndarray, subsets: np.ndarray) -> np.ndarray:
    """The subsets of all images, from those of the images that are divided."""
    found = np.full(len(used), LEFT_OUT, dtype=max(subsets.dtype, np.dtype(f"U{len(LEFT_OUT)}")))
    found[used] = subsets
    return found


def _digest(images: "Prepared", divisions: Sequence[np.ndarray]) -> str:
    """Of who is where in all folds, so that those of one cross-validation share it.

    It has the subsets' first names: a split keeps its digest, and results from before stand beside those of today.
    """
    named = [[FIRST_NAMES.get(subset, subset) for subset in division] for division in divisions]
    pairs = "\n".join(sorted("\t".join(map(str, row)) for row in zip(images.ids, *named, strict=True)))
    return hashlib.sha256(pairs.encode()).hexdigest()


def _rows(images: "Prepared", copies: Sequence[tuple[str, str]]) -> list[tuple[int, int]]:
    """Pairs of prepared images, from pairs of ids; an image may have been left out meanwhile."""
    row = {str(name): place for place, name in enumerate(images.ids)}
    return [(row[one], row[other]) for one, other in copies if one in row and other in row]


def _counted(copies: Sequence[tuple[int, int]]) -> dict[str, int]:
    """How many pairs of films are copies, and how many films they connect into how many groups."""
    groups = [len(group) for group in connected(copies)]
    return {"pairs": len(copies), "groups": len(groups), "films": sum(groups), "largest": max(groups, default=0)}
