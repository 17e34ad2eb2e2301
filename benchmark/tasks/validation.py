"""What is wrong with a task file, in the words of TOML: the value and the type it should have, walked side by side."""

import difflib
import re
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec

from benchmark.tasks.schema import Task

WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", list: "a list", dict: "a table"}

RENAMED = {"features.carrier": "head"}  # a key as it was once called, in its table -> what it is called now
PLATEAU = "the schedule has a fixed length now and nothing is stopped or chosen by validation; "
REMOVED = {  # a key that there was, in its table -> what to do instead
    f"{table}.{key}": PLATEAU + remedy
    for table in ("training", "segmentation")
    for key, remedy in (
        ("patience", "leave it out, and say how long with epochs or minimum_steps"),
        ("decay", "leave it out: the rate falls from learning_rate to 0 along half a cosine"),
    )
}
RENAMED_VALUES = {("split.grouping", "naive"): "image-level"}


def advice(content: Mapping[str, Any], refused: str) -> str:
    """One sentence about the first thing that a `Task` cannot take: the key, what it is, what was received.

    Args:
        content: what was to become a `Task`.
        refused: msgspec's own words, where no key is to blame.
    """
    return next(_faults(content, Task, ""), refused)


def received(value: object) -> str:
    """A value as a task file has it: ``text 'three'``, ``a list``, ``3.5``."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"text {value!r}"
    return "a list" if isinstance(value, list) else "a table" if isinstance(value, Mapping) else f"{value}"


def _faults(value: Any, hint: Any, key: str) -> Iterator[str]:
    """Sentences about a value and what is in it, the outer ones first."""
    hints = get_args(hint) if get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    fitting = next((one for one in hints if _fits(value, one)), None)
    kind, inner = get_origin(fitting), get_args(fitting)
    if fitting is None and (now := RENAMED_VALUES.get((key, str(value)))):
        yield f"{key} = {value!r} is called {now!r} now; write that"
    elif fitting is None:
        given = repr(value) if isinstance(value, str) and _words_of(*hints) else received(value)
        yield f"{key or 'a task file'} is {_expected(hints)}, received {given}"
    elif _is_struct(fitting):
        yield from _struct_faults(value, fitting, key)
    elif kind is dict:
        words = _words_of(inner[0])
        for name, one in value.items():
            if words and name not in words:
                yield _unknown(name, words, key)
            yield from _faults(one, inner[1], _below(key, name))
    elif kind is list:
        for place, one in enumerate(value):
            yield from _faults(one, inner[0], f"{key}[{place}]")


def _struct_faults(table: Mapping[str, Any], struct: Any, key: str) -> Iterator[str]:
    """Keys that are unknown or missing, then what is in the table, then what it must be as a whole."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    for name in table:
        if name not in fields:
            yield _unknown(name, list(fields), key)
    for name, field in fields.items():
        if name in table:
            yield from _faults(table[name], field.type, _below(key, name))
        elif field.required:
            yield f"key {name!r} is missing {f'in {key}' if key else 'at the top level'}"
    try:
        msgspec.convert(table, struct)
    except msgspec.ValidationError as error:
        yield f"{str(error).partition(' - at `')[0]} (at {key})"


def _unknown(name: str, known: list[str], key: str) -> str:
    """An unknown key."""
    nested = re.fullmatch(r"tuning\.space\.(\w[\w-]*)", key)
    if nested:  # a table below [tuning.space], where one key holds a point
        return (
            f'[tuning.space] names a setting by one quoted key, as "{nested[1]}.{name}" = {{low = 0.1, high = 0.5}}; '
            f"received a table [{key}]"
        )
    now = RENAMED.get(f"{key}.{name}")
    if now:
        return f"key {name!r} in [{key}] is called {now!r} now; rename it"
    if instead := REMOVED.get(f"{key}.{name}"):
        return f"key {name!r} in [{key}] is no more: {instead}"
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
    return f"unknown key {name!r} in [{key or 'the top level'}]; {hint}"


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type, whatever is in it."""
    kind = get_origin(hint) or hint
    if kind is Annotated:
        plain, limits = get_args(hint)
        return _fits(value, plain) and limits.ge <= value and (limits.lt is None or value < limits.lt)
    if kind is Literal:
        return value in get_args(hint)
    if kind in (int, float):
        return isinstance(value, (int, kind)) and not isinstance(value, bool)
    return isinstance(value, Mapping if kind is dict or _is_struct(kind) else kind)


def _expected(hints: tuple[Any, ...]) -> str:
    """The types that a key takes: ``true or false, a number or text``."""
    types_taken = list(dict.fromkeys(filter(None, map(_expected_of, hints))))
    if WORDS[float] in types_taken and WORDS[int] in types_taken:
        types_taken.remove(WORDS[int])
    *others, last = types_taken
    return f"{', '.join(others)} or {last}" if others else last


def _expected_of(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return f"one of {', '.join(get_args(hint))}"
    if get_origin(hint) is Annotated:
        plain, limits = get_args(hint)
        below = "" if limits.lt is None else f" and < {limits.lt}"
        return f"{WORDS[plain]} >= {limits.ge}{below}"
    return WORDS[dict] if _is_struct(hint) else WORDS.get(get_origin(hint) or hint, "")


def _words_of(*hints: Any) -> list[str]:
    """The words that are allowed where a value is one of a few."""
    return [word for hint in hints if get_origin(hint) is Literal for word in get_args(hint)]


def _is_struct(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct)


def _below(key: str, name: str) -> str:
    """A key in a table, as TOML writes it."""
    own = name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f'"{name}"'
    return f"{key}.{own}" if key else own
