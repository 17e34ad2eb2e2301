"""An array of jobs of Slurm through submitit: submitted, found again, followed to its end, cancelled."""

import contextlib
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from benchmark.execution.engines import Given
from benchmark.execution.probing import CACHE, PROBE, RESULTS, nearest, put, wanted
from benchmark.execution.slurmjob import REFUSED, Line
from benchmark.storage import arrays
from benchmark.storage.digests import canonical, digest
from benchmark.storage.refusals import storage_errors
from registry.cores import CORES, THREADS
from registry.errors import BenchError, ConfigError

LOOK_EVERY_S = 10.0
FLAG = "--engine"
TOKEN = "token"
CARRIED = ("BENCH_", "KERAS_", "TF_", "XLA_", "JAX_")  # variables of the driver that jobs have too
NOT_CARRIED = ("BENCH_OWNER", CORES, THREADS)


class Resources(msgspec.Struct, frozen=True):
    """What is asked of Slurm, for each of so many jobs; `named` as of sbatch."""

    slots: int
    cores: int
    gpus: int
    memory_gb: int | None
    minutes: int
    named: dict[str, str]


class UnfinishedError(BenchError):
    """All jobs have ended before all was done."""

    exit_code = 1


class Array:
    """The jobs of one line; its folder lies in the cache, and nobody else may read it."""

    def __init__(self, submitit: Any, given: Given, resources: Resources) -> None:
        self.given, self.resources = given, resources
        self.words = without_engine(given.request.line)
        root = given.store.root.absolute()
        self.folder = root / arrays.FOLDER / digest(canonical([self.words, str(Path.cwd()), canonical(resources)]))[:16]
        with storage_errors(self.folder):
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                self.folder.mkdir(mode=0o700)
                arrays.end(self.folder)  # none was submitted
            self.folder.chmod(0o700)
        try:
            self._executor = submitit.SlurmExecutor(self.folder)
        except RuntimeError as error:  # submitit's own words: srun is not there
            raise ConfigError(f"this machine submits no jobs to Slurm: {error}") from error
        self._job = submitit.SlurmJob
        self._token = f"{PROBE}{self.folder.name}"  # in the folder of results
        self._told = ""

    def followed(self) -> Iterator[bool]:
        """Submit the jobs, or find those at work that an earlier driver submitted, and look on until all have ended.

        Gives at each look whether they have.  Whoever interrupts the driver (Ctrl-C) cancels them; they outlive its
        death by anything else.

        Raises:
            ConfigError: Slurm refuses the jobs, or every node refused itself.
        """
        jobs = self._at_work() or self._submitted()
        try:
            while True:
                is_over = self._look(jobs)
                yield is_over
                if is_over:
                    break
                time.sleep(LOOK_EVERY_S)
        except KeyboardInterrupt:
            taken = [_cancelled(job) for job in jobs]
            if all(taken):
                self._end()
            self.given.say(f"slurm: cancelled {self._number(jobs)}")
            raise
        self._end()
        self._check_refused(len(jobs))

    def last_words(self) -> str:
        """What the last job said on standard error, and where all said it."""
        logs = sorted(self.folder.glob("*_log.err"), key=lambda path: path.stat().st_mtime)
        lines = logs[-1].read_text(errors="replace").strip().splitlines() if logs else []
        said = next((line for line in reversed(lines) if line.startswith("bench: ")), lines[-1] if lines else "")
        said = f"; the last job said: {said}" if said else ""
        return f"all jobs have ended{said}; their logs: {self.folder}; the same line goes on"

    def _submitted(self) -> list[Any]:
        """New jobs.

        Raises:
            ConfigError: Slurm refuses them.
        """
        tokens = self._tokens()
        for token in tokens.values():
            put(token)
        for old in (self.folder / REFUSED).glob("*.txt"):
            old.unlink(missing_ok=True)
        seen = {what: str(token) for what, token in tokens.items()}
        expected = msgspec.json.encode(wanted(self.given.request, seen)).decode()
        line = Line(self.words, self._environment(), expected, str(self.folder))
        asked = self.resources
        more: dict[str, Any] = {"mem": f"{asked.memory_gb}GB"} if asked.memory_gb else {}
        more |= {"gpus_per_node": asked.gpus} if asked.gpus else {}
        self._executor.update_parameters(
            job_name="bench", time=asked.minutes, cpus_per_task=asked.cores, nodes=1, **more, **asked.named
        )
        arrays.begin(self.folder)
        try:
            with self._executor.batch():
                jobs = [self._executor.submit(line) for _ in range(asked.slots)]
            numbers = [job.job_id for job in jobs]
        except Exception as error:  # submitit has several, one of them for what sbatch says
            self._end()
            raise ConfigError(f"Slurm took no jobs: {_last_line(error)}") from error
        arrays.note_jobs(self.folder, numbers)
        self.given.say(
            f"slurm: submitted {self._number(jobs)}; Ctrl-C cancels it, closing this terminal does not; "
            f"logs: {self.folder}"
        )
        return jobs

    def _tokens(self) -> dict[str, Path]:
        """What a folder is for -> the file there that jobs look for; they may begin when this driver is dead."""
        return {CACHE: self.folder / TOKEN, RESULTS: nearest(Path(self.given.request.results)) / self._token}

    def _end(self) -> None:
        """Note that no job is at work, and remove what they look for."""
        results = Path(self.given.request.results).absolute()
        for folder in (results, *results.parents):  # which of them was there at first nobody knows now
            with contextlib.suppress(OSError):
                (folder / self._token).unlink()
        arrays.end(self.folder)

    def _at_work(self) -> list[Any]:
        """The jobs of an earlier driver of the same line, where one is not over."""
        jobs = [self._job(folder=self.folder, job_id=number) for number in arrays.jobs_of(self.folder)]
        if not jobs or self._states(jobs).keys() <= {"ended"}:
            return []
        self.given.say(f"slurm: {self._number(jobs)} of this line is at work already, and is followed")
        return jobs

    def _look(self, jobs: list[Any]) -> bool:
        """Whether all have ended; how many have is said where it changed."""
        states = self._states(jobs)
        told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        if told != self._told:
            self.given.say(f"slurm: {told}")
            self._told = told
        return states.keys() <= {"ended"}

    def _states(self, jobs: list[Any]) -> Counter[str]:
        jobs[0].get_info(mode="force")  # one call for all of them
        found: Counter[str] = Counter()
        for job in jobs:
            state = job.watcher.get_state(job.job_id, mode="cache").split()[0].upper()
            is_over = job.paths.result_pickle.exists() or job.watcher.is_done(job.job_id, mode="cache")
            found["ended" if is_over else "running" if state in ("RUNNING", "COMPLETING") else "queued"] += 1
        return found

    def _check_refused(self, count: int) -> None:
        """Name nodes that refused themselves.

        Raises:
            ConfigError: all did.
        """
        said = list(dict.fromkeys(path.read_text() for path in sorted((self.folder / REFUSED).glob("*.txt"))))
        text = f"nodes differ from this machine, and would make other results: {' · '.join(said)}"
        if len(list((self.folder / REFUSED).glob("*.txt"))) >= count:
            raise ConfigError(text)
        if said:
            self.given.say(text)

    def _environment(self) -> dict[str, str]:
        carried = {
            name: value for name, value in os.environ.items() if name.startswith(CARRIED) and name not in NOT_CARRIED
        }
        cache = str(self.given.store.root.absolute())
        return {**carried, **self.given.environment, "BENCH_CACHE": cache, THREADS: str(self.resources.cores)}

    @staticmethod
    def _number(jobs: list[Any]) -> str:
        return (
            f"array {jobs[0].job_id.partition('_')[0]} of {len(jobs)} jobs"
            if len(jobs) > 1
            else f"job {jobs[0].job_id}"
        )


def without_engine(words: tuple[str, ...]) -> list[str]:
    """A line without its flag --engine."""
    left: list[str] = []
    skip = False
    for word in words:
        if skip or word.startswith(f"{FLAG}="):
            skip = False
        elif word == FLAG:
            skip = True
        else:
            left.append(word)
    return left


def _cancelled(job: Any) -> bool:
    """Cancel a job; whether Slurm takes that, or it has ended by itself."""
    with contextlib.suppress(OSError, RuntimeError, subprocess.SubprocessError):
        job.cancel(check=True)
        return True
    return bool(job.paths.result_pickle.exists())


def _last_line(error: Exception) -> str:
    return str(error).strip().rpartition("\n")[2] or type(error).__name__
