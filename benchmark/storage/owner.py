"""Whose something is: machine, its start, process, in names that others on a shared file system can tell from theirs.

A machine is known by its name and by a digest of what the kernel drew when it started and of what numbers processes
here, as containers on one machine number theirs apart.
"""

import hashlib
import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

OWNER = "BENCH_OWNER"  # tells a worker whose it is
NODE = "BENCH_NODE"  # for tests: plays a machine of that name, which shares no locks with the others
NODE_NAME = r"[a-z0-9.]+"
START = "[0-9a-f]{8}"
PLACE = rf"{NODE_NAME}(-{START})?-\d+"  # what `place` gives, and gave before it named a machine's start
NAME = rf"{PLACE}-[0-9a-f]{{8}}"  # what `new_name` gives
RANDOM = "[a-z0-9_]{8}"  # at the end of names that nothing else bears
_PLACE = re.compile(rf"(?P<node>{NODE_NAME})(-(?P<start>{START}))?-(?P<pid>\d+)(-[a-z0-9_]{{8}})?")


@cache
def node() -> str:
    """This machine's name, in letters, digits and points."""
    return re.sub("[^a-z0-9]+", ".", (played() or os.uname().nodename).lower()) or "."


@cache
def start() -> str:
    """Tells this start of the machine, and this numbering of its processes, from others: eight hexadecimal digits."""
    drawn = [played(), _read("/proc/sys/kernel/random/boot_id"), _link("/proc/self/ns/pid")]
    return hashlib.sha256("\0".join(drawn).encode()).hexdigest()[:8]


def played() -> str:
    """The machine that a test has this process play; empty outside tests."""
    return os.environ.get(NODE, "")


def place() -> str:
    """Machine, its start and process."""
    return f"{node()}-{start()}-{os.getpid()}"


def new_name() -> str:
    """The place, and what nothing else of it has been called."""
    return f"{place()}-{os.urandom(4).hex()}"


@cache
def owner() -> str:
    """The command that this process is or works for: its place, and what no command had before it."""
    return os.environ.get(OWNER) or new_name()


def works_for_another() -> bool:
    """Whether this process is a worker, which ends with its command."""
    return OWNER in os.environ


def is_here(name: str) -> bool:
    """Whether a place, or what bears one, is of this start of this machine."""
    match = _PLACE.fullmatch(name)
    return match is not None and (match["node"], match["start"] or start()) == (node(), start())


def has_ended(name: str) -> bool:
    """Whether the process of a place, or of what bears one, certainly is no more: it was of this start, and is gone."""
    match = _PLACE.fullmatch(name)
    return match is not None and is_here(name) and not lives(int(match["pid"]))


def surely_ended(locked: bool) -> Callable[[str], bool]:
    """Whether the process of a name certainly is no more.

    Args:
        locked: we hold a lock that each process of this machine would hold while it lives.
    """
    return (lambda name: is_here(name) or has_ended(name)) if locked else has_ended


def was_before(name: str) -> bool:
    """Whether a place, or what bears one, is of an earlier start of a machine of this name."""
    match = _PLACE.fullmatch(name)
    return match is not None and match["node"] == node() and match["start"] not in (None, start())


def in_words(name: str) -> str:
    """The process of a place, or of what bears one, for people."""
    match = _PLACE.fullmatch(name)
    return f"process {match['pid']} on {match['node']}" if match else "another process"


def lives(pid: int) -> bool:
    """Whether there is a process of that number on this machine; of another user too."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _link(path: str) -> str:
    """What names the numbering of processes; empty where there is one of them."""
    try:
        return str(Path(path).readlink())
    except OSError:
        return ""
