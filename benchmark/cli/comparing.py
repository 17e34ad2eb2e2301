"""What lies below some folders, compared: the flags that say how, and everything that was found."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from benchmark.cli.selecting import selection_flags, selection_of
from benchmark.cli.waiting import waiting

if TYPE_CHECKING:
    from benchmark.comparison.collect import Collected
    from benchmark.comparison.costs import CostTable
    from benchmark.comparison.external_tables import ExternalTable
    from benchmark.comparison.tables import Comparison

WRITERS = {
    "result.json": "bench run writes one per run",
    "speed.json": "bench speed writes one per pipeline",
    "external.json": "bench evaluate writes one per run",
}
RESULTS = click.argument("results", nargs=-1, type=click.Path(path_type=Path))
RANKING = (
    click.option("--metric", help="Rank by this metric instead of the task's own."),
    click.option(
        "--against",
        metavar="PIPELINE",
        help="Test each row against this one: its name, in short or in full, or the start of it.",
    ),
    click.option(
        "--margin", type=click.FloatRange(0), default=0.01, show_default=True, help="Worse by no more than this."
    ),
)
verify_flag = click.option(
    "--verify/--no-verify", default=True, show_default=True, help="Leave out records changed after sealing."
)


class Compared(NamedTuple):
    """The comparison, what was measured of speed, what was found elsewhere, and what was met on the way."""

    comparison: "Comparison"
    costs: "list[CostTable]"
    external: "list[ExternalTable]"
    found: "Collected"

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to show, and nothing that cannot be shown."""
        return not (self.comparison.tables or self.comparison.left_out or self.costs or self.external)

    @property
    def distrusted(self) -> bool:
        """Whether a record cannot be trusted."""
        from benchmark.comparison.trust import untrusted

        return bool(self.comparison.left_out) or any(untrusted(table.rows) for table in self.comparison.tables)


def comparing_flags(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds RESULTS, --metric, --against, --margin and the flags that say which runs are meant to a command."""
    function = selection_flags(function)
    for flag in (*reversed(RANKING), RESULTS):
        function = flag(function)
    return function


def compared(paths: "Sequence[Path]", flags: dict[str, Any]) -> Compared:
    """Everything below some folders, as flags ask for it; how far it is is shown.

    Args:
        paths: none for BENCH_RESULTS, or ``results``.

    Raises:
        BenchError: a flag or a folder cannot be used, or no record has what is asked for.
    """
    from benchmark.comparison.collect import collected
    from benchmark.comparison.costs import cost_tables
    from benchmark.comparison.external import external_tables
    from benchmark.comparison.index import Index
    from benchmark.comparison.kept import KeptTrust
    from benchmark.comparison.statistics import distrusted, elsewhere, family
    from benchmark.records.places import results_folder
    from benchmark.storage.places import memory_folder

    selection = selection_of(flags["tasks"], flags["datasets"], flags["wheres"], flags["since"])
    places, cache = paths or (results_folder(),), memory_folder()
    trust, index = KeptTrust(distrusted, cache), Index(places, cache)
    with waiting("comparing") as patience:
        comparison, found = collected(
            places, family, metric=flags["metric"], against=flags["against"], margin=flags["margin"],
            verified=flags["verify"], distrust=trust, selection=selection, told=patience.tell, load=index.load,
        )  # fmt: skip
        trust.keep()
        index.keep()
        patience.tell("images of elsewhere")
        external = external_tables(found.externals, elsewhere)
        costs = [one for one in cost_tables(comparison.tables, found.speeds) if one.metric or selection.everything]
        return Compared(comparison, costs, external, found)


def say_nothing_found(selected: str, lacking: str = "result.json") -> None:
    """Say why there is nothing to show.

    Args:
        selected: what was left out by flags.
        lacking: the file that none was found of.
    """
    said = (
        f"{selected}, and nothing is left" if selected else f"no {lacking} below the given folders; {WRITERS[lacking]}"
    )
    click.echo(f"bench: {said}", err=True)
