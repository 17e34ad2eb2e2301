"""Who is trained on, who is tested on: see `benchmark.data.splits`."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.merging import connected, merge
from benchmark.data.splits import split, write_csv
from benchmark.stages.reading import Reader

if TYPE_CHECKING:
    from benchmark.data.prepared import Prepared
    from benchmark.stages.context import Context

FIRST_NAMES = {"validation": "select", "calibration": "fit"}


def build(context: "Context", folder: Path) -> None:
    """Write ``subsets.npy`` (N,), ``split.csv`` and ``digest``, of who is where: runs that share it can be compared.

    Besides, where copies were searched, ``copies.json``, how many there are, and where they join groups of the dataset,
    ``groups.npy`` (N,), which count from here on.
    """
    run = Reader(context)
    images, copies = run.prepared, _rows(run.prepared, run.copies or [])
    groups = merge(images.groups.tolist(), copies)
    divisions = _divisions(context, images, groups)
    subsets = divisions[context.spec.fold or 0]
    np.save(folder / "subsets.npy", np.asarray(subsets, dtype=np.str_))
    if groups != images.groups.tolist():
        np.save(folder / "groups.npy", np.asarray(groups, dtype=np.str_))
    if run.copies is not None:
        (folder / "copies.json").write_text(json.dumps(_counted(copies)))
    write_csv(folder / "split.csv", images.ids, images.labels, images.sources, groups, subsets)
    (folder / "digest").write_text(_digest(images, divisions))


def _divisions(context: "Context", images: "Prepared", groups: Sequence[str]) -> list[np.ndarray]:
    """The subset of each image, of each fold."""
    table = context.spec.split
    return [
        split(
            images.labels,
            images.sources,
            groups,
            fractions=(table.train, table.validation, table.test),
            seed=table.seed,
            grouping=table.grouping,
            ids=images.ids,
            folds=table.folds,
            fold=fold,
        )
        for fold in range(table.folds)
    ]


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
