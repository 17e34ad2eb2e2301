"""From a task file, the environment and flags to one checked task.

Later beats earlier: `configs/defaults.toml` < the task file < its `[quick]` table < environment < flags.
"""

import difflib
import re
import shlex
import tomllib
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from benchmark.tasks.schema import Component, Task
from benchmark.tasks.validation import advice, received
from registry.errors import ConfigError, unknown_name
from registry.options import Scalar, parse_scalar

MARKS = {  # UTF-32's begins as UTF-16's does
    BOM_UTF32_LE: "utf-32",
    BOM_UTF32_BE: "utf-32",
    BOM_UTF16_LE: "utf-16",
    BOM_UTF16_BE: "utf-16",
    BOM_UTF8: "utf-8-sig",
}
OTHERS = "; a task file of your own names labels that it has, and --task multiclass takes each for itself"


def read_task(path: Path, defaults: Path, *, quick: bool, overrides: Mapping[str, Any]) -> Task:
    """A task file checked whole, with defaults below it and flags above it.

    Args:
        quick: lay the file's `[quick]` table over it, unless its settings were tuned.
        overrides: nested tables from environment and flags.

    Raises:
        ConfigError: an unknown key or a value of the wrong type; the message says where and what is nearest.
    """
    content = _read_toml(path)
    fast = content.pop("quick", {})
    if not isinstance(fast, dict):
        raise ConfigError(f"{path}: [quick] is a table, received {received(fast)}")
    base = _read_toml(defaults)
    base_quick = base.pop("quick", {})
    # The laptop setting of the defaults takes back nothing that a task file says of its own search.
    searched = {"tuning": content.get("tuning", {})}
    layers = [base, content, base_quick, searched, fast] if quick and "tuned" not in content else [base, content]
    _convert(merge(base, content, {"quick": {}}, fast), path.name)  # an error in [quick] is one on every machine
    task = _convert(merge(*layers, overrides), "--set" if overrides else path.name)
    return msgspec.structs.replace(task, overridden=sorted(merge(*layers[1:], overrides).get("training", {})))


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Nested tables laid over each other, later ones on top; lists are replaced whole."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
            # A class mapping is one decision, and so is what is searched of one setting: two are never mixed.
            if both and key == "space":
                merged[key] = {**merged[key], **value}
            else:
                merged[key] = merge(merged[key], value) if both and key != "classes" else value
    merged.pop("quick", None)
    return merged


def parse_component(text: str) -> Component:
    """``name[option=value,…]`` as flags and task files write it."""
    match = re.fullmatch(r"\s*([^\[\]\s]+)\s*(?:\[(.*)\])?\s*", text)
    if not match:
        raise ConfigError(f"{text!r} is not a component; expected NAME or NAME[option=value,…]")
    options: dict[str, Scalar] = {}
    for pair in filter(None, (part.strip() for part in _apart(match[2] or ""))):
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise ConfigError(f"{pair!r} in {text!r} is not an option; expected option=value")
        if name.strip() in options:
            raise ConfigError(f"{text!r} gives {name.strip()} twice; give it once")
        options[name.strip()] = parse_scalar(value)
    return Component(match[1], options)


def _apart(text: str) -> list[str]:
    """What stands between commas, of which those in brackets separate nothing, such as in ``\\d{1,3}``."""
    parts, depth = [""], 0
    for sign in text:
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def parse_assignment(text: str) -> dict[str, Any]:
    """``--set table.key=value`` as a nested table; component options are ``backbone.cut=36``."""
    place, equals, value = text.partition("=")
    keys = [key.strip() for key in place.split(".")]
    if keys[:2] == ["tuning", "space"]:
        raise ConfigError(
            f"--set {text!r}: what is searched is said in a task file, below [tuning.space], as "
            '"head.dropout" = {low = 0.1, high = 0.5}; a setting that a flag gives, as --set head.dropout=0.2, stays'
        )
    if not equals or len(keys) != 2 or not all(keys):
        raise ConfigError(f"--set {text!r} cannot be read; expected table.key=value, for instance images.size=96")
    table = {keys[1]: parse_scalar(value)}
    return {"options": {keys[0]: table}} if keys[0] in ("segmenter", "backbone", "head", "voter") else {keys[0]: table}


def resolve_classes(task: Task, labels: Sequence[str], ignored: Sequence[str] = ()) -> dict[str, list[str]]:
    """Class -> labels for a dataset's labels, in the task's order.

    Args:
        labels: without the ignored ones.

    Raises:
        ConfigError: a class takes a label that the dataset lacks, takes none, or a label has two classes or none.
    """
    if task.classes == "labels":
        return {label: [label] for label in labels}
    named = [label for taken in task.classes.values() for label in taken if label != "*"]
    shown = ", ".join(labels)
    both = [label for label in named if label in ignored]
    if both:
        raise ConfigError(f"label {', '.join(both)} is in a class of the task and is ignored; leave it out of either")
    for label in named:
        if label not in labels:
            near = difflib.get_close_matches(label, labels, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ConfigError(
                f"a class of the task takes label {label!r}, which the dataset lacks (it has {shown}){hint or OTHERS}"
            )
    rest = [label for label in labels if label not in named]
    classes = {
        name: [label for item in taken for label in (rest if item == "*" else [item])]
        for name, taken in task.classes.items()
    }
    empty = [name for name, taken in classes.items() if not taken]
    if empty or len(classes) < 2:
        raise ConfigError(
            f"class {', '.join(empty) or 'list'} has no label left in this dataset (it has {shown}); a task needs two"
        )
    flat = [label for taken in classes.values() for label in taken]
    twice = sorted({label for label in flat if flat.count(label) > 1})
    if twice:
        raise ConfigError(f"label {', '.join(twice)} belongs to two classes; each label has one ('*' takes the rest)")
    left = [label for label in labels if label not in flat]
    if left:
        written = ", ".join(f'"{label}"' for label in left)
        flags = shlex.join(word for label in left for word in ("--ignore", label))
        raise ConfigError(
            f'label {", ".join(left)} is in no class of the task; add it to one ("*" takes the rest), or leave its '
            f"images out with {flags}, or ignore = [{written}] beside [classes]"
        )
    if task.positive is not None and task.positive not in classes:
        raise unknown_name("class", task.positive, classes, "the task's [classes]")
    return classes


def _read_toml(path: Path) -> dict[str, Any]:
    """The tables of a file, in a dictionary of the caller's own."""
    try:
        return dict(_parsed(path.read_text(encoding=_encoding(path))))
    except (tomllib.TOMLDecodeError, UnicodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error


def _encoding(path: Path) -> str:
    """UTF-8, or what the beginning of a file says: some editors and shells write a mark, or characters of two bytes."""
    with path.open("rb") as file:
        begin = file.read(len(BOM_UTF32_LE))
    for mark, name in MARKS.items():
        if begin.startswith(mark):
            return name
    return {begin[:1]: "utf-16-be", begin[1:2]: "utf-16-le"}.get(b"\0", "utf-8")  # no text has a zero


@cache
def _parsed(text: str) -> dict[str, Any]:
    """Each task file is laid over the same defaults, and parsing them takes longer than all else."""
    return tomllib.loads(text)


def _convert(content: dict[str, Any], origin: str) -> Task:
    if "overridden" in content:
        raise ConfigError(f"{origin}: unknown key 'overridden' in [the top level]")
    try:
        return msgspec.convert(content, Task)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{origin}: {advice(content, str(error))}") from error
