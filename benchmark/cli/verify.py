"""`bench verify`: whether a results folder is as it was written, and its numbers what was stored gives."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.flags import RESULTS
from benchmark.cli.group import Once
from benchmark.cli.waiting import waiting

if TYPE_CHECKING:
    from benchmark.audit.findings import Verification


@click.command(cls=Once)
@click.argument("results", envvar="BENCH_RESULTS", default=RESULTS, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="What was found as JSON.")
@click.option("--details", is_flag=True, help="Name every place, and what could be checked by nothing.")
@click.option(
    "--acknowledge", "reason", metavar="REASON", help="Write into the ledger why runs or predictions are gone."
)
@click.pass_context
def command(context: click.Context, results: Path, as_json: bool, details: bool, reason: str | None) -> None:
    """Check everything below RESULTS: files, then numbers from stored outputs, then the ledger of runs.

    RESULTS is BENCH_RESULTS, or results, where it is not given.  Contradicted, edited, predictions missing, vanished
    without a line of the ledger: exit code 5.  What is left out of a copy, unlisted, scored by other code (stale),
    superseded or acknowledged is named, exit code 0.

    This guards against accident and vanity, not an adversary.  Exit code 3: nothing found.
    """
    from benchmark.audit.verify import acknowledge, verify
    from benchmark.evaluation.recomputing import recompute
    from benchmark.evaluation.recomputing_external import recompute_external
    from benchmark.storage.code import CodeIndex
    from benchmark.storage.places import memory_folder

    if results.is_file():
        raise click.UsageError(f"{results} is a file; expected the folder that runs were written to")
    index = CodeIndex(memory_folder())
    with waiting("verifying") as patience:
        found = verify(results, recompute, index, recompute_external, told=patience.tell)
    if reason:
        if gone := acknowledge(results, found, reason):
            click.echo(f"bench: acknowledged {len(gone)} in the ledger of {results}", err=True)
        found = verify(results, recompute, index, recompute_external)
    if not found.records and not found.findings:
        click.echo("bench: no result.json below the given folder; bench run writes one per run", err=True)
        context.exit(3)
    if as_json:
        _echo_json(found)
    else:
        _echo_lines(found, details)
    context.exit(0 if found.trusted else 5)


def _echo_json(found: "Verification") -> None:
    import msgspec

    from benchmark.report.markup import visible_json
    from benchmark.report.verification import verification_content

    click.echo(visible_json(msgspec.json.format(msgspec.json.encode(verification_content(found)), indent=1).decode()))


def _echo_lines(found: "Verification", details: bool) -> None:
    from rich.console import Console

    from benchmark.report.markup import visible
    from benchmark.report.verification import verification_lines

    for line in verification_lines(found, Console().width, details=details):
        click.echo(visible(line))
