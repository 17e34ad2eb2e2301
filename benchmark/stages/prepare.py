"""Decoded, resized, equalised images and masks: see `benchmark.data.prepare`."""

from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.data.prepare import prepare
from benchmark.data.samples import open_dataset
from registry.cores import usable_cores

if TYPE_CHECKING:
    from benchmark.stages.context import Context


def build(context: "Context", folder: Path) -> None:
    """Write the prepared artefact."""
    spec = context.spec
    _, samples, _ = open_dataset(spec.dataset, spec.split.seed)
    prepare(
        samples,
        folder,
        size=spec.images.size,
        equalise="none" if spec.images.equalise == "lungs" else spec.images.equalise,
        fit=spec.images.fit,
        inverted_masks=spec.images.inverted_masks,
        skip_bad=spec.dataset.skip_bad,
        workers=usable_cores(),
        progress=lambda done, total: context.progress({"done": done, "total": total}),
    )
