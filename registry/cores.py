"""How many cores this process may use, and keeping it to a share of them.

Libraries count the cores that a process is bound to.  They see neither a container's quota nor the share of a worker on
a platform that binds nothing (macOS): there they are told how many threads to start.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path

CORES = "BENCH_CORES"  # the numbers of the cores that a worker binds itself to, as 0,1,2
THREADS = "BENCH_THREADS"  # how many it may use, where it is not bound
TOLD = (  # TensorFlow, OpenMP (XGBoost, scikit-learn, PyTorch), NumPy's libraries, OpenCV and XLA read these
    "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS", "OPENCV_FOR_THREADS_NUM", "NPROC",
)  # fmt: skip
ROOT = Path("/")


def usable_cores(root: Path | None = None) -> int:
    """Cores that this process may use: those that it is bound to or that there are, no more than its quota pays for.

    A quota of a core and a half counts as two: a second thread that is held back at times does more than none.

    Args:
        root: below which the system describes control groups; None takes its own.
    """
    allowed = os.environ.get(THREADS, "")
    told = int(allowed) if allowed.isdecimal() else math.inf
    return max(1, math.ceil(min(_counted(), told, *_quotas(root or ROOT))))


def shares(jobs: int) -> list[dict[str, str]]:
    """The environments that divide this process's cores among so many workers, at most as many as cores."""
    if jobs == 1:
        return [{}]
    count = usable_cores()
    if _binds() and len(cores := sorted(os.sched_getaffinity(0))) == count:
        return [{CORES: ",".join(map(str, cores[place::jobs]))} for place in range(jobs)]
    return [{THREADS: str(len(range(place, count, jobs)))} for place in range(jobs)]


def take_share() -> None:
    """Bind this process to its share, or tell libraries of it; before any of them counts the cores.

    What the user has told them stays.
    """
    if _binds() and (numbers := os.environ.get(CORES)):
        os.sched_setaffinity(0, map(int, numbers.split(",")))
    count = usable_cores()
    if count < _counted():
        for name in TOLD:
            os.environ.setdefault(name, str(count))


def keep_to(count: int) -> None:
    """Let a library that knows no number of threads use so many cores; before it computes."""
    if _binds():
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
    else:
        os.environ["NPROC"] = str(count)  # XLA takes this for the number of cores


def _binds() -> bool:
    return hasattr(os, "sched_getaffinity") and hasattr(os, "sched_setaffinity")


def _counted() -> int:
    """Cores as libraries count them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quotas(root: Path) -> Iterator[float]:
    """What the control groups of this process pay for, in cores, each with those above it; nothing outside Linux."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for _, controllers, group in (line.split(":", 2) for line in lines if line.count(":") >= 2):
        mount = root / "sys/fs/cgroup"
        if not controllers:
            yield from (_quota(folder / "cpu.max") for folder in _upwards(mount, group))
        elif "cpu" in controllers.split(","):
            places = (mount / "cpu", mount / controllers)
            yield from (_quota(folder / "cpu.cfs_quota_us") for place in places for folder in _upwards(place, group))


def _upwards(mount: Path, group: str) -> Iterator[Path]:
    """The folders of a group and of those above it.

    Inside a container the mount may be its own group, and the name that of another place: what is not there pays for
    everything.
    """
    yield mount
    parts = [part for part in group.split("/") if part]
    if ".." not in parts:
        yield from (mount.joinpath(*parts[:depth]) for depth in range(1, len(parts) + 1))


def _quota(path: Path) -> float:
    """Cores that a group may use: ``cpu.max`` is quota and period, else each is a file; infinite without a limit."""
    try:
        words = path.read_text().split()
        period = words[1] if len(words) > 1 else path.with_name("cpu.cfs_period_us").read_text()
        quota = float(words[0])  # ``max`` is no number, -1 no limit
        return quota / float(period) if quota > 0 and float(period) > 0 else math.inf
    except (OSError, ValueError, IndexError):
        return math.inf
