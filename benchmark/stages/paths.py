"""Where the file of each image lies, for programs that read the same images."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.data.samples import open_dataset

if TYPE_CHECKING:
    from benchmark.stages.context import Context


def build(context: "Context", folder: Path) -> None:
    """Write ``paths.json``: id -> path from the dataset's folder, or whole where it lies elsewhere; "" without a file.

    Ids that are not UTF-8 stand as JSON escapes them.
    """
    choice = context.spec.dataset
    root = Path(choice.root).resolve() if choice.root else None
    _, samples, _ = open_dataset(choice, context.spec.split.seed)
    found = {sample.id: _path(sample.paths[0], root) if sample.paths else "" for sample in samples}
    (folder / "paths.json").write_text(json.dumps(found), encoding="utf-8")


def _path(text: str, root: Path | None) -> str:
    path = Path(text).absolute()
    for base in (root, root and root.absolute()):
        if base is not None and path.is_relative_to(base):
            return path.relative_to(base).as_posix()
    return path.as_posix()
