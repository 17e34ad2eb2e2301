"""Who is trained on, who is tested on: see `benchmark.data.splits`."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.splits import split, write_csv
from benchmark.stages.reading import Reader

if TYPE_CHECKING:
    from benchmark.stages.context import Context

FIRST_NAMES = {"validation": "select", "calibration": "fit"}


def build(context: "Context", folder: Path) -> None:
    """Write ``subsets.npy`` (N,), ``split.csv`` and ``digest``, of who is where: runs that share it can be compared."""
    images = Reader(context).prepared
    table = context.spec.split
    divisions = [
        split(
            images.labels,
            images.sources,
            images.groups,
            fractions=(table.train, table.validation, table.test),
            seed=table.seed,
            grouping=table.grouping,
            ids=images.ids,
            folds=table.folds,
            fold=fold,
        )
        for fold in range(table.folds)
    ]
    subsets = divisions[context.spec.fold or 0]
    np.save(folder / "subsets.npy", np.asarray(subsets, dtype=np.str_))
    write_csv(folder / "split.csv", images.ids, images.labels, images.sources, images.groups, subsets)
    # The folds of one cross-validation share a digest: of who is where in all of them.  It has the subsets' first
    # names, so that a split keeps its digest and results from before stand beside those of today.
    named = [[FIRST_NAMES.get(subset, subset) for subset in division] for division in divisions]
    rows = zip(images.ids, *named, strict=True)
    pairs = "\n".join(sorted("\t".join(map(str, row)) for row in rows))
    (folder / "digest").write_text(hashlib.sha256(pairs.encode()).hexdigest())
