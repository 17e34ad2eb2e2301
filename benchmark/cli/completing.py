"""What a shell offers where TAB is pressed: names from the metadata of distributions and from folders, no more.

Nothing is imported for a component, and what goes wrong offers nothing: see `benchmark.cli.main`.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem

    Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem[str]]]


def tasks(context: "click.Context", parameter: "click.Parameter", begun: str) -> "list[CompletionItem[str]]":
    """Names of tasks; files where there is none of that beginning."""
    from benchmark.tasks.places import task_files

    return _beginning(begun, task_files()) or _elsewhere(begun, "file")


def components(kind: str) -> "Complete":
    """Names of components of a kind; behind a bracket their options, where `bench list` or a run has asked for them."""

    def complete(context: "click.Context", parameter: "click.Parameter", begun: str) -> "list[CompletionItem[str]]":
        from registry.lookup import entries

        name, bracket, given = begun.partition("[")
        if not bracket:
            return _beginning(begun, entries(kind))
        before, comma, _ = given.rpartition(",")
        start = f"{name}[{before}{comma}"
        return _beginning(begun, [f"{start}{option}=" for option in _options(kind, name)])

    return complete


def runs(context: "click.Context", parameter: "click.Parameter", begun: str) -> "list[CompletionItem[str]]":
    """Folders of runs below that of the results, or their names; other folders where none begins so."""
    from benchmark.records.places import VARIABLE, meant, results_folder, run_places

    given = [context.params.get(one.name) for one in context.command.params if getattr(one, "envvar", "") == VARIABLE]
    root = Path(given[0]) if given and given[0] else results_folder()
    places = list(run_places(root))
    folders = [(root / place).as_posix() for place in places]
    names = sorted({place.rpartition("/")[2] for place in meant(begun, places)})
    return _beginning(begun, folders) or _beginning(begun, names) or _elsewhere(begun, "dir")


def kinds(context: "click.Context", parameter: "click.Parameter", begun: str) -> "list[CompletionItem[str]]":
    """What `bench list` takes."""
    from registry.contracts import KINDS

    return _beginning(begun, [*(f"{kind}s" for kind in KINDS), "tasks"])


def folders(context: "click.Context", parameter: "click.Parameter", begun: str) -> "list[CompletionItem[str]]":
    """Any folder."""
    return _elsewhere(begun, "dir")


def _beginning(begun: str, names: Iterable[str]) -> "list[CompletionItem[str]]":
    from click.shell_completion import CompletionItem

    return [CompletionItem(name) for name in names if name.startswith(begun)]


def _elsewhere(begun: str, what: str) -> "list[CompletionItem[str]]":
    """Lets the shell complete a path itself."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(begun, type=what)]


def _options(kind: str, name: str) -> list[str]:
    """Those of a component that is described in the cache; of another one none."""
    from benchmark.planning.components import Descriptions
    from benchmark.storage.code import CodeIndex
    from benchmark.storage.places import memory_folder

    cache = memory_folder()
    described = Descriptions(cache / "descriptions", lambda lacking: [], CodeIndex(cache))
    described.fetch([(kind, name)])
    found = described.known.get((kind, name))
    return [option.name for option in found.options] if found else []
