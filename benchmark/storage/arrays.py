"""Folders of job arrays in the cache, and whether their jobs are over, as far as files say.

<cache>/slurm/<16 digits>/            see `benchmark.execution.slurmarray`
<cache>/slurm/<16 digits>/jobs.json   numbers of its jobs
<cache>/slurm/<16 digits>/over        there while no job of it is queued or runs, and somebody has seen that
"""

import contextlib
from pathlib import Path

import msgspec

from benchmark.storage.files import write_whole

FOLDER = "slurm"
JOBS = "jobs.json"
OVER = "over"
RESULT = "{}_0_result.pkl"  # which submitit leaves of a job that has ended by itself


def jobs_of(folder: Path) -> list[str]:
    """Numbers of an array's jobs; none where they are not known."""
    try:
        return msgspec.json.decode((folder / JOBS).read_bytes(), type=list[str])
    except (OSError, msgspec.DecodeError):
        return []


def begin(folder: Path) -> None:
    """Note that jobs are about to be submitted, whose numbers nobody knows yet."""
    (folder / JOBS).unlink(missing_ok=True)
    (folder / OVER).unlink(missing_ok=True)


def note_jobs(folder: Path, numbers: list[str]) -> None:
    """Note which jobs were submitted."""
    write_whole(folder / JOBS, msgspec.json.encode(numbers))


def end(folder: Path) -> None:
    """Note that no job is queued or runs; where that cannot be written, nobody knows it."""
    with contextlib.suppress(OSError):
        (folder / OVER).touch()


def is_over(folder: Path) -> bool:
    """Whether no job of an array is queued or runs; False where nobody knows."""
    if (folder / OVER).exists():
        return True
    numbers = jobs_of(folder)
    return bool(numbers) and all((folder / RESULT.format(number)).exists() for number in numbers)
