"""What is said where no bar can be drawn."""

import io
from types import SimpleNamespace

from rich.console import Console

from benchmark.report import progress
from benchmark.report.progress import Progress


def test_a_file_is_told_of_a_long_stage_once_a_minute(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    page = Console(file=io.StringIO(), width=80)
    run = SimpleNamespace(plan=SimpleNamespace(run="a"), label="unet+sepcnn+dense", state="to run")
    follower = Progress(page, 1)
    follower.take("begin", run, None)
    follower.take("event", run, {"event": "stage", "stage": "fit", "status": "building"})
    for step in range(13):  # two minutes, an epoch every ten seconds
        now[0] = 10.0 * step
        follower.take("event", run, {"event": "progress", "done": step, "total": 16, "loss": 0.5, "val_loss": 0.25})
    assert page.file.getvalue().splitlines() == [
        "[1/1] unet+sepcnn+dense",
        "  training: 6 of 16  loss 0.500  validation 0.250",
        "  training: 12 of 16  loss 0.500  validation 0.250",
    ]
