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

PROC = """
from pathlib import Path

read_text = Path.read_text

def without_proc(path, *arguments, **options):
    if str(path).startswith("/proc/"):
        raise FileNotFoundError(2, "No such file or directory", str(path))
    return read_text(path, *arguments, **options)

exists = Path.exists
Path.read_text = without_proc  # as on macOS
Path.exists = lambda path: not str(path).startswith("/proc/") and exists(path)
"""

TENSORFLOW = """
from importlib.machinery import PathFinder

find_spec = PathFinder.find_spec

def without_tensorflow(name, *rest):
    return None if name == "tensorflow" else find_spec(name, *rest)

PathFinder.find_spec = without_tensorflow
"""

HOME = """
import os

access = os.access

def read_only_home(path, mode, **options):
    return False if str(path) == os.environ["HOME"] and mode & os.W_OK else access(path, mode, **options)

os.access = read_only_home  # as that of a cluster's node; root may write anywhere
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
