"""`bench cache`: what is kept, how large it is, and its removal."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmark.storage.inventory import Item

PLURALS = {  # kind -> of several
    "artefact": "artefacts",
    "checkpoint": "checkpoints",
    "half-built": "half-built",
    "half-removed": "half-removed",
    "description": "descriptions of components",
    "digest file": "digest files",
    "import file": "lists of imports",
    "log": "logs",
}


class Commands(click.Group):
    """A group that suggests the nearest name."""

    def get_command(self, context: click.Context, name: str) -> click.Command:
        """The command of that name.

        Raises:
            UnknownNameError: there is none.
        """
        if name not in self.commands:
            from registry.errors import unknown_name

            raise unknown_name("command", name, self.commands, "bench cache --help")
        return self.commands[name]


@click.group(cls=Commands)
def command() -> None:
    """Look at what runs keep for the next one, and remove it.

    It lies in BENCH_CACHE, by default ~/.cache/cxr-bench.  Sizes are those on disk.  Nothing is removed while a run is
    at work; what a later run lacks it builds again.
    """


@command.command("ls")
@click.option("--stage", "stages", multiple=True, metavar="NAME", help="Only this stage's; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_(stages: tuple[str, ...], as_json: bool) -> None:
    """List artefacts, the last used first."""
    root, items = _look()
    shown = [item for item in _of_stages(items, stages) if item.kind == "artefact"]
    if as_json:
        _echo_json([{**_described(item), "path": str(item.path)} for item in shown])
    elif not items:
        _echo_empty(root)
    elif not shown:
        click.echo(f"no artefacts{' of ' * bool(stages)}{' or '.join(stages)} in {root}")
    else:
        _echo_rows(shown)


@command.command("du")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def usage(as_json: bool) -> None:
    """Say how much each stage's artefacts take, and all else."""
    root, items = _look()
    by_stage = _summed((item.stage, item) for item in items if item.kind == "artefact")
    others = _summed((item.kind, item) for item in items if item.kind != "artefact")
    total = sum(item.octets for item in items)
    if as_json:
        _echo_json({"cache": str(root), "stages": by_stage, "others": others, "bytes": total})
    elif not items:
        _echo_empty(root)
    else:
        _echo_usage(by_stage, others, total)


@command.command(short_help="Remove what no run has used for a while.")
@click.option(
    "--older-than", "age", required=True, metavar="AGE", help="Unused for that long: 30d, 2w, 12h and the like."
)
@click.option("--dry-run", is_flag=True, help="Say what would go; remove nothing.")
def prune(age: str, dry_run: bool) -> None:
    """Remove what no run has found or built for a while: artefacts, checkpoints, what is half-built."""
    import time

    from benchmark.cli.durations import parse_duration
    from benchmark.storage.cache import Store
    from benchmark.storage.inventory import discard, stale, sweep_locks

    before = time.time() - parse_duration(age, "--older-than")
    root, items = _look()
    if not items:
        _echo_empty(root)
        return
    if dry_run:
        leaving = stale(items, before)
        _echo_rows(leaving)
        click.echo(f"would remove {_counted(leaving)} from {root}")
        return
    store = Store(root)
    with store.alone():
        leaving = stale(_look()[1], before)
        discard(root, leaving)
        sweep_locks(root)
    click.echo(f"removed {_counted(leaving)} from {root}")


@command.command(short_help="Remove everything.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def clear(yes: bool) -> None:
    """Remove everything that runs have kept; files of other programs stay."""
    from benchmark.storage.cache import Store
    from benchmark.storage.inventory import discard, sweep_locks

    root, items = _look()
    if not items:
        _echo_empty(root)
        return
    store = Store(root)
    with store.alone():  # before the question, which would be idle
        pass
    if not yes and not _agreed(root, items):
        click.echo("nothing removed")
        return
    with store.alone():
        leaving = _look()[1]
        discard(root, leaving)
        sweep_locks(root)
    click.echo(f"removed {_counted(leaving)} from {root}")


def _look() -> "tuple[Path, list[Item]]":
    from benchmark.storage.inventory import inventory
    from benchmark.storage.places import cache_folder

    root = cache_folder()
    return root, inventory(root)


def _agreed(root: Path, items: "Sequence[Item]") -> bool:
    import sys

    from registry.errors import ConfigError

    if not sys.stdin.isatty():
        raise ConfigError(f"there is no terminal to ask on; add --yes to remove {_counted(items)} from {root}")
    return click.confirm(f"Remove {_counted(items)} from {root}?")


def _of_stages(items: "Sequence[Item]", stages: tuple[str, ...]) -> "list[Item]":
    import pkgutil

    import benchmark.stages
    from registry.errors import unknown_name

    known = {item.stage for item in items if item.stage}
    known |= {module.name for module in pkgutil.iter_modules(benchmark.stages.__path__)}
    for stage in stages:
        if stage not in known:
            raise unknown_name("stage", stage, known, "bench cache du")
    return [item for item in items if not stages or item.stage in stages]


def _summed(named: "Iterable[tuple[str, Item]]") -> "dict[str, dict[str, int]]":
    """Name -> how many and how many bytes, the largest first."""
    sums: dict[str, dict[str, int]] = {}
    for name, item in named:
        one = sums.setdefault(name, {"count": 0, "bytes": 0})
        one["count"] += 1
        one["bytes"] += item.octets
    return dict(sorted(sums.items(), key=lambda pair: -pair[1]["bytes"]))


def _counted(items: "Sequence[Item]") -> str:
    """``2 artefacts, 1 checkpoint (1.3 MB)``."""
    from benchmark.report.wording import size

    if not items:
        return "nothing"
    counts = {kind: sum(item.kind == kind for item in items) for kind in PLURALS}
    told = [f"{count} {kind if count == 1 else PLURALS[kind]}" for kind, count in counts.items() if count]
    return f"{', '.join(told)} ({size(sum(item.octets for item in items))})"


def _described(item: "Item") -> dict[str, Any]:
    from datetime import UTC, datetime

    used = datetime.fromtimestamp(item.used, UTC).isoformat(timespec="seconds")
    return {"stage": item.stage, "key": item.key, "bytes": item.octets, "used": used}


def _echo_rows(items: "Sequence[Item]") -> None:
    from datetime import datetime

    from benchmark.report.wording import size

    short = _short({item.key for item in items})
    rows = [("stage", "key", "size", "last used", "")]
    for item in items:
        used = datetime.fromtimestamp(item.used).isoformat(" ", timespec="minutes")
        remark = "" if item.kind == "artefact" else item.kind
        rows.append((item.stage, item.key[:short], size(item.octets), used, remark))
    if items:
        _echo_table(rows, "<<><<")


def _echo_usage(by_stage: dict[str, dict[str, int]], others: dict[str, dict[str, int]], total: int) -> None:
    from benchmark.report.wording import size

    rows = [("stage", "artefacts", "size")]
    rows += [(name, f"{one['count']:,}", size(one["bytes"])) for name, one in by_stage.items()]
    rows += [("besides", "", "")] * bool(others)
    rows += [(PLURALS[name], f"{one['count']:,}", size(one["bytes"])) for name, one in others.items()]
    rows.append(("total", "", size(total)))
    _echo_table(rows, "<>>")


def _echo_table(rows: "Sequence[tuple[str, ...]]", sides: str) -> None:
    """Columns with two spaces between them; what has no numbers behind it is a heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        cells = [f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)]
        click.secho("  ".join(cells).rstrip(), bold=number == 0 or not any(row[1:]))


def _echo_empty(root: Path) -> None:
    click.echo(f"the cache is empty: {root}")


def _echo_json(told: Any) -> None:
    import json

    click.echo(json.dumps(told, indent=2))


def _short(keys: "set[str]", least: int = 8) -> int:
    """How many characters tell keys apart."""
    return next(length for length in range(least, 65) if len({key[:length] for key in keys}) == len(keys))
