"""A factory's keyword-only options: types, defaults and search ranges, read from its signature.

    def sepcnn(image_shape, *, filters: Annotated[int, Range(8, 64, step=8)] = 16, ...)

One declaration is at once configuration, documentation, provenance and search space.
"""

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from registry.errors import ContractError, OptionError, unknown_name

Scalar = bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Range:
    """Closed interval of a number, and how a tuner walks it.

    Attributes:
        low, high: both allowed.
        step: grid of the search; None searches a continuum (integers: step 1).
        log: search the logarithm.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a component, as JSON can say it.

    Attributes:
        types: accepted type names, of ``bool int float str none``.
        choices: the accepted values of a ``Literal``; empty where any value of the types is accepted.
    """

    name: str
    default: Scalar
    types: tuple[str, ...]
    choices: tuple[Scalar, ...] = ()
    range: Range | None = None

    def text(self) -> str:
        """The option as a table shows it: ``dropout=0.2 [0, 0.5]``."""
        shown = f"{self.name}={_plain(self.default)}"
        if self.choices:
            return f"{shown} {{{', '.join(map(_plain, self.choices))}}}"
        if self.range:
            return f"{shown} [{self.range.low:g}, {self.range.high:g}]"
        return shown


def read_options(factory: Callable[..., Any]) -> tuple[Option, ...]:
    """The keyword-only options of a factory, in the order of its signature.

    Raises:
        ContractError: an option without default or annotation, or `**kwargs`.
    """
    hints = typing.get_type_hints(factory, include_extras=True)
    options = []
    for parameter in inspect.signature(factory).parameters.values():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            raise ContractError(
                f"{factory.__qualname__} takes **{parameter.name}; a factory names every option, so write them out"
            )
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            continue
        if parameter.default is inspect.Parameter.empty or parameter.name not in hints:
            raise ContractError(
                f"option {parameter.name!r} of {factory.__qualname__} needs an annotation and a default"
            )
        options.append(_option(parameter.name, parameter.default, hints[parameter.name]))
    return tuple(options)


def resolve_options(owner: str, options: tuple[Option, ...], given: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Every option of a component with the value it will get: given where given, else the default.

    Args:
        owner: the component in words, for messages: ``backbone 'xception'``.

    Raises:
        UnknownNameError: an option that the component does not have.
        OptionError: a value of the wrong type, outside its range or its choices.
    """
    known = {option.name: option for option in options}
    for name in given:
        if name not in known:
            raise unknown_name(f"option of {owner}", name, known, "bench list")
    return {name: _checked(owner, option, given.get(name, option.default)) for name, option in known.items()}


def parse_scalar(text: str) -> Scalar:
    """The value of ``name=text`` on a command line: a number, true, false, none, or the text itself."""
    lowered = text.strip().lower()
    if lowered in ("true", "false"):
        return lowered == "true"
    for number in (int, float):
        try:
            return number(lowered)
        except ValueError:
            continue
    return text.strip()


def _option(name: str, default: Scalar, hint: Any) -> Option:
    span = None
    if get_origin(hint) is typing.Annotated:
        hint, *extras = get_args(hint)
        span = next((extra for extra in extras if isinstance(extra, Range)), None)
    parts = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    choices: list[Scalar] = []
    names: list[str] = []
    for part in parts:
        if get_origin(part) is Literal:
            choices.extend(get_args(part))
            names.extend(_type_name(value) for value in get_args(part))
        else:
            names.append("none" if part is type(None) else part.__name__)
    unsupported = set(names) - {"bool", "int", "float", "str", "none"}
    if unsupported:
        raise ContractError(
            f"option {name!r} has type {', '.join(sorted(unsupported))}; use bool, int, float, str, None or Literal"
        )
    return Option(name, default, tuple(dict.fromkeys(names)), tuple(choices), span)


def _checked(owner: str, option: Option, value: Scalar) -> Scalar:
    if isinstance(value, str) and value.lower() == "none" and "none" in option.types and value not in option.choices:
        value = None
    if _type_name(value) == "int" and "float" in option.types and "int" not in option.types:
        value = float(value)  # type: ignore[arg-type]
    if _type_name(value) not in option.types:
        raise OptionError(
            f"option {option.name!r} of {owner} takes {' or '.join(option.types)}, received {value!r}; "
            f"its default is {_plain(option.default)}"
        )
    if option.choices and value not in option.choices:
        raise OptionError(
            f"option {option.name!r} of {owner} is one of {', '.join(map(_plain, option.choices))}, received {value!r}"
        )
    if option.range and isinstance(value, (int, float)) and not option.range.low <= value <= option.range.high:
        low, high = option.range.low, option.range.high
        raise OptionError(f"option {option.name!r} of {owner} lies in [{low:g}, {high:g}], received {value!r}")
    return value


def _type_name(value: Scalar) -> str:
    return "none" if value is None else type(value).__name__


def _plain(value: Scalar) -> str:
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
