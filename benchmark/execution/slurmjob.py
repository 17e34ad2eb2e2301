"""What a job of Slurm runs: the line that was given to the driver, on its node's own engine.

It travels as text alone.  Before anything runs the node is compared with the driver's machine, and refuses itself.
"""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from benchmark.execution.probing import Wanted, differences
from benchmark.storage.owner import node

REFUSED = "refused"  # a folder with a file for each job whose node differs
DIFFERS = 2  # exit status of such a job
JOB = "SLURM_JOB_ID"


class Line:
    """One line of ``bench``, without its engine.

    Args:
        words: of the line, after ``bench``.
        environment: variables that it needs, wherever it runs.
        wanted: a `Wanted` as JSON.
        folder: of the array.
    """

    def __init__(self, words: list[str], environment: dict[str, str], wanted: str, folder: str) -> None:
        self.words, self.environment, self.wanted, self.folder = words, environment, wanted, folder

    def __call__(self) -> int:
        """The exit status of the line on this node."""
        wanted = msgspec.json.decode(self.wanted, type=Wanted)
        if found := differences(wanted):
            said = f"{node()}: {'; '.join(found)}"
            refused = Path(self.folder, REFUSED)
            refused.mkdir(exist_ok=True)
            (refused / f"{os.environ.get(JOB, 'job')}.txt").write_text(said)
            sys.stderr.write(f"bench: this node is left alone, it would make other results: {said}\n")
            return DIFFERS
        command = [sys.executable, "-P", "-m", "benchmark", *self.words]
        return subprocess.run(
            command, env={**os.environ, **self.environment}, cwd=wanted.folder, check=False
        ).returncode

    def checkpoint(self) -> Any:
        """What a job is that Slurm ends early and puts back into its queue: the same line, which goes on."""
        return import_module("submitit.helpers").DelayedSubmission(self)
