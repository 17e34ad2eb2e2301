"""Steps for tests of nodes: trainings of some epochs that do nothing but sleep, with a checkpoint after each.

What happens is written into the file that TRACE names, a line each: the process, and what it did.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from benchmark.stages.context import Context, RunFacts
from tests.perf import standin

EPOCHS = 4
EPOCH_S = 0.4
PIECE, MOST = 20_000_000, 4_000_000_000  # bytes that a training takes, the one whose seed EATS names


def told(*words: object) -> None:
    """Append a line to the trace."""
    with Path(os.environ["TRACE"]).open("a") as file:
        file.write(" ".join(map(str, (os.getpid(), *words))) + "\n")


def build(context: Context, folder: Path) -> None:
    """An artefact of one small file; a training where it is one."""
    stage = folder.name.partition("-")[0]
    checkpoint = context.partial / "epoch"
    done = int(checkpoint.read_text()) if checkpoint.exists() else 0
    for epoch in range(done + 1, EPOCHS + 1) if stage == "fit" else ():
        told("epoch", epoch)
        if epoch == 2 and os.environ.get("EATS") == str(context.spec.seed):
            eaten = [b"\1" * PIECE for _ in range(MOST // PIECE)]  # ended before it is done
            told("ate", len(eaten))
        time.sleep(float(os.environ.get("EPOCH_S", EPOCH_S)))
        checkpoint.write_text(str(epoch))
        context.progress({"done": epoch, "total": EPOCHS, "epoch": epoch})
    standin.build(context, folder)
    told("built", stage)


def write_run(context: Context, facts: RunFacts, names: Mapping[str, str], folder: Path) -> None:
    """A record with one metric."""
    standin.write_run(context, facts, names, folder)
    told("recorded", facts.run)
