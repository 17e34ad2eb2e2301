"""Promises of a contract, tried one after the other: one that is broken does not keep the others from being tried.

Nothing heavy is imported: what was found is shown by processes that have no Keras, too.
"""

import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from registry.declarations import kind_of
from registry.errors import BenchError, ContractError
from registry.options import read_options, resolve_options

TRIED_IN = {  # modules, each with a function `try_KIND`
    "dataset": "registry.checks.datasets",
    "segmenter": "registry.checks.segmenters",
    "backbone": "registry.checks.backbones",
    "head": "registry.checks.heads",
    "voter": "registry.checks.voters",
}
PAGE = "registry/README.md"
KEPT = ((True, "kept"), (False, "broken"), (None, "not tried"))
UNTRIED = "not tried, as it rests on a broken one above"


@dataclass(frozen=True, slots=True)
class Promise:
    """One thing that the contract wants of a component.

    Attributes:
        name: what it wants, in a short sentence.
        kept: whether it was kept; None where it could not be tried, because it rests on one that was broken.
        why: one line on what was received instead and what to do; empty where the promise was kept.
        where: the part of ``registry/README.md`` that says more.
    """

    name: str
    kept: bool | None
    why: str = ""
    where: str = ""

    def text(self) -> str:
        """The promise as one line of a report."""
        if self.kept:
            return f"ok       {self.name}"
        if self.kept is None:
            return f"-        {self.name}: {self.why}"
        return f"BROKEN   {self.name}: {self.why} [{PAGE}, {self.where}]"


class UnfoundedError(Exception):
    """A promise rests on something that an earlier one would have found."""


class Findings:
    """What promises have found, for those that rest on it; whatever was not found raises `UnfoundedError`."""

    def __init__(self, **found: Any) -> None:
        vars(self).update(found)

    def __getattr__(self, name: str) -> Any:
        raise UnfoundedError(name)


@dataclass(frozen=True, slots=True)
class Trial:
    """How a promise is tried: `attempt` raises where it is broken, and adds what it finds."""

    name: str
    where: str
    attempt: Callable[[Findings], None]


Watch = Callable[[str], None]  # is told the name of each promise before it is tried


def silent(name: str) -> None:
    """Nobody watches."""


def try_all(trials: Iterable[Trial], found: Findings, watch: Watch = silent) -> list[Promise]:
    """Every promise, kept or not; whatever a component raises breaks the promise that was being tried.

    Raises:
        BenchError: it cannot be built for a reason that its user can mend, such as weights that are not there.
    """
    promises = []
    for trial in trials:
        watch(trial.name)
        kept, why = _tried(trial, found)
        promises.append(Promise(trial.name, kept, why, trial.where))
    return promises


def _tried(trial: Trial, found: Findings) -> tuple[bool | None, str]:
    try:
        trial.attempt(found)
    except UnfoundedError:
        return None, UNTRIED
    except ContractError as error:
        return False, one_line(str(error))
    except BenchError:
        raise  # nothing is wrong with the component, which lacks weights, a file, an option's value
    except Exception as error:  # a third party's code may raise anything
        return False, raised(error, vars(found).get("factory"))
    return True, ""


def raised(error: Exception, factory: object = None) -> str:
    """What was raised, and where, in one line: in the module of a component, where that had a part in it."""
    own = getattr(sys.modules.get(getattr(factory, "__module__", "")), "__file__", None)
    frames = traceback.extract_tb(error.__traceback__)
    at = [*frames[-1:], *(frame for frame in frames if frame.filename == own)][-1]
    told = one_line(str(error))
    return f"raised {type(error).__name__}{f': {told}' if told else ''} ({one_line(at.filename)}:{at.lineno})"


def one_line(text: str) -> str:
    """The first line that is not blank, with everything escaped that is not to be printed."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in line)


def reason(error: Exception) -> str:
    """The first sentence of what a library complains of."""
    return one_line(str(error)).partition(". ")[0].rstrip(".") or type(error).__name__


def expect(kept: bool, promise: str) -> None:
    """See that a promise was kept.

    Raises:
        ContractError: it was not.
    """
    if not kept:
        raise ContractError(promise)


def name_of(factory: Callable[..., Any]) -> str:
    """A factory's name in messages."""
    return str(getattr(factory, "__name__", kind_of(factory)))


def check_given(factory: Callable[..., Any], options: dict[str, Any]) -> None:
    """See that a factory has the options that it is to be checked with, if it says at all which it has.

    Raises:
        UnknownNameError: it has no such option.
        OptionError: an option does not take that value.
    """
    declared = None
    with suppress(Exception):  # promises of their own
        declared = read_options(factory)
        resolve_options(name_of(factory), declared, {})
    if declared is not None:
        own = tuple(option for option in declared if option.name in options)
        resolve_options(name_of(factory), own if len(own) == len(options) else declared, options)


def tally(promises: Sequence[Promise]) -> str:
    """How many were kept, in words."""
    counts = [(sum(promise.kept is kept for promise in promises), word) for kept, word in KEPT]
    return ", ".join(f"{count} {word}" for count, word in counts if count)


def broken(factory: Callable[..., Any], promises: Sequence[Promise]) -> str:
    """One line on what is broken; empty where nothing is."""
    whys = [promise.why for promise in promises if promise.kept is False]
    return f"{name_of(factory)}: {'; and: '.join(whys)}" if whys else ""


def shown(factory: Callable[..., Any], promises: list[Promise]) -> list[Promise]:
    """The promises, each printed as a line.

    Raises:
        ContractError: one or more are broken; one line says which.
    """
    print(name_of(factory), *(f"  {promise.text()}" for promise in promises), sep="\n")
    if line := broken(factory, promises):
        raise ContractError(line)
    return promises
