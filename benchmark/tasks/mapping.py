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


def check_classes(
    mapping: Mapping[str, str], labels: Sequence[str], classes: Classes, given: Mapping[str, str], where: str
) -> None:
    """Refuse a map that leaves images of less than two classes while nobody has said what other labels are.

    A map that names every label, or ``*``, may leave one class: what needs the others is then not defined.

    Args:
        mapping: see `class_map`; `labels` and `given` as there.
        where: the images, for the message.

    Raises:
        ConfigError: it is such a map.
    """
    absent = without_images(mapping, classes)
    open_ = [label for label in labels if label not in mapping and label not in given and OTHERS not in given]
    if not open_ or len(classes) - len(absent) > 1:
        return
    are = "is" if len(open_) == 1 else "are"
    raise ConfigError(
        f"no image of {where} is {_some(absent)}; its label{'s' * (len(open_) > 1)} {_some(open_)} {are} of no class: "
        f'say --map "LABEL={absent[0]}", or --map "*=" to leave them out'
    )


def without_images(mapping: Mapping[str, str], classes: Classes) -> list[str]:
    """The classes that no label maps to."""
    return [name for name in classes if name not in mapping.values()]


def map_told(mapping: Mapping[str, str], counts: Mapping[str, int], classes: Classes) -> str:
    """What goes where, what is left out, and which classes have no image, in one line.

    Args:
        counts: label -> images.
    """
    parts = [", ".join(f"{label} → {name}" for label, name in mapping.items())]
    left = [f"{label} {count:,}" for label, count in counts.items() if count and label not in mapping]
    parts += [f"left out, of no class: {', '.join(left)}"] if left else []
    absent = without_images(mapping, classes)
    parts += [f"no image is {', '.join(absent)}: what needs it is not defined"] if absent else []
    return "; ".join(parts)


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
