"""Cores, memory, home folder and the encoding of what is printed."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmark.installation.findings import Finding
from registry.cores import usable_cores

ENOUGH = 4 << 30  # bytes of memory; the founding models at the laptop setting hold a third of it
SHOWN = "±≥—│é"  # of what tables are made
GIB = 1 << 30


def look(encoding: str) -> Iterator[Finding]:
    """Everything about this process.

    Args:
        encoding: of standard output.
    """
    yield cores()
    yield memory()
    yield home()
    yield printed(encoding)


def cores() -> Finding:
    """How many this process may use, of how many there are."""
    usable, there = usable_cores(), os.cpu_count() or 1
    return Finding("cores", "ok", f"{usable} to use of {there}")


def memory(root: Path = Path("/")) -> Finding:
    """What is free, no more than the control groups of this process allow.

    Args:
        root: below which the system describes itself.
    """
    free, limit = _available(root), _limit(root)
    if free is None:
        return Finding("memory", "ok", "how much is free, this system does not say")
    least = min(free, limit) if limit is not None else free
    text = f"{least / GIB:.1f} GiB " + ("that its control group allows" if least == limit else "free")
    if least < ENOUGH:
        remedy = "close other programs, or train with smaller images or batches: --set training.batch_size=8"
        return Finding("memory", "warning", f"{text}; a training may run out of it", remedy)
    return Finding("memory", "ok", text)


def _available(root: Path) -> int | None:
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    found = [int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    return found[0] << 10 if found else None


def _limit(root: Path) -> int | None:
    """The least of what the control groups of this process, and those above them, may hold; None without a limit."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    found = []
    for _, controllers, group in (line.split(":", 2) for line in lines if line.count(":") >= 2):
        if controllers and "memory" not in controllers.split(","):
            continue
        mount = root / "sys/fs/cgroup" / ("memory" if controllers else "")
        own = mount / group.strip("/")
        name = "memory.limit_in_bytes" if controllers else "memory.max"
        found += [_bytes(folder / name) for folder in (own, *own.parents) if folder.is_relative_to(mount)]
    return min((one for one in found if one is not None), default=None)


def _bytes(path: Path) -> int | None:
    try:
        number = int(path.read_text())  # ``max`` is no number
    except (OSError, ValueError):
        return None
    return number if number < 1 << 60 else None  # as the first version of control groups says that there is no limit


def home() -> Finding:
    """Where Keras keeps the weights that it downloads."""
    try:
        folder = Path.home()
    except RuntimeError:
        remedy = "set HOME, or BENCH_CACHE and KERAS_HOME, to folders that this user can write"
        return Finding("home", "warning", "this user has no home folder", remedy)
    if os.environ.get("KERAS_HOME") or os.access(folder, os.W_OK):
        return Finding("home", "ok", str(folder))
    text = f"{folder} cannot be written: weights that Keras downloads go to /tmp/.keras, and with it"
    return Finding("home", "warning", text, "set KERAS_HOME to a folder that this user can write")


def printed(encoding: str) -> Finding:
    """Whether standard output takes what tables are made of.

    Args:
        encoding: its name.
    """
    name = encoding.removeprefix("bench-")
    try:
        SHOWN.encode(name)
    except (UnicodeEncodeError, LookupError):
        text = f"standard output takes {name}: other characters are shown by ones that look alike"
        return Finding("encoding", "warning", text, "export LC_ALL=C.UTF-8, or PYTHONIOENCODING=utf-8")
    return Finding("encoding", "ok", f"{name}; file names in {sys.getfilesystemencoding()}")
