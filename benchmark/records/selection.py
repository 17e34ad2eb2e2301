"""Which runs are meant: by task, dataset, any setting of their specification, and when they were made."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from benchmark.records.record import Record
from registry.errors import ConfigError, unknown_name

OPERATORS = ("!=", "<=", ">=", "=", "<", ">")  # longer ones first
CONDITION = re.compile(rf"([^=!<>]+?)\s*({'|'.join(OPERATORS)})\s*(.*)", re.DOTALL)
OF_RECORD = ("status", "pipeline", "run", "metric")  # what is asked for besides settings
OPTIONS = "options"  # of a component; may be left out of a key


class Condition(msgspec.Struct, frozen=True):
    """What a setting must be: ``training.batch_size=32``.

    Attributes:
        key: dotted, as records have it; ``backbone.filters`` is an option of the backbone, ``backbone`` its name.
    """

    key: str
    operator: str
    value: str

    @property
    def text(self) -> str:
        """The condition as it was given, white space apart."""
        return f"{self.key}{self.operator}{self.value}"


class Selection(msgspec.Struct, frozen=True):
    """Runs that are meant: those of one of the tasks and one of the datasets that meet every condition.

    Attributes:
        since, before: times; runs that were made in between are meant.
        since_text, before_text: these as they were asked for.
        failed: only runs that failed.
    """

    tasks: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    since: datetime | None = None
    before: datetime | None = None
    since_text: str = ""
    before_text: str = ""
    failed: bool = False

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return not (self.tasks or self.datasets or self.conditions or self.since or self.before or self.failed)


class Selecting:
    """Selects records one by one and counts what it leaves out; rules stay beside the runs, and are not counted.

    Attributes:
        seen: how many runs were looked at.
        counts: flag -> runs that it has left out, each by the first that does.
        names: of the runs that were taken.
        lacking: pipeline digest -> seed and fold -> the flag that left that run out.
        scored: digest of test images -> runs that were scored on them and left out.
    """

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self.seen = 0
        self.counts: dict[str, int] = {}
        self.names: set[str] = set()
        self.lacking: dict[str, dict[tuple[int, int | None], str]] = {}
        self.scored: dict[str, int] = {}
        self._known: dict[str, set[str]] = {"task": set(), "dataset": set(), "setting": set()}
        self._met: set[str] = set()

    def __call__(self, record: Record) -> bool:
        """Whether the record is meant."""
        if record.of_controls or self.selection.everything:
            return True
        self.seen += 1
        self._remember(record)
        if flag := next(_unmet(self.selection, record), ""):
            self.counts[flag] = self.counts.get(flag, 0) + 1
            self.scored[record.test] = self.scored.get(record.test, 0) + (record.status == "ok" and bool(record.test))
            self.lacking.setdefault(record.pipeline_digest, {})[record.seed, record.fold] = flag
            return False
        self.names.add(record.run)
        return True

    def check(self) -> None:
        """Refuse what no record knows, after all were looked at.

        Raises:
            UnknownNameError: no run is of that task or dataset, or none has that setting.
        """
        asked = {"task": self.selection.tasks, "dataset": self.selection.datasets}
        for what, names in asked.items():
            for name in names:
                if self.seen and name not in self._known[what]:
                    raise unknown_name(what, name, self._known[what], "bench compare without it")
        for condition in self.selection.conditions:
            if self.seen and condition.key not in self._met:
                raise unknown_name("setting", condition.key, self._known["setting"], "spec in a run's result.json")

    @property
    def line(self) -> str:
        """``12 of 40 runs left out by --since 7d``; empty where none was, but for a time."""
        if not self.counts:
            since = f"none of {self.seen} run{'s' * (self.seen != 1)} left out by --since {self.selection.since_text}"
            return since if self.seen and self.selection.since else ""
        left = sum(self.counts.values())
        by = ", ".join(f"{count} by {flag}" for flag, count in self.counts.items())
        whose = f" by {next(iter(self.counts))}" if len(self.counts) == 1 else f": {by}"
        return f"{left} of {self.seen} run{'s' * (self.seen != 1)} left out{whose}"

    def _remember(self, record: Record) -> None:
        """What there is, for who asks for something else; keys alone that were asked for are looked up in every run."""
        self._known["task"].add(record.task)
        self._known["dataset"].add(_dataset(record))
        met = {one.key for one in self.selection.conditions if next(values(record, one.key), None) is not None}
        self._met |= met
        if len(met) < len(self.selection.conditions):
            self._known["setting"] |= {key.replace(f".{OPTIONS}.", ".") for key in _keys(record.spec)} | {*OF_RECORD}


def selected(tasks: Iterable[str], datasets: Iterable[str], wheres: Iterable[str], since: datetime | None) -> Selection:
    """Runs of these tasks and datasets that meet all conditions, as ``--where`` has them, and were made since.

    Raises:
        ConfigError: a condition cannot be read.
    """
    conditions = tuple(map(parse_condition, wheres))
    text = "" if since is None else since.isoformat(" ", timespec="minutes")
    return Selection(tuple(tasks), tuple(datasets), conditions, since and since.astimezone(UTC), since_text=text)


def parse_condition(text: str) -> Condition:
    """A condition as ``--where`` has it.

    Raises:
        ConfigError: it has no comparison, or compares with something that is no number by < or >.
    """
    match = CONDITION.fullmatch(text.strip())
    if match is None:
        raise ConfigError(
            f"--where {text!r} cannot be read; expected a setting, one of {' '.join(OPERATORS)}, and a value, "
            "such as training.batch_size=32"
        )
    found = Condition(*match.groups())
    if found.operator not in ("=", "!=") and _number(found.value) is None:
        raise ConfigError(f"--where {text!r} compares with {found.value!r}, which is no number; use = or !=")
    return found


def values(record: Record, key: str) -> Iterator[str]:
    """What a run has under a dotted key; of a vote that has none of its own, what each of its members has."""
    if key in OF_RECORD:
        yield str(getattr(record, key))
        return
    found = _value(record.spec, key)
    members = record.spec.get("members")
    if found is None and isinstance(members, Mapping):
        inner = (_value(member, key) for member in members.values() if isinstance(member, Mapping))
        yield from (one for one in inner if one is not None)
    elif found is not None:
        yield found


def _unmet(selection: Selection, record: Record) -> Iterator[str]:
    """The flags that leave a run out."""
    if selection.tasks and record.task not in selection.tasks:
        yield f"--task {' --task '.join(selection.tasks)}"
    if selection.datasets and _dataset(record) not in selection.datasets:
        yield f"--dataset {' --dataset '.join(selection.datasets)}"
    yield from (f"--where {one.text}" for one in selection.conditions if not _holds(one, record))
    if selection.failed and record.status != "failed":
        yield "--failed"
    made = _made(record)
    if selection.since and (made is None or made < selection.since):
        yield f"--since {selection.since_text}"
    if selection.before and (made is None or made >= selection.before):
        yield f"--older-than {selection.before_text}"


def _holds(condition: Condition, record: Record) -> bool:
    """Whether a run meets a condition, a vote by all of its members; a run that lacks the setting does not."""
    found = list(values(record, condition.key))
    return bool(found) and all(_compares(one, condition) for one in found)


def _compares(value: str, condition: Condition) -> bool:
    own, other = _number(value), _number(condition.value)
    if own is None or other is None:
        return {"=": value == condition.value, "!=": value != condition.value}.get(condition.operator, False)
    return {
        "=": own == other, "!=": own != other, "<": own < other, ">": own > other, "<=": own <= other,
        ">=": own >= other,
    }[condition.operator]  # fmt: skip


def _value(spec: Mapping[str, Any], key: str) -> str | None:
    """What a specification has under a dotted key, in the words of the command line; None where it has nothing."""
    first, _, rest = key.partition(".")
    if key in spec:
        found = spec[key]
        if not isinstance(found, Mapping):
            return _text(found)
        return str(found["name"]) if "name" in found else None  # a component
    inner = spec.get(first)
    if not rest or not isinstance(inner, Mapping):
        return None
    own = _value(inner, rest)
    options = inner.get(OPTIONS)
    return _value(options, rest) if own is None and isinstance(options, Mapping) else own


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def _keys(spec: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in spec.items():
        if isinstance(value, Mapping):
            if key != "members":
                yield from _keys(value, f"{prefix}{key}.")
                continue
            for member in value.values():
                yield from _keys(member if isinstance(member, Mapping) else {}, prefix)
        else:
            yield prefix + key


def _dataset(record: Record) -> str:
    """Its name; of a run that failed before it was known, what was asked for."""
    if record.dataset:
        return record.dataset.name
    return _value(record.spec, "dataset") or ""


def _made(record: Record) -> datetime | None:
    """When a run was made; None where it does not say."""
    try:
        made = datetime.fromisoformat(record.created)
    except ValueError:
        return None
    return made if made.tzinfo else made.replace(tzinfo=UTC)


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if found == found else None
