"""Who is trained on, who is tested on: see `benchmark.data.splits`."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.splits import split, write_csv
from benchmark.stages.reading import Reader

if TYPE_CHECKING:
    from benchmark.stages.context import Context


def build(context: "Context", folder: Path) -> None:
    """Write ``parts.npy`` (N,), ``split.csv`` and ``digest``, of who is where: runs that share it can be compared."""
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
    parts = divisions[context.spec.fold or 0]
    np.save(folder / "parts.npy", np.asarray(parts, dtype=np.str_))
    write_csv(folder / "split.csv", images.ids, images.labels, images.sources, images.groups, parts)
    # The folds of one cross-validation share a digest: of who is where in all of them.
    rows = zip(images.ids, *divisions, strict=True)
    pairs = "\n".join(sorted("\t".join(map(str, row)) for row in rows))
    (folder / "digest").write_text(hashlib.sha256(pairs.encode()).hexdigest())
