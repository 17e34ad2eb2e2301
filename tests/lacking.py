"""Machines that lack something, played by a `sitecustomize` which takes it away from every process of a command."""

from pathlib import Path

from tests.warm.connection import HAND_OVER

AFFINITY = """
import os

del os.sched_getaffinity, os.sched_setaffinity  # as on macOS
"""

FLOCK = """
import errno, fcntl, os

def flock(descriptor, how):
    raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

fcntl.flock = flock  # as on Lustre and SMB
"""

FCNTL = """
import sys

sys.modules["fcntl"] = None  # as on Windows
"""

QUOTA = """
from pathlib import Path
from registry import cores

cores.ROOT = Path({root!r})
"""


def lacking(folder: Path, *texts: str) -> dict[str, str]:
    """The environment of a process that lacks all this; a folder keeps its `sitecustomize`.

    A worker hands over before it lacks anything; the fork runs the same file.
    """
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text("\n".join((HAND_OVER.read_text(), *texts)))
    return {"PYTHONPATH": str(folder)}
