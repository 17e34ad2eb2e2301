"""Pipelines by names that are as short as tells the rows of one table apart.

Of a component's options those are shown in which its occurrences in the table differ, a path as its file's name; of
further settings the last word of their names where that is plain.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from benchmark.comparison.tables import Ranking, Table

WORD = re.compile(r"[^\s+,()\[\]×]+")
OPTION = re.compile(r",(?=\w+=)")
SLASH = re.compile(r"[/\\]")


class Part(NamedTuple):
    """A component in a name, where it stands, and the options that are given there."""

    start: int
    end: int
    component: str
    options: dict[str, str]


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Name -> short name, of the rows of one table; where that would be no row's alone, the name as it is.

    Args:
        names: without the settings that are added to tell pipelines of one name apart.
    """
    parts = {name: _parts(name) for name in names}
    values: dict[tuple[str, str], dict[str | None, None]] = {}
    for component, given in _occurrences(parts.values()).items():
        for option in dict.fromkeys(option for one in given for option in one):
            values[component, option] = dict.fromkeys(one.get(option) for one in given)
    shown = {key: _files(found) for key, found in values.items() if len(found) > 1}
    short = {name: _shortened(name, parts[name], shown) for name in parts}
    taken = Counter(short.values())
    return {name: one if taken[one] == 1 else name for name, one in short.items()}


def left_out_of_names(names: Iterable[str]) -> dict[str, str]:
    """Component -> its options that short names leave out, since they are the same wherever the table has it."""
    same: dict[str, str] = {}
    for component, given in _occurrences([_parts(name) for name in names]).items():
        common = {option: value for option, value in given[0].items() if all(one.get(option) == value for one in given)}
        if common:
            same[component] = ", ".join(f"{option}={_file(value)}" for option, value in common.items())
    return same


def short_key(key: str, others: Iterable[str], known: Iterable[str]) -> str:
    """``epochs`` of ``training.epochs``, where that can mean nothing else; else the key as it is.

    Args:
        others: settings that are named beside it.
        known: every setting.
    """
    place, _, last = key.rpartition(".")
    if last == "name":
        return place
    alike = [one for one in known if one != key and one.rpartition(".")[2] == last]
    among = alike if place != "training" else [one for one in others if one in alike]
    return key if among or last == "seed" else last


def short_value(value: str) -> str:
    """A setting's value; a path as its file's name."""
    return "|".join(map(_file, value.split("|")))


def shortened(table: Table) -> Table:
    """The table whose rows, and all that is said of them, have their short names; for people."""
    short = {row.pipeline: row.name for row in table.rows if not row.control}
    if all(name == own for name, own in short.items()):
        return table
    rows = [row if row.control else msgspec.structs.replace(row, pipeline=row.name) for row in table.rows]
    return msgspec.structs.replace(table, rows=rows, ranking=table.ranking and _ranking(table, table.ranking, short))


def _ranking(table: Table, ranking: Ranking, short: Mapping[str, str]) -> Ranking:
    rules = {row.pipeline for row in table.rows if row.control}
    known = {name: own for name, own in short.items() if name not in rules}
    sides = {side: [known.get(name, name) for name in getattr(ranking, side)] for side in ("tied", "better", "worse")}
    first, reference = short.get(ranking.first, ranking.first), short.get(ranking.reference, ranking.reference)
    untested = ranking.untested.replace(ranking.reference, reference)
    return msgspec.structs.replace(ranking, first=first, reference=reference, untested=untested, **sides)


def _occurrences(named: Iterable[Sequence[Part]]) -> dict[str, list[dict[str, str]]]:
    """Component -> the options of each of its occurrences."""
    found: dict[str, list[dict[str, str]]] = {}
    for parts in named:
        for part in parts:
            found.setdefault(part.component, []).append(part.options)
    return found


def _parts(name: str) -> list[Part]:
    """The components of a name; none where its brackets do not match."""
    found: list[Part] = []
    place = 0
    while match := WORD.search(name, place):
        place = match.end()
        options: dict[str, str] = {}
        if name[place : place + 1] == "[":
            closing = _closing(name, place)
            if closing is None:
                return []
            options = _options(name[place + 1 : closing])
            place = closing + 1
        found.append(Part(match.start(), place, match.group(), options))
    return found


def _closing(name: str, opening: int) -> int | None:
    """Where a bracket is closed."""
    depth = 0
    for place in range(opening, len(name)):
        depth += (name[place] == "[") - (name[place] == "]")
        if not depth:
            return place
    return None


def _options(text: str) -> dict[str, str]:
    pairs = (one.partition("=") for one in OPTION.split(text))
    return {option: value for option, _, value in pairs}


def _shortened(name: str, parts: Sequence[Part], shown: Mapping[tuple[str, str], Mapping[str | None, str]]) -> str:
    out, place = "", 0
    for part in parts:
        kept = [
            value if _is_path(whole) else f"{option}={value}"
            for option, whole in part.options.items()
            if (value := shown.get((part.component, option), {}).get(whole)) is not None
        ]
        out += name[place : part.start] + part.component + (f"[{','.join(kept)}]" if kept else "")
        place = part.end
    return out + name[place:]


def _files(values: Iterable[str | None]) -> dict[str | None, str]:
    """Value -> as it is shown: of paths as much of their ends as tells them apart."""
    known = [value for value in values if value is not None]
    most = max((len(SLASH.split(value)) for value in known), default=1)
    for length in range(1, most + 1):
        shown: dict[str | None, str] = {
            value: "/".join(SLASH.split(value)[-length:]) if _is_path(value) else value for value in known
        }
        if len(set(shown.values())) == len(known):
            return dict(shown)
    return {value: value for value in known}


def _file(value: str) -> str:
    return SLASH.split(value)[-1] or value if _is_path(value) else value


def _is_path(value: str) -> bool:
    """Whether it names a file or folder; ``1/2`` does not."""
    return bool(SLASH.search(value) and re.search("[A-Za-z]", value))
