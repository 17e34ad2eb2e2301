"""What runs, votes, folds and searches have left: every value by its name, by its new name."""

import csv
import hashlib
import json
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tests.perf.same.checkout import PRINTED
from tests.perf.same.translation import PHRASES, RENAMED, TRANSIENT, Name, ignored, matched, renamed, renamed_values

Leaf = Any  # a number, a text, a list of such, or an array
MAPS = "samples"  # a kind of file that may belong to several runs
TELLING = ("pipeline", "id", "trial", "epoch", "name", "task")  # what tells the items of a list apart


class Place(NamedTuple):
    """What kind of file, and whose: a task's, or one of its runs'."""

    kind: str
    whose: str

    @property
    def task(self) -> str:
        """Which task it belongs to."""
        return self.whose.partition(" · ")[0]


class Contents(NamedTuple):
    """Everything that one side has left.

    Attributes:
        values: place -> name -> value, without what is ignored.
        old_names: renamings, as ``kind: old -> new``, whose old name is in use.
        unread: files, by suffix or name, of which the name alone is compared.
    """

    values: dict[Place, dict[Name, Leaf]]
    old_names: set[str]
    unread: set[str]


def read(folder: Path, only: Collection[str]) -> Contents:
    """All files of a side that belong to these tasks.

    Raises:
        ValueError: two runs have one name, or a value has both its old and its new name.
    """
    contents = Contents({}, set(), set())
    for place, content in _files(folder, contents.unread):
        if place.kind != MAPS and place.task not in only:
            continue
        if place in contents.values:
            raise ValueError(f"two of {place.whose} have a {place.kind} below {folder}")
        contents.old_names.update(_old_names(place.kind, content))
        contents.values[place] = dict(_named(place, content))
    return contents


def _named(place: Place, content: Any) -> Iterator[tuple[Name, Leaf]]:
    """New name -> value, of one file."""
    seen = set()
    for old, leaf in flat(content):
        name = renamed(place.kind, old)
        if name in seen:
            raise ValueError(f"the {place.kind} of {place.whose} has {'.'.join(name)} by its old and its new name")
        seen.add(name)
        if not (ignored(place.kind, name) or _is_transient(name, leaf)):
            yield name, _translated(place.kind, name, leaf)


def _old_names(kind: str, content: Any) -> Iterator[str]:
    for name, _ in flat(content):
        for old, new in RENAMED.get(kind, {}).items():
            if matched(old, name) is not None:
                yield f"{kind}: {old} -> {new}"


def flat(content: Any, name: Name = ()) -> Iterator[tuple[Name, Leaf]]:
    """Name -> value of nested tables and lists; a list without tables in it is one value."""
    if isinstance(content, dict) and content:
        for key, value in content.items():
            yield from flat(value, (*name, str(key)))
    elif isinstance(content, list) and any(isinstance(one, (dict, list)) for one in content):
        for key, value in zip(_item_names(content), content, strict=True):
            yield from flat(value, (*name, key))
    else:
        yield name, content


def _item_names(items: list[Any]) -> list[str]:
    for key in TELLING:
        names = [str(one[key]) for one in items if isinstance(one, dict) and key in one]
        if len(set(names)) == len(items):
            return names
    return [str(place) for place in range(len(items))]


def _is_transient(name: Name, leaf: Leaf) -> bool:
    """Whether it is a list of notes without one that lasts."""
    return bool(name) and name[-1] == "notes" and isinstance(leaf, list) and not any(map(_lasts, leaf))


def _lasts(note: str) -> bool:
    return not any(word in note for word in TRANSIENT)


def _translated(kind: str, name: Name, leaf: Leaf) -> Leaf:
    words = renamed_values(kind, name)

    def translated(text: Any) -> Any:
        text = words.get(text, text) if isinstance(text, str) else text
        for old, new in PHRASES.items():
            text = text.replace(old, new) if isinstance(text, str) else text
        return text

    if isinstance(leaf, np.ndarray):
        return np.array([translated(text) for text in leaf.tolist()]) if leaf.dtype.kind == "U" else leaf
    if isinstance(leaf, list):
        return [translated(text) for text in leaf if name[-1] != "notes" or _lasts(text)]
    return translated(leaf)


def _files(folder: Path, unread: set[str]) -> Iterator[tuple[Place, Any]]:
    """Content of each file that is read; the others are added to `unread`."""
    for path in sorted(folder.glob("results/**/result.json")):
        record = json.loads(path.read_bytes())
        yield from ((Place(kind, _name(record)), content) for kind, content in _of_run(path.parent, record, unread))
    for path in sorted(folder.glob("results/**/ledger.jsonl")):
        search, *events = map(json.loads, path.read_text().splitlines())
        whose = f"{path.parent.parent.name} · {search['tuner']}"
        named = {f"{place} {event['event']}": event for place, event in enumerate(events, 1)}
        yield Place("ledger", whose), {"search": search, **named}
        yield Place("trials", whose), _csv(path.with_name("trials.csv"))
        yield Place("tuned", whose), tomllib.loads(path.with_name("tuned.toml").read_text())
    # In a run's folder or in the cache: known by what they show, and of several that show the same by the maps.
    samples = [_arrays(path) for path in folder.rglob("samples.npz")]
    for count, maps in enumerate(sorted(samples, key=lambda maps: (_shown(maps), maps["heat"].tobytes()))):
        yield Place(MAPS, f"{count} {_shown(maps)}"), maps
    for path in sorted((folder / PRINTED).glob("*.json")):
        output = json.loads(path.read_bytes())
        yield Place("comparison" if "tables" in output else "finding", path.stem), output


def _shown(maps: Mapping[str, np.ndarray]) -> str:
    """Of which images, as what, how surely: all but the maps themselves, and in few letters."""
    told = "\0".join(f"{key} {maps[key].tolist()}" for key in sorted(maps) if key != "heat")
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def _name(record: Mapping[str, Any]) -> str:
    fold = "folds pooled" if record["fold"] is None else f"fold {record['fold']}"
    tuned = " · tuned" if record.get("tuned") and not record["tuned"].get("stayed") else ""
    return f"{record['task']} · {record['pipeline']} · seed {record['seed']} · {fold}{tuned}"


def _of_run(folder: Path, record: Any, unread: set[str]) -> Iterator[tuple[str, Any]]:
    """Kind of file -> content, of one run's folder."""
    readers: dict[str, tuple[str, Callable[[Path], Any]]] = {
        "predictions.npz": ("predictions", _arrays),
        "gradcam.json": ("maps", lambda path: json.loads(path.read_bytes())),
        "history.csv": ("history", _csv),
        "split.csv": ("split", _csv),
    }
    yield "record", record
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "samples.npz")
    yield "files", {str(path.relative_to(folder)): True for path in files}
    for path in files:
        if path.name in readers:
            kind, reader = readers[path.name]
            yield kind, reader(path)
        elif path.name != "result.json":
            unread.add(path.name if path.suffix in (".json", ".csv", ".npz") else f"*{path.suffix}")


def _arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as stored:
        return dict(stored)


def _csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
