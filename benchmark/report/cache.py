"""What lies in the cache, in words, rows and lines."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from benchmark.report.lines import plain
from benchmark.report.wording import plural, size
from benchmark.storage.arrays import jobs_of
from benchmark.storage.inventory import Item, Sum
from benchmark.storage.serving import Served

PLURALS = {  # kind -> of several
    "artefact": "artefacts",
    "checkpoint": "checkpoints",
    "half-built": "half-built",
    "half-removed": "half-removed",
    "description": "descriptions of components",
    "digest file": "digest files",
    "import file": "lists of imports",
    "memory": "memories",
    "verdict": "verdicts",
    "note of a run": "notes of runs",
    "job array": "job arrays",
    "job array at work": "job arrays at work",
    "log": "logs",
}
SHORTEST = 8  # characters of a key
SHOWN = 3  # pipelines that an artefact serves
OF_NO_RUN = {"paths": "bench data split, bench import"}  # stage -> the commands that keep it, which no run stands on


def counted(items: Sequence[Item]) -> str:
    """``2 artefacts, 1 checkpoint (1.3 MB)``."""
    if not items:
        return "nothing"
    counts = {kind: sum(item.kind == kind for item in items) for kind in PLURALS}
    words = [f"{count} {kind if count == 1 else PLURALS[kind]}" for kind, count in counts.items() if count]
    return f"{', '.join(words)} ({size(sum(item.size_bytes for item in items))})"


def staying(items: Sequence[Item], leaving: Sequence[Item]) -> Iterator[str]:
    """A line of each that stays because jobs may need it, and what can be done."""
    gone = {*leaving}
    for item in items:
        if item not in gone:
            numbers = dict.fromkeys(number.partition("_")[0] for number in jobs_of(item.path))
            cancel = f"end them (scancel {' '.join(numbers)})" if numbers else "see that none is in the queue"
            yield (
                f"{item.path} stays: jobs of it may wait in the queue of Slurm; give its line again, which follows "
                f"them to their end, or {cancel} and remove it by hand"
            )


class Serving(NamedTuple):
    """What an artefact serves: runs, and which of their folders still hold a record."""

    runs: Sequence[Served]
    there: Mapping[str, bool]

    def words(self) -> str:
        """``unet+sepcnn+dense · phantom (3 runs)``, runs that are gone by their number; empty where none is known."""
        counts: dict[str, int] = {}
        for one in self.runs:
            if self.there[one.folder]:
                name = " · ".join(filter(None, (one.pipeline, one.dataset)))
                counts[name] = counts.get(name, 0) + 1
        gone = sum(not self.there[one.folder] for one in self.runs)
        named = [f"{plain(name)}{f' ({count} runs)' if count > 1 else ''}" for name, count in counts.items()]
        more = [f"{len(named) - SHOWN} more"] if len(named) > SHOWN else []
        lost = [f"{plural(gone, 'run')} that {'is' if gone == 1 else 'are'} gone"] if gone else []
        return ", ".join([*named[:SHOWN], *more, *lost])


NOTHING = Serving((), {})


def described(item: Item, serving: Serving = NOTHING) -> dict[str, Any]:
    """An artefact as JSON has it."""
    used = datetime.fromtimestamp(item.used, UTC).isoformat(timespec="seconds")
    serves = [
        {
            "run": one.run,
            "pipeline": one.pipeline,
            "dataset": one.dataset,
            "folder": one.folder,
            "there": serving.there[one.folder],
        }
        for one in serving.runs
    ]
    named = {"stage": item.stage, "key": item.key, "bytes": item.size_bytes, "used": used, "path": str(item.path)}
    return {**named, "serves": serves}


def listed(items: Sequence[Item], serving: Mapping[str, Serving] | None = None) -> Iterator[tuple[str, bool]]:
    """A line per item, the headings first; gives each line and whether it is a heading.

    Args:
        serving: ``STAGE/KEY`` -> what the artefact serves; None does not say.
    """
    if not items:
        return iter(())
    short = _telling({item.key for item in items})
    rows = [("stage", "key", "size", "last used", "serves" if serving is not None else "")]
    for item in items:
        used = datetime.fromtimestamp(item.used).isoformat(" ", timespec="minutes")
        remark = "" if item.kind == "artefact" else item.kind
        if serving is not None:
            remark = serving.get(f"{item.stage}/{item.key}", NOTHING).words() or OF_NO_RUN.get(item.stage, "unknown")
        rows.append((item.stage, item.key[:short], size(item.size_bytes), used, remark))
    return _table(rows, "<<><<")


def usage(by_stage: Mapping[str, Sum], others: Mapping[str, Sum]) -> Iterator[tuple[str, bool]]:
    """A line per stage, per kind besides, and of all together; gives each line and whether it is a heading."""
    rows = [("stage", "artefacts", "size")]
    rows += [(name, f"{one['count']:,}", size(one["bytes"])) for name, one in by_stage.items()]
    rows += [("besides", "", "")] * bool(others)
    rows += [(PLURALS[name], f"{one['count']:,}", size(one["bytes"])) for name, one in others.items()]
    rows.append(("total", "", size(sum(one["bytes"] for one in (*by_stage.values(), *others.values())))))
    return _table(rows, "<>>")


def _table(rows: Sequence[tuple[str, ...]], sides: str) -> Iterator[tuple[str, bool]]:
    """Columns with two spaces between them; what has no numbers behind it is a heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        cells = [f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)]
        yield "  ".join(cells).rstrip(), number == 0 or not any(row[1:])


def _telling(keys: set[str]) -> int:
    """How many characters tell keys apart."""
    return next(length for length in range(SHORTEST, 65) if len({key[:length] for key in keys}) == len(keys))
