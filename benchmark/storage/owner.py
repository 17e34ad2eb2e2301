"""Whose something is: the host and the process, in names that others on a shared file system can tell from theirs."""

import os
import re
from functools import cache

OWNER = "BENCH_OWNER"  # tells a worker whose it is
HOST = r"[a-z0-9.]+"
PLACE = rf"{HOST}-\d+"  # what `place` gives
NAME = rf"{PLACE}-[0-9a-f]{{8}}"  # what `owner` gives


@cache
def host() -> str:
    """This machine's name, in letters, digits and points."""
    return re.sub("[^a-z0-9]+", ".", os.uname().nodename.lower()) or "."


def place() -> str:
    """Host and process."""
    return f"{host()}-{os.getpid()}"


@cache
def owner() -> str:
    """The command that this process is or works for: its host, its process, and what no command had before it."""
    return os.environ.get(OWNER) or f"{place()}-{os.urandom(4).hex()}"


def lives(pid: int) -> bool:
    """Whether there is a process of that number on this host; of another user too."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
