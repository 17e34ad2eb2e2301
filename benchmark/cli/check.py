"""`bench check`: whether a component keeps its contract, promise by promise."""

from typing import TYPE_CHECKING

import click

from benchmark.cli.group import Once

if TYPE_CHECKING:
    from benchmark.tasks.schema import Component
    from registry.checks.promises import Promise


@click.command(cls=Once)
@click.argument("kind")
@click.argument("named", metavar="NAME[opts]")
@click.option("--data", default="", metavar="DIR", help="Folder of a dataset's files, where it is read from files.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def command(context: click.Context, kind: str, named: str, data: str, as_json: bool) -> None:
    """Try every promise of a component at a small size: one line for each, ok, or why not and what to do.

    \b
    bench check backbone sepcnn
    bench check head "dense[dropout=0.5]"
    bench check dataset folder --data DIR

    Exit code 1: a promise is broken.
    """
    from benchmark.cli.flags import screen
    from benchmark.cli.kinds import kind_named
    from benchmark.execution.promises import try_promises
    from benchmark.storage.places import memory_folder
    from benchmark.tasks.reading import parse_component
    from registry.errors import ConfigError
    from registry.lookup import find

    kind = kind_named(kind)
    component = parse_component(named)
    find(kind, component.name)
    if data and kind != "dataset":
        raise ConfigError(f"--data is for a dataset, received a {kind}; leave it out")
    _, display = screen(True)
    with display.working(f"{kind} {component.name}") as watch:
        promises = try_promises(memory_folder() / "logs", kind, component, data, watch)
    if as_json:
        _json(kind, component, promises)
    else:
        _show(kind, component, promises)
    context.exit(1 if any(promise.kept is False for promise in promises) else 0)


def _json(kind: str, component: "Component", promises: "list[Promise]") -> None:
    import msgspec

    from benchmark.report.markup import visible_json

    told = {"kind": kind, "component": str(component), "promises": promises}
    click.echo(visible_json(msgspec.json.format(msgspec.json.encode(told), indent=1).decode()))


def _show(kind: str, component: "Component", promises: "list[Promise]") -> None:
    from benchmark.report.markup import visible
    from registry.checks.promises import tally
    from registry.lookup import find

    entry = find(kind, component.name)
    click.echo(visible(f"{kind} {component}  ({entry.distribution} {entry.version})"))
    for promise in promises:
        click.secho(visible(f"  {promise.text()}"), fg="red" if promise.kept is False else None)
    click.echo(tally(promises))
