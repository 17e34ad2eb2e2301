"""A comparison as Python shows it: tables in a notebook, text in a terminal, a data frame for whoever goes on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.comparison.external_tables import ExternalTable
from benchmark.comparison.tables import Comparison as Content
from benchmark.comparison.tables import Table
from benchmark.report.export import flat
from benchmark.report.html import html
from benchmark.report.pages import page
from benchmark.storage.garbage import imported
from registry.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Comparison:
    """Tables of pipelines that may be compared; a notebook shows them.

    Attributes:
        tables: one per question, dataset and split, rows in the order of rank.
        left_out: files that cannot be trusted, as ``path reason``.
        folders: name of a pipeline's run (``tables[…].rows[…].runs[…].run``) -> its folder, for `load`.
        external: tables of runs on images of elsewhere.
        selected: how many runs were left out because others were asked for; empty where none was.
    """

    tables: list[Table]
    left_out: list[str] = field(default_factory=list)
    folders: Mapping[str, Path] = field(default_factory=dict)
    external: list[ExternalTable] = field(default_factory=list)
    selected: str = ""

    def to_frame(self) -> "pd.DataFrame":
        """A line per row of every table, with the columns of ``bench compare --format csv``; numbers not rounded.

        Raises:
            ConfigError: pandas is not installed.
        """
        try:
            pandas = imported("pandas")
        except ImportError as error:
            raise ConfigError("pandas is not installed; pip install pandas, or read the rows of `tables`") from error
        titles, rows = flat(self._content())
        frame: pd.DataFrame = pandas.DataFrame(rows, columns=titles)
        return frame

    def __str__(self) -> str:
        """The tables as on a terminal."""
        return "".join(page(self._content(), [], "table", self.external))

    def __repr__(self) -> str:
        rows = sum(len(table.rows) for table in self.tables)
        return f"<Comparison of {len(self.tables)} tables with {rows} rows; print it to see them>"

    def _repr_html_(self) -> str:
        return html(self._content(), self.external)

    def _content(self) -> Content:
        return Content(self.tables, self.left_out, selected=self.selected)
