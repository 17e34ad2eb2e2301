"""Who holds the workers of a command: this machine, Ray or Slurm, as ``--engine NAME[option=value,…]`` says.

An engine is a module with a function `opened_pool`, whose keyword-only options are declared as those of components are.
Nothing of an engine is imported before it is asked for.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import msgspec

from benchmark.execution.pool import Pool
from benchmark.planning.request import Request
from benchmark.storage.cache import Store
from benchmark.tasks.reading import parse_component
from registry.errors import ConfigError, OptionError, UnknownNameError, unknown_name
from registry.options import Option, Scalar, read_options, resolve_options

MODULES = {
    "local": "benchmark.execution.local",
    "ray": "benchmark.execution.rays",
    "slurm": "benchmark.execution.slurm",
}
LOCAL = "local"
CORES = "cores"  # the option that says how many each worker of an engine has, wherever its node is
SEE = "benchmark/execution/README.md"


class Engine(msgspec.Struct, frozen=True):
    """An engine by name, with a value for each of its options."""

    name: str
    options: dict[str, Scalar]

    @property
    def cores(self) -> int | None:
        """Of each worker; None where they share this machine's."""
        count = self.options.get(CORES)
        return count if isinstance(count, int) else None


@dataclass(frozen=True)
class Given:
    """What an engine is given.

    Attributes:
        environment: variables of the workers.
        say: shows a line.
    """

    request: Request
    store: Store
    environment: Mapping[str, str]
    say: Callable[[str], None]


def engine_of(text: str) -> Engine:
    """The engine that a text names, its options checked; nothing of it is started.

    Raises:
        UnknownNameError: there is no such engine, or it has no such option.
        OptionError, ConfigError: an option cannot have that value, or the text cannot be read.
    """
    asked = parse_component(text)
    if asked.name not in MODULES:
        raise unknown_name("engine", asked.name, MODULES, SEE)
    options = options_of(asked.name)
    known = [one.name for one in options]
    for name in asked.options:
        if not known:
            raise OptionError(f"engine {asked.name!r} has no options, received {name!r}")
        if name not in known:
            unknown = unknown_name(f"option of engine {asked.name!r}", name, known, SEE)
            raise UnknownNameError(f"{unknown}; its options: {', '.join(one.text() for one in options)}")
    return Engine(asked.name, resolve_options(f"engine {asked.name!r}", options, asked.options))


def options_of(name: str) -> tuple[Option, ...]:
    """The options of an engine."""
    return read_options(import_module(MODULES[name]).opened_pool)


def pool_of(engine: Engine, given: Given) -> AbstractContextManager[Pool]:
    """The workers that an engine holds, from here until they are closed.

    Raises:
        ConfigError: what the engine needs is not installed, or it cannot give what is asked of it.
    """
    opened: AbstractContextManager[Pool] = import_module(MODULES[engine.name]).opened_pool(given, **engine.options)
    return opened


def extra(module: str, engine: str) -> Any:
    """A library that only an engine needs.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != module.partition(".")[0]:
            raise
        raise ConfigError(
            f"--engine {engine} needs {module}, which is not installed; pip install 'cxr-bench[{engine}]'"
        ) from error
