"""`bench list`: what can be compared, and on what tasks."""

from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.completing import kinds
from benchmark.cli.group import Once
from benchmark.cli.waiting import waiting

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmark.planning.description import Description


@click.command(cls=Once)
@click.argument("kind", required=False, metavar="[KIND]", shell_complete=kinds)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(kind: str | None, as_json: bool) -> None:
    """List components with their options: KIND is datasets, segmenters, backbones, heads, voters or tasks.

    A component that does not import is listed with its reason.
    """
    from registry.contracts import KINDS
    from registry.errors import unknown_name

    plurals = {f"{name}s": name for name in KINDS}
    wanted = plurals.get(f"{kind.rstrip('s')}s") if kind else None
    if kind and not wanted and kind.rstrip("s") != "task":
        raise unknown_name("kind", kind, [*plurals, "tasks"], "bench list --help")
    kinds = (wanted,) if wanted else () if kind else KINDS
    rows = _components(kinds) if kinds else []
    tasks = [] if wanted else _tasks()
    if as_json:
        import json

        click.echo(json.dumps({"components": rows, "tasks": tasks}, indent=2))
        return
    _show(rows, tasks)


def _components(kinds: tuple[str, ...]) -> list[dict[str, Any]]:
    import msgspec

    from benchmark.planning.backend import keras_backend
    from benchmark.planning.components import Descriptions
    from benchmark.storage.code import CodeIndex
    from benchmark.storage.places import memory_folder
    from registry.lookup import entries

    found = [entry for kind in kinds for entry in entries(kind).values()]
    cache, backend = memory_folder(), keras_backend()
    described = Descriptions(
        cache / "descriptions", lambda lacking: _asked(lacking, cache / "logs", backend), CodeIndex(cache)
    )
    described.fetch((entry.kind, entry.name) for entry in found)
    return [
        {
            "kind": entry.kind,
            "name": entry.name,
            "summary": component.summary,
            "distribution": entry.distribution,
            "version": entry.version,
            "options": msgspec.to_builtins(component.options),
            "error": component.error or None,
        }
        for entry in found
        for component in [described.known[entry.kind, entry.name]]
    ]


def _asked(components: "Sequence[tuple[str, str]]", logs: "Path", backend: str) -> "list[Description]":
    """Descriptions by a worker, after a line that says what takes so long; where the cache knows all, nobody asks."""
    from benchmark.execution.descriptions import describing
    from benchmark.execution.process import Worker
    from benchmark.report.wording import plural

    what = plural(len(components), "component")
    click.echo(f"describing {what} not in the cache yet (Keras starts for it, which takes some seconds)", err=True)
    with Worker(logs, {"KERAS_BACKEND": backend}) as worker, waiting("asking Keras") as patience:
        return describing(worker, patience.watch)(components)


def _tasks() -> list[dict[str, str | None]]:
    from benchmark.tasks.places import DEFAULTS, TASKS, task_files
    from benchmark.tasks.reading import read_task

    defaults = TASKS / DEFAULTS
    read = {name: read_task(path, defaults, quick=False, overrides={}) for name, path in task_files().items()}
    return [{"name": name, "title": task.title, "reader": task.reader} for name, task in read.items()]


def _show(rows: list[dict[str, Any]], tasks: list[dict[str, str | None]]) -> None:
    import itertools

    from benchmark.report.markup import visible

    for kind, group in itertools.groupby(rows, key=lambda row: row["kind"]):
        click.secho(f"{kind}s", bold=True)
        for row in group:
            click.echo(visible(f"  {row['name']}  ({row['distribution']} {row['version']})"))
            if row["error"]:
                click.secho(visible(f"      broken: {row['error']}"), fg="red")
                continue
            click.echo(visible(f"      {row['summary']}"))
            for option in row["options"]:
                click.echo(visible(f"      {_option(option)}"))
    of_any = [task for task in tasks if not task["reader"]]
    of_one = [task for task in tasks if task["reader"]]
    for title, shown in (("tasks", of_any), ("tasks of public collections (--data DIR)", of_one)):
        if shown:
            click.secho(title, bold=True)
        for task in shown:
            click.echo(visible(f"  {task['name']}  {task['title']}"))


def _option(option: dict[str, Any]) -> str:
    import msgspec

    from registry.options import Option

    return msgspec.convert(option, Option).text()
