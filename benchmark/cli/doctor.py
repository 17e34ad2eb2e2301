"""`bench doctor`: whether this installation will work, and what to do where it will not."""

import importlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.completing import folders
from benchmark.cli.flags import results_flag
from benchmark.cli.group import Once

if TYPE_CHECKING:
    from benchmark.execution.process import Worker
    from benchmark.installation.findings import Finding
    from benchmark.report.display import ConsoleDisplay

COLOURS = {"ok": "green", "warning": "yellow", "wrong": "red"}


@click.command(cls=Once)
@click.option("--run/--no-run", "runs", default=True, show_default=True, help="Also run everything on 60 phantoms.")
@click.option(
    "--data",
    metavar="DIR",
    envvar="BENCH_DATA",
    shell_complete=folders,
    help="Folder of X-rays: whether it can be read.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@results_flag
@click.pass_context
def command(context: click.Context, runs: bool, data: str | None, as_json: bool, output: str) -> None:
    """Say whether everything that a run needs is here and works, and what to do where it does not.

    Python, libraries, entry points, components, the device and why it is no GPU, folders and their file systems,
    memory, weights that tasks would download; then a run of everything on 60 phantoms, in a folder that goes again.

    Exit code 1: something is wrong and will fail. Warnings do not fail.
    """
    from benchmark.report.installation import content

    found: list[Finding] = []
    for finding in _findings(runs, data, Path(output)):
        if finding.status == "wrong" and finding.text in (one.text for one in found):
            continue  # one cause, met again on the way to something else
        found.append(finding)
        if not as_json:
            _echo(finding)
    if as_json:
        import json

        click.echo(json.dumps(content(found), indent=2))
    else:
        from benchmark.report.installation import conclusion

        click.echo(f"\n{conclusion(found)}")
    context.exit(int(any(finding.status == "wrong" for finding in found)))


def _findings(runs: bool, data: str | None, results: Path) -> "Iterator[Finding]":
    """Each as soon as it is known; what cannot be looked at is a finding itself."""
    from benchmark.installation.findings import guarded

    libraries = list(guarded("libraries", lambda: _look("libraries")))
    yield from libraries
    yield from guarded("system", lambda: _look("system", _encoding()))
    yield from guarded("folders", lambda: _look("places", results, data))
    if any(one.about == "backend" and one.status == "wrong" for one in libraries):
        return  # without one, no worker starts
    yield from guarded("components", _asked)
    if runs:
        yield from guarded("run", _tried)


def _look(module: str, *given: Any) -> "Iterable[Finding]":
    """What a module finds; one that does not import is a finding of whoever asked for it."""
    found: Iterable[Finding] = importlib.import_module(f"benchmark.installation.{module}").look(*given)
    return found


def _asked() -> "Iterator[Finding]":
    """What a worker is asked, which starts Keras."""
    from benchmark.installation.components import Offline

    with Offline() as worker:
        yield from _shown("starting Keras", "device", worker)
        yield from _shown("asking the components", "components", worker)


def _shown(label: str, module: str, worker: "Worker") -> "Iterable[Finding]":
    with _display().working(label):
        return list(_look(module, worker))


def _tried() -> "Iterable[Finding]":
    from benchmark.comparison.statistics import tested
    from benchmark.evaluation.recomputing import recompute

    return _look("trial", _display(), tested, recompute)


def _display() -> "ConsoleDisplay":
    from rich.console import Console

    from benchmark.report.display import Aside

    return Aside(Console(stderr=True))


def _encoding() -> str:
    import sys

    return getattr(sys.stdout, "encoding", None) or "ascii"


def _echo(finding: "Finding") -> None:
    import shutil

    from benchmark.report.installation import finding_lines

    first, *rest = finding_lines(finding, shutil.get_terminal_size().columns)
    click.echo(click.style(finding.status, fg=COLOURS[finding.status]) + first[len(finding.status) :])
    for line in rest:
        click.echo(line)
