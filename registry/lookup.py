"""From names to components: entry points only, for built-ins and third parties alike.

Looking up a name reads the metadata of installed distributions and imports nothing; `load` imports the component.
"""

import importlib
import re
import traceback
from collections.abc import Callable
from functools import cache
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution, entry_points
from typing import Any

from registry.contracts import GROUPS, KINDS
from registry.errors import PluginError, unknown_name
from registry.settings import settle

HEADER = re.compile(r"^(Name|Version):[ \t]*(.*?)[ \t\r]*$", re.MULTILINE)


class Entry:
    """A registered component that has not been imported.

    Attributes:
        kind: one of `registry.contracts.KINDS`.
        name: kebab-case, unique in its kind.
        module, attribute: where the factory is.
        distribution, version: who supplies it.
    """

    def __init__(self, kind: str, point: EntryPoint) -> None:
        self.kind = kind
        self.name = point.name
        self.module = point.module
        self.attribute = point.attr
        self.distribution, self.version = _named(point.dist) if point.dist else ("", "")

    def __repr__(self) -> str:
        return f"Entry({self.kind}:{self.name} = {self.module}:{self.attribute}, {self.distribution} {self.version})"


@cache
def entries(kind: str) -> dict[str, Entry]:
    """Every component of a kind by name, sorted.

    Raises:
        UnknownNameError: no such kind.
        PluginError: two distributions claim one name.
    """
    if kind not in KINDS:
        raise unknown_name("kind of component", kind, KINDS, "bench list")
    found: dict[str, Entry] = {}
    for point in _installed()[GROUPS[kind]]:
        entry = Entry(kind, point)
        rival = found.get(entry.name)
        if rival and (rival.distribution, rival.module) != (entry.distribution, entry.module):
            raise PluginError(
                f"two distributions register a {kind} named {entry.name!r}: {rival.distribution} "
                f"({rival.module}) and {entry.distribution} ({entry.module}); uninstall one of them"
            )
        found[entry.name] = entry
    return dict(sorted(found.items()))


@cache
def _installed() -> dict[str, list[EntryPoint]]:
    """Group -> entry points; reading one group reads every distribution, so all are read at once."""
    found = entry_points()
    return {group: list(found.select(group=group)) for group in GROUPS.values()}


@cache
def _named(distribution: Distribution) -> tuple[str, str]:
    """Name and version, from the head of the metadata: parsing all of it as a message takes ten times as long."""
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    found = dict(HEADER.findall(text.partition("\n\n")[0]))
    return found.get("Name", ""), found.get("Version", "")


@cache
def packages_of(name: str) -> frozenset[str]:
    """Top-level packages of a distribution: of its files, and of its entry points where it is installed in place."""
    try:
        supplied = distribution(name)
    except (PackageNotFoundError, ValueError):
        return frozenset()
    tops = {
        file.parts[0].removesuffix(".py")
        for file in supplied.files or ()
        if len(file.parts) > 1 or file.suffix == ".py"
    }
    tops |= {point.module.partition(".")[0] for point in supplied.entry_points}
    return frozenset(top for top in tops if top.isidentifier() and top != "__pycache__")


def find(kind: str, name: str) -> Entry:
    """The component of that name.

    Raises:
        UnknownNameError: nobody registered it; the message names the nearest.
    """
    known = entries(kind)
    if name not in known:
        raise unknown_name(kind, name, known, f"bench list {kind}s")
    return known[name]


def load(entry: Entry) -> Callable[..., Any]:
    """Import a component and return its factory, with Keras set as all components expect it.

    Raises:
        PluginError: its module does not import or lacks the factory; the message holds the reason.
    """
    try:
        factory: Any = importlib.import_module(entry.module)
        for part in entry.attribute.split("."):
            factory = getattr(factory, part)
    except (Exception, SystemExit) as error:  # a module may take itself for a script
        where = traceback.extract_tb(error.__traceback__)[-1]
        raise PluginError(
            f"{entry.kind} {entry.name!r} of {entry.distribution or 'an unknown distribution'} does not import: "
            f"{type(error).__name__}: {error} ({where.filename}:{where.lineno}); repair or uninstall it"
        ) from error
    settle()
    if not callable(factory):
        raise PluginError(
            f"{entry.kind} {entry.name!r} of {entry.distribution} is a {type(factory).__name__}, expected a factory"
        )
    return factory  # type: ignore[no-any-return]
