"""(g) `bench compare` over many synthetic records, start included, beside a loop that only parses the same files.

And over a thousand runs with predictions of 2,000 images each, of which all rows are tested at once: the first time,
and when its verdicts are found again.
"""

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from benchmark.evaluation.metrics import balanced_accuracy, confusion
from benchmark.records.estimate import Estimate
from benchmark.records.files import FILE, PREDICTIONS
from benchmark.storage.files import sealed
from tests import factories
from tests.perf.startup import BENCH
from tests.perf.timing import Line, absolute, as_installed, process, ratio

SIZES = {  # what, records, tables -> most seconds, repeats
    ("1,000 records", 1_000, 1): (0.5, 7),
    ("20,000 records", 20_000, 1): (4.0, 5),
    ("20,000 records of 100 tasks", 20_000, 100): (4.0, 5),
}
MOST_SHARE = 0.9  # of what parsing the files takes
SEEDS = 5
MOST_MB = 300.0
TESTED = {"333 rows of three": 3, "1,000 rows of one": 1}  # trainings
RUNS, IMAGES = 1_000, 2_000
COLD_S, WARM_S, TESTED_MB = 15.0, 0.5, 500.0
PARSE = """
import json, pathlib, sys
for path in pathlib.Path(sys.argv[1]).rglob("result.json"):
    json.loads(path.read_bytes())
"""
NOTE = "theirs: `json.loads` of each file and nothing else"


def measure(place: Path, told: Callable[[str], None]) -> list[Line]:
    """Seconds and peak memory for 1,000 and 20,000 records, the first time and when they were read before."""
    lines = []
    for (what, count, tables), (target, repeats) in SIZES.items():
        told(f"writing {what}")
        folder = place / f"{count}-{tables}"
        write_records(folder / "results", count, tables)
        environment = {**as_installed(), "BENCH_CACHE": str(folder / "cache")}
        spent, pairs = [], []
        for number in range(repeats + 1):
            spent.append(process([*BENCH, "compare", str(folder / "results")], environment))
            if spent[-1].code:
                raise RuntimeError(f"bench compare ended with exit status {spent[-1].code}")
            other = process([sys.executable, "-c", PARSE, str(folder / "results")], environment)
            pairs.append((spent[-1].cpu_s, other.cpu_s))
            told(f"{number} of {repeats}: {spent[-1].wall_s:.2f} s, {spent[-1].peak_mb:.0f} MB")
        name, (_, *again) = f"`bench compare`, {what}", spent
        most = MOST_SHARE if count > 1_000 else None
        lines.append(absolute("g", name, "s", [one.wall_s for one in again], target))
        lines.append(absolute("g", f"{name}: peak memory", "MB", [one.peak_mb for one in spent], MOST_MB))
        lines.append(ratio("g", f"{name}: processor time", "s", pairs[1:], "<=", most, NOTE))
        lines.append(ratio("g", f"{name}: processor time, the first time", "s", pairs[:1], "<=", None, NOTE))
    for name, seeds in TESTED.items():
        told(f"writing {RUNS:,} runs with predictions")
        lines += _tested(place / f"tested-{seeds}", f"`bench compare`, {name}, {IMAGES:,} images", seeds, told)
    return lines


def _tested(folder: Path, name: str, seeds: int, told: Callable[[str], None]) -> list[Line]:
    """Seconds and peak memory of testing all rows at once, and of finding the verdicts again."""
    write_runs(folder / "results", seeds)
    environment = {**as_installed(), "BENCH_CACHE": str(folder / "cache")}
    spent = [process([*BENCH, "compare", str(folder / "results")], environment) for _ in range(4)]
    if any(one.code for one in spent):
        raise RuntimeError(f"bench compare ended with exit status {max(one.code for one in spent)}")
    cold, *warm = spent
    told(f"{cold.wall_s:.2f} s, {cold.peak_mb:.0f} MB; again {warm[0].wall_s:.2f} s")
    return [
        absolute("g", f"{name}: tested", "s", [cold.wall_s], COLD_S),
        absolute("g", f"{name}: peak memory", "MB", [cold.peak_mb], TESTED_MB),
        absolute("g", f"{name}: found again", "s", [one.wall_s for one in warm], WARM_S),
    ]


def write_runs(folder: Path, seeds: int, runs: int = RUNS, images: int = IMAGES) -> None:
    """Sealed records beside the predictions that give their balanced accuracy, a fifth of the images positive."""
    rng = np.random.default_rng(0)
    targets = (np.arange(images) % 5 == 0).astype(int)
    names = np.array([f"image-{number}" for number in range(images)])
    common = {"ids": names, "groups": names, "targets": targets, "subsets": np.full(images, "test")}
    shared = rng.normal(size=images)
    for number in range(runs - runs % seeds):
        pipeline, seed = divmod(number, seeds)
        margin = 1.0 + 0.7 * shared + 0.7 * rng.normal(size=images)
        logits = np.stack([np.zeros(images), np.where(targets, margin, -margin)], axis=1).astype(np.float32)
        score = float(balanced_accuracy(confusion(targets, logits.argmax(axis=1), 2)))
        made = factories.record(score, pipeline=f"unet+net{pipeline}+dense", seed=seed)
        exact = {**made.metrics, "balanced-accuracy": Estimate(score, score - 0.02, score + 0.02, images)}
        place = folder / made.task / made.run
        place.mkdir(parents=True)
        np.savez(place / PREDICTIONS, **common, corrected_logits=logits, probabilities=logits)
        record = sealed(msgspec.structs.replace(made, metrics=exact))
        (place / FILE).write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")


def write_records(folder: Path, count: int, tables: int = 1) -> None:
    """Sealed records as runs write them: five seeds of each pipeline, a task and a dataset for each table."""
    for number in range(count):
        pipeline, seed = divmod(number, SEEDS)
        name, task = f"unet+net{pipeline}+dense", f"task-{pipeline % tables}"
        value = 0.9 + 0.09 * ((pipeline * 7919) % 1000) / 1000 + 0.001 * seed
        one = factories.record(value, pipeline=name, seed=seed, **({"task": task} if tables > 1 else {}))
        if one.dataset and tables > 1:
            digest = hashlib.sha256(task.encode()).hexdigest()
            one = msgspec.structs.replace(one, dataset=msgspec.structs.replace(one.dataset, digest=digest))
        place = folder / one.task / one.run
        place.mkdir(parents=True)
        (place / FILE).write_bytes(msgspec.json.format(msgspec.json.encode(sealed(one)), indent=1) + b"\n")
