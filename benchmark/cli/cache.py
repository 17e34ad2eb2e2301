"""`bench cache`: what is kept, how large it is, and its removal."""

from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.group import Suggesting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from benchmark.report.cache import Serving
    from benchmark.storage.inventory import Item


@click.group(cls=Suggesting, see="bench cache --help")
def command() -> None:
    """Show what runs keep for the next one, and remove it.

    It lies in BENCH_CACHE, by default ~/.cache/cxr-bench.  Sizes are those on disk.  Nothing is removed while a run is
    at work, on this machine or on another one that shares the folder; what a later run lacks it builds again.
    """


@command.command("ls")
@click.option("--stage", "stages", multiple=True, metavar="NAME", help="Only this stage's; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_(stages: tuple[str, ...], as_json: bool) -> None:
    """List artefacts, the last used first, and the pipelines whose runs each serves.

    The cache remembers that of runs that `bench run` has planned since it does so; of older ones, and of what bench
    evaluate and bench tune have kept, it says "unknown".  A run is gone when its folder holds no record any more.
    """
    from benchmark.report.cache import NOTHING, described, listed

    root, items = _look()
    _check_stages(items, stages)
    shown = [item for item in items if item.kind == "artefact" and (not stages or item.stage in stages)]
    if as_json:
        serving = _serving(root)
        _echo_json([described(item, serving.get(f"{item.stage}/{item.key}", NOTHING)) for item in shown])
    elif not items:
        _echo_empty(root)
    elif not shown:
        of = f" of {' or '.join(stages)}" if stages else ""
        click.echo(f"no artefacts{of} in {root}")
    else:
        _echo_lines(listed(shown, _serving(root)))


@command.command("du")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def usage(as_json: bool) -> None:
    """Say how much each stage's artefacts take, and all else."""
    from benchmark.report.cache import usage as usage_lines
    from benchmark.storage.inventory import summed

    root, items = _look()
    by_stage = summed((item.stage, item) for item in items if item.kind == "artefact")
    others = summed((item.kind, item) for item in items if item.kind != "artefact")
    if as_json:
        total = sum(item.size_bytes for item in items)
        _echo_json({"cache": str(root), "stages": by_stage, "others": others, "bytes": total})
    elif not items:
        _echo_empty(root)
    else:
        _echo_lines(usage_lines(by_stage, others))


@command.command(short_help="Remove what no run has used for a while, or what serves none any more.")
@click.option("--older-than", "age", metavar="AGE", help="Unused for that long: 30d, 2w, 12h and the like.")
@click.option("--gone", is_flag=True, help="Artefacts that serve no run that is still there (see bench cache ls).")
@click.option("--dry-run", is_flag=True, help="Say what would go; remove nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def prune(age: str | None, gone: bool, dry_run: bool, yes: bool) -> None:
    """Remove what no run has found or built for a while: artefacts, checkpoints, what is half-built.

    With --gone, artefacts all of whose runs are gone: their folders hold no record any more.  A folder that is out of
    reach now counts as gone.  What serves runs that nobody remembers ("unknown") stays.  With both, what is either.
    """
    from benchmark.report.cache import counted, listed
    from benchmark.storage.inventory import remove

    root, items = _look()
    leaves = _leaving(root, age, gone)
    leaving = leaves(items)
    if not items:
        _echo_empty(root)
        return
    if dry_run:
        _echo_lines(listed(leaving))
        click.echo(f"would remove {counted(leaving)} from {root}")
        return
    _check_idle(root)
    if leaving and not yes and not _agreed(root, counted(leaving), listed(leaving)):
        click.echo("nothing removed")
        return
    click.echo(f"removed {counted(remove(root, leaves))} from {root}")


@command.command(short_help="Remove everything.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def clear(yes: bool) -> None:
    """Remove everything that runs have kept; files of other programs stay, and arrays of jobs that may be queued."""
    from benchmark.report.cache import counted, staying
    from benchmark.storage.inventory import removable, remove

    root, items = _look()
    if not items:
        _echo_empty(root)
        return
    _check_idle(root)
    leaving = removable(items)
    if leaving and not yes and not _agreed(root, counted(leaving)):
        click.echo("nothing removed")
        return
    click.echo(f"removed {counted(remove(root, removable))} from {root}")
    _echo_lines((line, False) for line in staying(items, leaving))


def _leaving(root: "Path", age: str | None, gone: bool) -> "Callable[[list[Item]], list[Item]]":
    """What `prune` removes of all that is there."""
    import time

    from benchmark.planning.durations import parse_age
    from benchmark.records.files import FILE
    from benchmark.storage.inventory import stale, unserving
    from benchmark.storage.serving import serving_none

    if age is None and not gone:
        raise click.UsageError("say what goes: --older-than AGE, --gone, or both")
    before = 0.0 if age is None else time.time() - parse_age(age, "--older-than")

    def leaves(items: "list[Item]") -> "list[Item]":
        found = stale(items, before)
        found += unserving(items, *serving_none(root, FILE)) if gone else []
        return list(dict.fromkeys(found))

    return leaves


def _check_idle(root: "Path") -> None:
    """See that no run is at work, before a question that would be idle; of other machines that takes a while."""
    from benchmark.cli.waiting import waiting
    from benchmark.storage.cache import Store

    with waiting("seeing whether other machines are at work"), Store(root).alone():
        pass


def _look() -> "tuple[Path, list[Item]]":
    from benchmark.storage.inventory import inventory
    from benchmark.storage.places import cache_folder

    root = cache_folder()
    return root, inventory(root)


def _serving(root: "Path") -> "dict[str, Serving]":
    """``STAGE/KEY`` of an artefact -> what it serves."""
    from benchmark.records.files import FILE
    from benchmark.report.cache import Serving
    from benchmark.storage.serving import remembered, still_there

    found = remembered(root)
    there = still_there([one for runs in found.values() for one in runs], FILE)
    return {artefact: Serving(runs, there) for artefact, runs in found.items()}


def _agreed(root: "Path", what: str, listed: "Iterable[tuple[str, bool]]" = ()) -> bool:
    """Whether somebody agrees, on a terminal, where a list may be shown before."""
    import sys

    from registry.errors import ConfigError

    if not sys.stdin.isatty():
        raise ConfigError(f"there is no terminal to ask on; add --yes to remove {what} from {root}")
    _echo_lines(listed)
    return click.confirm(f"Remove {what} from {root}?")


def _check_stages(items: "Sequence[Item]", stages: tuple[str, ...]) -> None:
    import pkgutil

    import benchmark.stages
    from registry.errors import unknown_name

    known = {item.stage for item in items if item.stage}
    known |= {module.name for module in pkgutil.iter_modules(benchmark.stages.__path__)}
    for stage in stages:
        if stage not in known:
            raise unknown_name("stage", stage, known, "bench cache du")


def _echo_lines(lines: "Iterable[tuple[str, bool]]") -> None:
    from benchmark.report.markup import visible

    for line, is_heading in lines:
        click.secho(visible(line), bold=is_heading)


def _echo_empty(root: "Path") -> None:
    click.echo(f"the cache is empty: {root}")


def _echo_json(content: Any) -> None:
    import json

    click.echo(json.dumps(content, indent=2))
