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
SHOWN = 30  # labels in a message
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


def resolve_classes(
    task: Task, labels: Sequence[str], ignored: Sequence[str] = (), separator: str | None = None
) -> dict[str, list[str]]:
    """Class -> labels for a dataset's labels, in the task's order.

    Args:
        labels: without the ignored ones.
        separator: between the findings of a label that holds several.  Such a label belongs to the class that takes
            any of its findings where that is exactly one (``*`` takes what no other class names), else to none; so
            does a label that no class takes where ``*`` is among those that the task ignores.

    Raises:
        ConfigError: a class takes a label that the dataset lacks, takes none, or a label of one finding has two
            classes or none.
    """
    single = [label for label in labels if not separator or separator not in label]
    if task.classes == "labels":
        return {label: [label] for label in single}
    _check_not_ignored(task.classes, ignored)
    found = dict.fromkeys(finding for label in labels for finding in findings_of(label, separator))
    _check_named(task.classes, list(found | dict.fromkeys(labels)), labels)
    takers = {label: _takers(task.classes, label, separator) for label in labels}
    classes = {
        name: sorted(
            (label for label in labels if list(takers[label]) == [name]), key=lambda label: takers[label][name]
        )
        for name in task.classes
    }
    twice = [label for label in single if len(takers[label]) > 1]
    left = [label for label in single if not takers[label] and "*" not in task.ignore]
    _check_divided(classes, twice, left, labels)
    if task.positive is not None and task.positive not in classes:
        raise unknown_name("class", task.positive, classes, "the task's [classes]")
    return classes


def in_no_class(task: Task, labels: Sequence[str], separator: str | None) -> list[str]:
    """The labels that are left out: of several findings, no one class takes them; or the task leaves out the rest.

    Raises:
        ConfigError: the task's classes do not divide the dataset's labels.
    """
    if not separator and "*" not in task.ignore:
        return []
    taken = {label for own in resolve_classes(task, labels, separator=separator).values() for label in own}
    return [label for label in labels if label not in taken]


def findings_of(label: str, separator: str | None) -> list[str]:
    """The findings that a label holds: itself where a label is one finding."""
    return label.split(separator) if separator else [label]


def _takers(classes: Mapping[str, Sequence[str]], label: str, separator: str | None) -> dict[str, int]:
    """The classes that take a label: by its own name, else by one of its findings, else by the star.

    With the place of what takes it in the class.
    """
    for wanted in ({label}, set(findings_of(label, separator)), {"*"}):
        places = {name: [at for at, one in enumerate(taken) if one in wanted] for name, taken in classes.items()}
        if any(places.values()):
            return {name: place[0] for name, place in places.items() if place}
    return {}


def _check_named(classes: Mapping[str, Sequence[str]], known: Sequence[str], labels: Sequence[str]) -> None:
    for label in (label for taken in classes.values() for label in taken if label != "*"):
        if label not in known:
            near = difflib.get_close_matches(label, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ConfigError(
                f"a class of the task takes label {label!r}, which the dataset lacks (it has {_listed(labels)})"
                f"{hint or OTHERS}"
            )


def _check_not_ignored(classes: Mapping[str, Sequence[str]], ignored: Sequence[str]) -> None:
    both = [label for taken in classes.values() for label in taken if label in ignored]
    if both:
        raise ConfigError(f"label {', '.join(both)} is in a class of the task and is ignored; leave it out of either")


def _check_divided(
    classes: Mapping[str, Sequence[str]], twice: Sequence[str], left: Sequence[str], labels: Sequence[str]
) -> None:
    empty = [name for name, taken in classes.items() if not taken]
    if (empty and not twice) or len(classes) < 2:
        raise ConfigError(
            f"class {', '.join(empty) or 'list'} has no label left in this dataset (it has {_listed(labels)}); "
            "a task needs two"
        )
    if twice:
        raise ConfigError(f"label {_listed(twice)} belongs to two classes; each label has one ('*' takes the rest)")
    if left:
        written = ", ".join(f'"{label}"' for label in left)
        flags = shlex.join(word for label in left for word in ("--ignore", label))
        raise ConfigError(
            f'label {", ".join(left)} is in no class of the task; add it to one ("*" takes the rest), or leave its '
            f"images out with {flags}, or ignore = [{written}] beside [classes]"
        )


def _listed(labels: Sequence[str]) -> str:
    """Labels in a message: of hundreds, the first."""
    return ", ".join(labels[:SHOWN]) + (f" and {len(labels) - SHOWN} more" if len(labels) > SHOWN else "")


def _read_toml(path: Path) -> dict[str, Any]:
    """The tables of a file, in a dictionary of the caller's own."""
    try:
        return dict(_parsed(path.read_text(encoding=_encoding(path))))
    except (ValueError, RecursionError) as error:  # the second of what nests too deep
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
