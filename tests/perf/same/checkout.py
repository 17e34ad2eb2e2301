"""A checkout of the project, and what it does with the tasks: on one core, with folders of its own."""

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from tests.perf.same.tasks import FLAGS, LINES, task, toml
from tests.perf.same.translation import translated_flags, translated_task

PRINTED = "printed"  # folder of what the commands printed
TOGETHER = "compare"  # of that, all results in one
TAIL = 25  # lines of a command that failed


class FailedError(Exception):
    """A command of a checkout that failed, with its last lines."""


@dataclass(frozen=True)
class Checkout:
    """One side of the comparison.

    Attributes:
        name: ``old`` or ``new``.
        root: of the checkout, or a folder that an earlier comparison kept.
        python: the interpreter that it is installed for.
        folder: for its tasks, cache and results.
    """

    name: str
    root: Path
    python: Path
    folder: Path

    @property
    def kept(self) -> bool:
        """Whether an earlier comparison has left everything."""
        return (self.root / PRINTED).is_dir()

    @property
    def schema(self) -> int:
        """Of its records."""
        for path in sorted(self.root.glob("benchmark/**/record.py")):
            if found := re.search(r"^SCHEMA\b.*= *(\d+)", path.read_text(), re.MULTILINE):
                return int(found[1])
        raise FailedError(f"{self.root} is no checkout: no benchmark/**/record.py says SCHEMA")

    def run(
        self, core: int, radiographs: Path, only: Sequence[str], tell: Callable[[str], None], failed: Event
    ) -> Path:
        """Give every line, on that core; gives the folder with what came of it.

        Args:
            only: tasks.
            failed: set where a line of either side has failed; then no other one begins.

        Raises:
            FailedError: a line failed.
        """
        if self.kept:
            return self.root
        os.sched_setaffinity(0, {core})  # of this thread, and so of the commands that it starts
        (self.folder / PRINTED).mkdir(parents=True)
        try:
            for name, arguments in self._lines(radiographs, only):
                if failed.is_set():
                    break
                started = time.monotonic()
                self._call(name, arguments)
                tell(f"{self.name}: {name}, {time.monotonic() - started:.0f} s")
        except FailedError:
            failed.set()
            raise
        return self.folder

    def _lines(self, radiographs: Path, only: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
        """Names for what is printed, and the command's arguments."""
        for line in (line for line in LINES if line.task in only):
            file = f"{line.task}.toml"
            (self.folder / file).write_text(toml(translated_task(task(line.task), self.schema)))
            given = [flag.format(radiographs=radiographs) for flag in (*line.flags, *FLAGS)]
            yield line.task, [line.command, "--task", file, *translated_flags(given, self.schema)]
        yield TOGETHER, ["compare", "results", "--format", "json"]

    def _call(self, name: str, arguments: list[str]) -> None:
        command = [str(self.python), "-m", "benchmark", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder, env=self._environment())
        (self.folder / PRINTED / f"{name}.json").write_text(done.stdout)
        (self.folder / PRINTED / f"{name}.log").write_text(done.stderr)
        if done.returncode:
            last = "\n".join((done.stdout + done.stderr).splitlines()[-TAIL:])
            raise FailedError(f"{self.name}: exit status {done.returncode} of {shlex.join(command)}\n{last}")

    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("BENCH_")}
        return {
            **kept,
            "PYTHONPATH": str(self.root),
            "BENCH_CACHE": str(self.folder / "cache"),
            "CUDA_VISIBLE_DEVICES": "-1",
            "TF_CPP_MIN_LOG_LEVEL": "2",
        }


def interpreter(root: Path, given: Path | None) -> Path:
    """The interpreter of a checkout: the one that is given, its own, or this one."""
    own = root / ".venv" / "bin" / "python"
    return given or (own if own.exists() else Path(sys.executable))
