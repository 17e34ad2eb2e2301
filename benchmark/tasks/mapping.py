"""Labels of another dataset -> classes of a task, as `bench evaluate --map` says, or by their names."""

import re
from collections.abc import Iterable, Mapping, Sequence

from registry.errors import ConfigError, unknown_name

Classes = Mapping[str, Sequence[str]]  # name -> the labels that it takes
OTHERS = "*"  # every label that has no class otherwise
SEE = '--map "THEIR LABEL=CLASS", one or several, joined by commas'


def parse_map(texts: Iterable[str]) -> dict[str, str]:
    """Label -> what stands right of it, of ``Label=Class,Other=Class``; nothing there leaves the label out.

    A piece without ``=`` belongs to the label after it, which then holds a comma.

    Raises:
        ConfigError: a piece is no assignment, or a label stands twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        label = ""
        for piece in text.split(","):
            label = f"{label},{piece}" if label else piece
            if "=" not in piece:
                continue
            name, _, target = (part.strip() for part in label.rpartition("="))
            if not name:
                raise ConfigError(f"--map {text!r}: expected LABEL=CLASS, received {label!r}")
            if found.setdefault(name, target) != target:
                raise ConfigError(f"--map sends {name!r} to {found[name]!r} and to {target!r}; say one")
            label = ""
        if label:
            raise ConfigError(f"--map {text!r}: expected LABEL=CLASS, received {label!r}; see {SEE}")
    return found


def class_map(labels: Sequence[str], classes: Classes, given: Mapping[str, str], run: str) -> dict[str, str]:
    """Label -> class, of the labels that have one; the others are left out.

    What is not given maps to the class, or to the class of the label, that is called like it but for capitals, spaces,
    hyphens and underscores.

    Args:
        labels: of the other dataset.
        classes: of the task of `run`.
        given: see `parse_map`; to a class of the task or to one of its labels.  ``*`` is every label that has no class
            otherwise.

    Raises:
        UnknownNameError: a label or a class that was given is not there.
        ConfigError: a label maps to two classes, or none maps to any.
    """
    for label, target in given.items():
        if label not in labels and label != OTHERS:
            raise unknown_name("label of the external dataset", label, labels, SEE)
        if target and not _named(target, classes, exactly=True):
            known = {*classes, *(one for taken in classes.values() for one in taken)}
            raise unknown_name(f"class or label of {run}", target, known, SEE)
    found = {label: _class_of(label, classes, given) for label in labels}
    mapped = {label: name for label, name in found.items() if name}
    if not mapped:
        raise ConfigError(
            f"no label of the external dataset ({_some(labels)}) is a class or a label of {run} ({_some(classes)}); "
            f"say which is which with {SEE}"
        )
    return mapped


def _class_of(label: str, classes: Classes, given: Mapping[str, str]) -> str:
    """The class of a label; empty where it has none."""
    found = _named(given[label], classes, exactly=True) if label in given else _named(label, classes, exactly=False)
    if not found and label not in given and OTHERS in given:
        found = _named(given[OTHERS], classes, exactly=True)
    if len(found) > 1:
        raise ConfigError(f"label {label!r} maps to {' and to '.join(sorted(found))}; say which with {SEE}")
    return next(iter(found), "")


def _named(name: str, classes: Classes, *, exactly: bool) -> set[str]:
    """The classes that a name means: by theirs first, else by that of a label."""
    alike = _same if exactly else _folded
    own = {one for one in classes if alike(one) == alike(name)}
    return own or {one for one, taken in classes.items() if alike(name) in map(alike, taken)}


def _same(name: str) -> str:
    return name


def _folded(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:6]) + (f" and {len(listed) - 6} more" if len(listed) > 6 else "")
