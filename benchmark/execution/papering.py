"""The figures of a paper as PDF files.  A worker's task: the command line loads no matplotlib."""

from pathlib import Path
from typing import Any

import msgspec

from benchmark.records.drawings import Figure
from benchmark.storage.garbage import imported


class DrawFigures(msgspec.Struct, frozen=True, tag_field="op", tag="figures", forbid_unknown_fields=True):
    """A PDF of each figure, in a folder that is there."""

    folder: str
    figures: list[Figure]

    @property
    def runtime(self) -> None:
        """Any will do."""
        return


def serve(request: DrawFigures, emit: object) -> None:
    """Draw them; nothing is told on the way."""
    drawing: Any = imported("benchmark.figures.paper")
    for figure in request.figures:
        drawing.draw(figure, Path(request.folder) / figure.file)
