"""Who is trained on, who is tested on: see `benchmark.data.splits`."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.merging import merge
from benchmark.data.splits import split, write_csv
from benchmark.stages.reading import Reader

if TYPE_CHECKING:
    from benchmark.data.prepared import Prepared
    from benchmark.stages.context import Context

FIRST_NAMES = {"validation": "select", "calibration": "fit"}


def build(context: "Context", folder: Path) -> None:
    """Write ``subsets.npy`` and ``groups.npy`` (N,), ``split.csv``, and ``digest``: of who is where, so that runs that
    share it can be compared."""
    run = Reader(context)
    images = run.prepared
    groups = kept_together(images, run.copies)
    table = context.spec.split
    divisions = [
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
    subsets = divisions[context.spec.fold or 0]
    np.save(folder / "subsets.npy", np.asarray(subsets, dtype=np.str_))
    np.save(folder / "groups.npy", np.asarray(groups, dtype=np.str_))
    write_csv(folder / "split.csv", images.ids, images.labels, images.sources, groups, subsets)
    # The folds of one cross-validation share a digest: of who is where in all of them.  It has the subsets' first
    # names, so that a split keeps its digest and results from before stand beside those of today.
    named = [[FIRST_NAMES.get(subset, subset) for subset in division] for division in divisions]
    rows = zip(images.ids, *named, strict=True)
    pairs = "\n".join(sorted("\t".join(map(str, row)) for row in rows))
    (folder / "digest").write_text(hashlib.sha256(pairs.encode()).hexdigest())


def kept_together(images: "Prepared", copies: Sequence[tuple[str, str]]) -> list[str]:
    """The group of each image (N,) after copies, pairs of ids, joined those of the dataset."""
    place = {str(name): image for image, name in enumerate(images.ids)}
    pairs = [(place[one], place[other]) for one, other in copies if one in place and other in place]
    return merge(images.groups.tolist(), pairs)
