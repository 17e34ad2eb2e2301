"""Which films are crops or re-encodings of one another: see `benchmark.data.copies`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.data.copies import check_copies, find_copies
from benchmark.data.film_memory import FilmMemory
from benchmark.data.samples import open_dataset
from registry.cores import usable_cores

if TYPE_CHECKING:
    from benchmark.stages.context import Context


def build(context: "Context", folder: Path) -> None:
    """Write ``copies.json``: pairs of ids with the number of points that agree, and how many films were searched."""
    _, samples, _ = open_dataset(context.spec.dataset, context.spec.split.seed)
    memory = FilmMemory(context.kept.read() if context.kept else None)
    copies = find_copies(
        samples,
        workers=usable_cores(),
        told=lambda done, total: context.progress({"done": done, "total": total}),
        memory=memory,
    )
    if context.kept:
        context.kept.write(memory.content())
    check_copies(copies, samples)
    pairs = [(samples[copy.one].id, samples[copy.other].id, copy.points) for copy in copies]
    searched = sum(bool(sample.paths) for sample in samples)
    (folder / "copies.json").write_text(json.dumps({"searched": searched, "pairs": pairs}), encoding="utf-8")
