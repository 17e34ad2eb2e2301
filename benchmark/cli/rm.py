"""`bench rm`: finished runs and what lies beside them away, and a line of the ledger for each run."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli import completing
from benchmark.cli.flags import results_flag
from benchmark.cli.group import Once
from benchmark.cli.selecting import selection_flags, selection_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.audit.removable import Removable
    from benchmark.records.selection import Selecting


@click.command(cls=Once)
@click.argument("runs", metavar="[RUN...]", nargs=-1, shell_complete=completing.runs)
@click.option("--failed", is_flag=True, help="Only runs that failed.")
@click.option("--older-than", metavar="AGE|DATE", help="Only runs made before: 30d, 12h, 2026-01-31.")
@selection_flags
@click.option("--with-dependants", is_flag=True, help="Also votes, pooled results and evaluations that stand on them.")
@click.option("--dry-run", is_flag=True, help="Say what would go; remove nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@results_flag
def command(runs: tuple[str, ...], output: str, with_dependants: bool, dry_run: bool, yes: bool, **flags: Any) -> None:
    """Remove runs below OUTPUT: RUN is a folder, a name there, or the beginning of the names of several.

    \b
    bench rm results/binary/unet-sepcnn-dense-s0-f0-e047cdfd
    bench rm unet-sepcnn binary/none --where training.epochs=5
    bench rm --failed --older-than 30d --yes

    Flags narrow what names mean; without a name, all runs below OUTPUT.  Rules go with the last run beside them, or by
    their names; evaluations, measurements of speed and searches by their folders, or external/, speed/ or tuning/ and
    the start of their names; what lies in a folder called reference by its folder.  It asks, with a list of what goes.

    The ledger keeps the line of each run and says that bench rm removed it: bench verify then does not miss it, and how
    often test images were scored still counts it.  What the cache has kept stays; bench run makes the run anew from it.

    Exit code 3: nothing is meant; 4: something stands on what would go.
    """
    from benchmark.audit.removable import removables, rules_left
    from benchmark.audit.removal import check_alone, check_idle, finish, named, remove, standing_on
    from benchmark.tuning.ledger import at_work, tuner_of
    from registry.errors import ConfigError

    results = Path(output)
    there = removables(results, tuner_of)
    selection = selection_of(
        flags["tasks"], flags["datasets"], flags["wheres"], flags["since"], flags["older_than"], flags["failed"]
    )
    if not runs and selection.everything:
        raise ConfigError("name what to remove: folders of runs, the starts of names, or flags such as --failed")
    chosen, selecting = _selected(named(runs, there, results) if runs else there, bool(runs), selection)
    if not chosen:
        click.echo(f"bench: nothing to remove; {selecting.line or 'no run is meant'}", err=True)
        click.get_current_context().exit(3)
    dependants = standing_on(chosen, there)
    if not with_dependants:
        check_alone(chosen, dependants)
    chosen += [one for one, _ in dependants.values()]
    check_idle(chosen, at_work)
    lone = rules_left(chosen, there)
    chosen += lone
    what = _listed(chosen, lone)
    if dry_run:
        click.echo(f"would remove {what} from {results}")
        return
    if not yes and not _agreed(what, results):
        click.echo("nothing removed")
        return
    finish(there, results)
    gone = list(remove(chosen))
    others = f"; {len(chosen) - len(gone)} were gone or made anew meanwhile" if len(gone) < len(chosen) else ""
    click.echo(f"removed {_counted(gone, lone)} from {results}{others}")


def _selected(meant: "Sequence[Removable]", by_name: bool, selection: Any) -> "tuple[list[Removable], Selecting]":
    """What flags leave of what is meant; rules and evaluations only where they were named, and nothing else narrows."""
    from benchmark.records.places import REFERENCE
    from benchmark.records.record import Record
    from benchmark.records.selection import Selecting

    selecting = Selecting(selection)
    chosen = []
    for one in meant:
        if not by_name and REFERENCE in Path(one.place).parts:
            continue
        if isinstance(one.found, Record) and not one.found.of_controls:
            chosen += [one] if selecting(one.found) else []
        elif by_name and selection.everything:
            chosen.append(one)
    selecting.check()
    return chosen, selecting


def _listed(chosen: "Sequence[Removable]", lone: "Sequence[Removable]") -> str:
    """Shows a line for each with its size; gives how many and how large they are together."""
    from benchmark.records.record import Record
    from benchmark.report.lines import plain
    from benchmark.report.wording import size
    from benchmark.storage.inventory import disk_bytes

    total = 0
    for one in chosen:
        found, bytes_ = one.found, disk_bytes(one.folder)
        total += bytes_
        status = "rules of no run" if one in lone else found.status if isinstance(found, Record) else one.kind
        click.echo("  ".join(map(plain, (one.place, status, one.created[:16], size(bytes_)))))
    return f"{_counted(chosen, lone)} ({size(total)})"


def _counted(chosen: "Sequence[Removable]", lone: "Sequence[Removable]") -> str:
    """``3 runs, 1 evaluation and the rules that serve no run any more (1 record)``."""
    from registry.wording import plural

    folders = {one.folder for one in lone}
    rules = sum(one.folder in folders for one in chosen)
    kinds = [one.kind for one in chosen if one.folder not in folders]
    several = {"run": "runs", "evaluation": "evaluations", "measurement": "measurements", "search": "searches"}
    counts = [plural(kinds.count(kind), kind, many) for kind, many in several.items() if kind in kinds]
    counts += [f"the rules that serve no run any more ({plural(rules, 'record')})"] * bool(rules)
    *first, last = counts or ["0 runs"]
    return " and ".join(filter(None, [", ".join(first), last]))


def _agreed(what: str, results: Path) -> bool:
    import sys

    from registry.errors import ConfigError

    if not sys.stdin.isatty():
        raise ConfigError(f"there is no terminal to ask on; add --yes to remove {what} from {results}")
    return click.confirm(f"Remove {what} from {results}?")
