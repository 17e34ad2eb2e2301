"""Trainings that sleep for each epoch and leave a checkpoint after it: see `tests.perf.nodes`.

What is learnt is a digest of what was learnt before and of the epoch: so it shows whether an epoch is lacking, was
trained twice or went on from another training.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmark.stages.context import Context, RunFacts
from benchmark.storage.owner import node
from tests.perf import standin

EPOCHS, EPOCH_S, LOG = "BENCH_PERF_EPOCHS", "BENCH_PERF_EPOCH_S", "BENCH_PERF_LOG"


def build(context: Context, folder: Path) -> None:
    """An artefact that says what was learnt and, in a file of its own, on which machine."""
    name = folder.name.partition("-")[0]
    if name == "fit":
        log = Path(os.environ[LOG])
        learnt = trained(context.partial, str(context.spec.seed), int(os.environ[EPOCHS]), context.progress, log)
        (folder / "weights").write_text(learnt)
    (folder / "machine").write_text(node())
    standin.build(context, folder)


def write_run(context: Context, facts: RunFacts, names: Mapping[str, str], folder: Path) -> None:
    """A record with one metric."""
    standin.write_run(context, facts, names, folder)


def trained(partial: Path, subject: str, epochs: int, progress: Callable[[dict[str, Any]], None], log: Path) -> str:
    """What is learnt of a subject, from the last checkpoint on; each epoch that is begun is a line of the log."""
    epoch, learnt = _restored(partial, subject)
    for number in range(epoch + 1, epochs + 1):
        with log.open("a") as file:
            file.write(f"{subject} {number} {node()}\n")
        time.sleep(float(os.environ[EPOCH_S]))
        learnt = after(learnt, number)
        _keep(partial, number, learnt)
        progress({"epoch": number})
    return learnt


def after(learnt: str, epoch: int) -> str:
    """What is learnt after one more epoch."""
    return hashlib.sha256(f"{learnt} {epoch}".encode()).hexdigest()


def _keep(folder: Path, epoch: int, learnt: str) -> None:
    """As `benchmark.models.checkpoints` writes them."""
    building = folder / f"epoch-{epoch:04d}.tmp"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir()
    (building / "state").write_text(learnt)
    building.rename(folder / f"epoch-{epoch:04d}")
    for old in folder.glob("epoch-????"):
        if old.name != f"epoch-{epoch:04d}":
            shutil.rmtree(old)


def _restored(folder: Path, subject: str) -> tuple[int, str]:
    newest = max(folder.glob("epoch-????"), default=None)
    return (int(newest.name[6:]), (newest / "state").read_text()) if newest else (0, subject)
