"""`bench new`: a distribution with a component, to go on from."""

import shlex
from collections.abc import Iterable
from pathlib import Path

import click

from benchmark.cli.group import Once


@click.command(cls=Once)
@click.argument("kind")
@click.argument("name")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help="Instead of ./cxr-bench-NAME.")
@click.option("--classical", is_flag=True, help="A head that is no network: over pooled features.")
@click.option("--predictor", is_flag=True, help="A segmenter that is not trained: a rule that gives masks.")
def command(kind: str, name: str, output: Path | None, classical: bool, predictor: bool) -> None:
    """Write a small distribution with a component that works, its test, and the lines that install and run it.

    \b
    bench new backbone my-backbone
    bench new head my-head --classical
    bench new segmenter my-segmenter --predictor

    KIND is dataset, segmenter, backbone, head or voter; NAME stands in tables, in kebab-case. Nothing that is there is
    overwritten.
    """
    from benchmark.cli.kinds import kind_named
    from benchmark.storage.files import write_folder
    from registry.errors import ConfigError, StorageError
    from registry.skeletons import VARIANTS, distribution_of, skeleton

    kind = kind_named(kind)
    variants = [variant for variant, given in (("classical", classical), ("predictor", predictor)) if given]
    for variant in variants:
        if kind != VARIANTS[variant]:
            raise ConfigError(f"--{variant} is for a {VARIANTS[variant]}, received a {kind}; leave it out")
    texts = skeleton(kind, name, "".join(variants))
    folder = output or Path(distribution_of(name))
    try:
        write_folder(folder, {file: text.encode() for file, text in texts.items()})
    except OSError as error:
        raise StorageError(_refusal(folder, error)) from error
    _show(folder, texts, kind, name)


def _refusal(folder: Path, error: OSError) -> str:
    import os

    from registry.checks.promises import one_line

    where = one_line(str(folder))
    if os.path.lexists(folder):
        return f"{where} is there, and nothing is overwritten; choose another folder with -o"
    above = one_line(str(folder.parent))
    if not os.path.isdir(folder.parent):  # noqa: PTH112 (raises nothing)
        return f"{where} cannot be written, as {above} is no folder; make that first, or choose another with -o"
    return f"{where} cannot be written ({error.strerror}); nothing is left of it; choose another folder with -o"


def _show(folder: Path, files: Iterable[str], kind: str, name: str) -> None:
    from registry.checks.promises import one_line
    from registry.skeletons import lines

    place = str(folder) if folder.is_absolute() or not str(folder).startswith("-") else f"./{folder}"
    click.echo(f"{one_line(place)}: {', '.join(sorted(files))}")
    click.echo(f"\npip install -e {one_line(shlex.quote(place))}")
    for line in lines(kind, name):
        click.echo(f"bench {line}")
