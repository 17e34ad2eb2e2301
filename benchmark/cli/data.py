"""`bench data`: what is known of a folder of X-rays before anything is trained on it, and where one comes from."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.completing import components, folders
from benchmark.cli.fetch import fetch
from benchmark.cli.group import Suggesting
from benchmark.cli.split import split

if TYPE_CHECKING:
    from benchmark.tasks.spec import DatasetChoice

SHEET = "odd-films.png"


@click.group(cls=Suggesting, see="bench data --help")
def command() -> None:
    """Look at a folder of X-rays before anything is trained on it, or download a published one."""


command.add_command(fetch)
command.add_command(split)


@command.command(short_help="Say what may be wrong with a dataset.")
@click.argument("data", metavar="DIR", shell_complete=folders)
@click.option(
    "--dataset",
    metavar="NAME[opts]",
    shell_complete=components("dataset"),
    help="Which registered dataset reads it; recognised by default.",
)
@click.option(
    "--external",
    metavar="DIR",
    shell_complete=folders,
    help="An external dataset: the same of it, and films that both have.",
)
@click.option("--external-dataset", metavar="NAME[opts]", help="Which registered dataset reads that one.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help=f"For {SHEET}, the odd ones.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def check(
    context: click.Context,
    data: str,
    dataset: str | None,
    external: str | None,
    external_dataset: str | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Say how DIR is understood and what may be wrong with it.

    \b
    bench data check DIR
    bench data check DIR --external OTHER -o checked

    Labels, masks, patients, sources, parts and what was passed over; files that cannot be read; copies within and
    across labels and parts, and those that contradict each other; sources by label; who drew the masks; size, bits,
    format and exposure by label and source. Nothing of DIR is changed.

    Exit code 4: parts in which it comes share patients or copies.
    """
    from benchmark.cli.flags import screen
    from benchmark.execution.checking import check_data
    from benchmark.report.data_check import check_lines
    from benchmark.storage.places import cache_folder
    from benchmark.storage.refusals import check_can_be_written, check_writable

    cache = cache_folder()
    check_writable(cache, "choose another cache with BENCH_CACHE")
    if output:
        check_can_be_written(output, "choose another folder with -o")
    _, display = screen(as_json)
    other = _choice(external, external_dataset) if external else None
    report = check_data(cache, _choice(data, dataset), other, output / SHEET if output else None, display)
    if as_json:
        import msgspec

        from benchmark.report.markup import visible_json

        click.echo(visible_json(msgspec.json.format(msgspec.json.encode(report), indent=1).decode()))
    else:
        for line in check_lines(report):
            display.say(line)
    context.exit(4 if report.data.leaks else 0)


def _choice(root: str, named: str | None) -> "DatasetChoice":
    from benchmark.tasks.reading import parse_component
    from benchmark.tasks.spec import DatasetChoice
    from registry.lookup import find

    if not named:
        return DatasetChoice("", root)
    reader = parse_component(named)
    find("dataset", reader.name)
    return DatasetChoice(reader.name, root, reader.options)
