"""Grey levels and file headers of the images as they are read: see `benchmark.data.originals`."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.originals import FILE, read_originals
from benchmark.data.samples import open_dataset
from registry.cores import usable_cores

if TYPE_CHECKING:
    from benchmark.stages.context import Context


def build(context: "Context", folder: Path) -> None:
    """Write ``originals.npz``."""
    _, samples, _ = open_dataset(context.spec.dataset, context.spec.split.seed)
    found = read_originals(
        samples, usable_cores(), lambda done, total: context.progress({"done": done, "total": total})
    )
    np.savez_compressed(folder / FILE, **found._asdict())
