"""What is wrong with a task, in the words of TOML: msgspec says where, and speaks of arrays, objects and unions."""

import datetime
import difflib
import re
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from benchmark.record import Tuned
from benchmark.tables import PipelineFile, Span, Task

_WORDS = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "array": "a list",
    "object": "a table",
    "date": "a date",
    "datetime": "a date",
    "time": "a time",
}
_KEY = "key` in `"  # the value that is refused is a key of the table at that place
_STRUCTS = {"pipelines": PipelineFile, "space": Span, "tuned": Tuned}  # what is inside a list, a table or a union


def advice(message: str, content: Mapping[str, Any]) -> str:
    """One sentence about what msgspec refused: the key, what was expected, what was received, what is nearest.

    Args:
        message: of the `msgspec.ValidationError`.
        content: what was to become a `Task`.
    """
    what, _, place = message.partition(" - at `")
    path = re.findall(r"\[\.\.\.\]|\[\d+\]|\w+", place.removeprefix(_KEY).strip("`$"))
    for pattern, told in _SENTENCES.items():
        if match := re.fullmatch(pattern, what):
            return (_unknown if place.startswith(_KEY) else told)(match, path, content)
    return f"{what} (at {_found(content, path)[0]})" if path else what


def received(value: object) -> str:
    """A value as a task file has it: ``text 'three'``, ``a list``, ``3.5``."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"text {value!r}"
    if isinstance(value, (list, Mapping)):
        return _WORDS["array" if isinstance(value, list) else "object"]
    return f"{value}"


def _type(match: re.Match[str], path: list[str], content: Mapping[str, Any]) -> str:
    """A value of a type that the key does not take, or outside its range."""
    allowed, limit, got = match[1].split(" | "), match[2], match[3]
    key, value = _found(content, path, lambda one: got is None or _name(one) == got)
    names = [name for name in allowed if name != "null" and not (name == "int" and "float" in allowed)]
    words = [_WORDS.get(name, name) for name in names]
    expected = " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
    return f"{key or 'a task file'} is {expected}{limit}, received {received(value)}"


def _choice(match: re.Match[str], path: list[str], content: Mapping[str, Any]) -> str:
    """A word that is none of those that the key takes."""
    key = ".".join(part for part in path if part[0] != "[")
    hint = _hint(path)
    table = "a table or " * any(typing.get_origin(one) is dict for one in typing.get_args(hint))
    return f"{key} is {table}one of {', '.join(map(str, _literals(hint)))}, received {match[1]!r}"


def _missing(match: re.Match[str], path: list[str], content: Mapping[str, Any]) -> str:
    """A key that every task file has."""
    key = match[1]
    place, _ = _found(content, path, lambda one: isinstance(one, Mapping) and key not in one)
    return f"key {key!r} is missing {f'in {place}' if place else 'at the top level'}"


def _unknown(match: re.Match[str], path: list[str], content: Mapping[str, Any]) -> str:
    """A key that nobody reads."""
    key = match[1]
    place, _ = _found(content, path, lambda one: isinstance(one, Mapping) and key in one)
    nested = re.fullmatch(r"tuning\.space\.(\w[\w-]*)", place)
    if nested:  # a table below [tuning.space], where one key holds a point
        return (
            f'[tuning.space] names a setting by one quoted key, as "{nested[1]}.{key}" = {{low = 0.1, high = 0.5}}; '
            f"received a table [{place}]"
        )
    struct: Any = Task
    for part in path:
        fields = {field.name: field.type for field in msgspec.structs.fields(struct)}
        if part in fields:
            struct = _STRUCTS.get(part, fields[part])
    known = [field.name for field in msgspec.structs.fields(struct)] if hasattr(struct, "__struct_fields__") else []
    known = known or [str(name) for name in _literals(struct)]
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
    return f"unknown key {key!r} in [{place or 'the top level'}]; {hint}"


_SENTENCES: dict[str, Callable[[re.Match[str], list[str], Mapping[str, Any]], str]] = {
    r"Expected `([^`]+)`([^,]*)(?:, got `([^`]+)`)?": _type,
    r"Invalid enum value '?([^']*)'?": _choice,
    r"Object missing required field `([^`]+)`": _missing,
    r"Object contains unknown field `([^`]+)`": _unknown,
}


def _found(
    content: Mapping[str, Any], path: list[str], fits: Callable[[Any], bool] = lambda one: True
) -> tuple[str, Any]:
    """The first key at the end of a path whose value fits, as TOML writes it, and that value."""
    key, value = next(((key, value) for key, value in _ends(content, path) if fits(value)), ("", None))
    return key.removeprefix("."), value


def _ends(value: Any, path: list[str]) -> Iterator[tuple[str, Any]]:
    """Every key that a path may mean, and its value: msgspec leaves keys open that a user has named."""
    if not path:
        yield "", value
        return
    part, rest = path[0], path[1:]
    if part == "[...]":
        steps = [(_quoted(key), one) for key, one in value.items()] if isinstance(value, Mapping) else []
    elif part[0] == "[":
        place = int(part[1:-1])
        steps = [(part, value[place])] if isinstance(value, list) and place < len(value) else []
    else:
        steps = [(f".{part}", value[part])] if isinstance(value, Mapping) and part in value else []
    for step, one in steps:
        for end, found in _ends(one, rest):
            yield step + end, found


def _quoted(key: str) -> str:
    return f".{key}" if re.fullmatch(r"[A-Za-z0-9_-]+", key) else f'."{key}"'


def _name(value: object) -> str:
    """What msgspec calls the type of a value of TOML."""
    kinds = {bool: "bool", datetime.datetime: "datetime", dict: "object", list: "array"}
    return kinds.get(type(value), type(value).__name__)


def _hint(path: list[str]) -> Any:
    """The type of a key, or of a key in a table of the task."""
    hint = typing.get_type_hints(Task)[path[0]]
    if len(path) > 1 and hasattr(hint, "__struct_fields__"):
        return typing.get_type_hints(hint)[path[1]]
    return hint


def _literals(hint: Any) -> list[Any]:
    """The words that a type allows, those in a list of it or as keys of it too."""
    if typing.get_origin(hint) is typing.Literal:
        return list(typing.get_args(hint))
    return [word for inner in typing.get_args(hint) for word in _literals(inner)]
