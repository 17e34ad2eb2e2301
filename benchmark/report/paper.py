"""What a paper takes from results: tables, figures, methods and bibliography, as LaTeX that compiles alone."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmark.comparison.external_tables import ExternalTable
from benchmark.comparison.shortening import shortened
from benchmark.comparison.tables import Comparison, Table
from benchmark.execution.descriptions import describing
from benchmark.execution.papering import DrawFigures
from benchmark.execution.process import Worker
from benchmark.planning.components import Descriptions
from benchmark.records.drawings import Figure, IntervalFigure
from benchmark.records.files import FILE, read
from benchmark.records.record import Record
from benchmark.report import wording
from benchmark.report.export import to_csv
from benchmark.report.papers.bibliography import Work, bibtex
from benchmark.report.papers.document import curve_float, document, heat_float, interval_float
from benchmark.report.papers.drawn import Folder, figures, heat_maps
from benchmark.report.papers.methods import Methods
from benchmark.report.papers.tables import elsewhere, results, unused
from benchmark.storage.code import CodeIndex
from benchmark.storage.files import write_whole
from benchmark.storage.places import cache_folder
from benchmark.storage.refusals import check_writable, storage_errors
from benchmark.tasks.settings import KINDS
from registry.errors import BenchError

PICTURES = "figures"


def paper(
    comparison: Comparison, external: Sequence[ExternalTable], folder_of: Callable[[Record], Path], output: Path
) -> list[Path]:
    """Write tables, figures, methods and bibliography; gives the files, ``paper.tex`` that holds them all first.

    Args:
        folder_of: where a run lies.
        output: the folder that is written to; files of these names are replaced, others stay.

    Raises:
        StorageError: it cannot be written.
        BenchError: the figures cannot be drawn.
    """
    cache = cache_folder()
    check_writable(output / PICTURES, "choose another folder with -o")
    check_writable(cache, "choose another cache with BENCH_CACHE")
    with Worker(cache / "logs") as worker, storage_errors(output):
        known = Descriptions(cache / "descriptions", describing(worker), CodeIndex(cache))
        made = _Paper(comparison, external, folder_of, output, known)
        worker.ask(DrawFigures(str(output / PICTURES), made.drawn), type(None))
        return made.written()


class _Paper:
    """What is written, of all tables."""

    def __init__(
        self,
        comparison: Comparison,
        external: Sequence[ExternalTable],
        folder_of: Folder,
        output: Path,
        known: Descriptions,
    ) -> None:
        self.comparison, self.external, self.folder_of, self.output, self.known = (
            comparison, external, folder_of, output, known,
        )  # fmt: skip
        self.drawn: list[Figure] = []
        self.floats: list[str] = []
        self.works: list[Work] = []
        self.methods: list[str] = []
        self.copied: list[Path] = []
        self.tables = [shortened(table) for table in comparison.tables]
        for place, table in enumerate(self.tables, 1):
            self._add(table, place)

    def _add(self, table: Table, place: int) -> None:
        drawn = figures(table, place, self.folder_of)
        self.drawn += drawn
        for one in drawn:
            of_rows = isinstance(one, IntervalFigure)
            metric = wording.metric(table.metric)
            self.floats.append(interval_float(one.file, place, metric) if of_rows else curve_float(one.file, place))
        maps = list(self._heat(table, place))
        if maps:
            self.floats.append(heat_float(maps, place))
        runs = [self._whole(run) for row in table.rows if not row.control for run in row.runs]
        known = Methods(table, runs, self._summary)
        self.methods.append(known.text(place))
        self.works += known.works

    def _heat(self, table: Table, place: int) -> list[tuple[str, str]]:
        """Copies the pictures of mean heat; their files with the rows that they are of."""
        found = []
        for number, (row, picture) in enumerate(heat_maps(table, self.folder_of, self._whole), 1):
            file = f"heat-{place}-{number}.png"
            shutil.copyfile(picture, self.output / PICTURES / file)
            self.copied.append(self.output / PICTURES / file)
            found.append((file, row))
        return found

    def _whole(self, run: Record) -> Record:
        """A run's record as it lies on disk: that of a table lacks its bulk."""
        return read(self.folder_of(run) / FILE)

    def _summary(self, kind: str, name: str) -> str:
        """What a component says of itself; nothing where it is not installed any more."""
        if kind not in KINDS:
            return ""
        try:
            return self.known.get(kind, name).summary
        except BenchError:
            return ""

    def written(self) -> list[Path]:
        """Write what is text; gives all files."""
        tables = [results(table, place) for place, table in enumerate(self.tables, 1)]
        tables += [elsewhere(table, place) for place, table in enumerate(self.external, 1)]
        texts = {
            "paper.tex": document(self.floats),
            "tables.tex": "\n".join([*tables, unused(self.comparison.selected, self.comparison.left_out)]),
            "methods.tex": "\n".join(self.methods),
            "references.bib": bibtex(self.works),
            "results.csv": to_csv(self.comparison),
        }
        for file, text in texts.items():
            write_whole(self.output / file, text.encode())
        drawn = [self.output / PICTURES / one.file for one in self.drawn]
        return [*(self.output / file for file in texts), *drawn, *self.copied]
