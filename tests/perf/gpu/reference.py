"""The reference results: an ordered list of runs on real X-rays, until it is done or its time is up.

    KERAS_BACKEND=jax python -m tests.perf.gpu.reference --images crd --apart montgomery --apart jsrt \
        --weights efficientnet_lite0_imagenet_notop.keras --budget 25m -o results/reference

Each step is a line of `bench`; after each, what may be published of its runs (records, predictions, curves, mean heat
maps; no picture of a patient) is copied to the output folder, with `steps.json`, which says how each step ended.  Given
again, it goes on where it stopped: finished runs are cached.  ``--setting cpu`` is the same at 96 pixels, with part of
the images and fewer epochs, for a machine without an accelerator.

Args (see ``--help``):
    images: the COVID-19 Radiography Database.
    apart: a folder with ``metadata.csv`` (columns image, mask) of films whose lungs were drawn by people.
    weights: EfficientNet-Lite0 with ImageNet weights, a Keras file without top.
"""

import argparse
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.planning.durations import parse_duration
from benchmark.records.files import FILE, scan
from tests.perf.gpu.masks_apart import measure

ROOT = Path(__file__).absolute().parents[3]
PUBLISHED = ("result.json", "predictions.npz", "curves.json", "history.csv", "curves.png", "mean-heat.png")
TUNED = ("ledger.jsonl", "trials.csv", "trials.png", "tuned.toml")
SMALL = 3_000_000  # bytes of a model file that may be kept
SETTINGS = {
    "gpu": ["--full", "--set", "images.size=224", "--precision", "auto"],
    "cpu": [
        "--full", "--limit", "5000", "--set", "images.size=96", "--set", "training.epochs=5",
        "--set", "training.minimum_steps=250", "--set", "segmentation.epochs=2",
    ],
}  # fmt: skip
SEEDS = ["--seeds", "0,1,2"]
SEPCNN = ["--backbone", "sepcnn", "--head", "dense"]
LITE = "keras-file[path=efficientnet-lite0.keras,mean=127,deviation=128]"


class Step(NamedTuple):
    """One line of `bench`; `slow` is how many epochs it gets where there is no accelerator."""

    name: str
    arguments: list[str]
    slow: int = 0


STEPS = (
    Step("sepcnn, lungs only", ["run", "--task", "binary", "--segmenter", "unet", *SEPCNN]),
    Step("sepcnn, lungs only, two more seeds", ["run", "--task", "binary", "--segmenter", "unet", *SEPCNN, *SEEDS]),
    Step("sepcnn, whole frame", ["run", "--task", "binary", "--segmenter", "none", *SEPCNN]),
    Step("sepcnn, whole frame, two more seeds", ["run", "--task", "binary", "--segmenter", "none", *SEPCNN, *SEEDS]),
    Step(
        "xception from nothing",
        ["run", "--task", "binary", "--segmenter", "unet", "--backbone", "xception[weights=none]", "--head", "sepconv"],
        slow=2,
    ),
    Step(
        "efficientnet-lite0 from ImageNet",
        ["run", "--task", "binary", "--segmenter", "unet", "--backbone", LITE, "--head", "dense"],
        slow=3,
    ),
    Step("four classes", ["run", "--task", "multiclass", "--segmenter", "unet", *SEPCNN]),
    Step("one against all, voting", ["run", "--task", "ova-vote", "--segmenter", "unet", *SEPCNN]),
    Step(
        "vote of two models",
        ["run", "--task", "vote", "--segmenter", "unet", "--segmenter", "none", *SEPCNN],
    ),
    Step("features into XGBoost", ["run", "--task", "features-xgb", "--backbone", "sepcnn"]),
    Step(
        "Hyperband on sepcnn",
        ["tune", "--task", "binary", "--segmenter", "unet", *SEPCNN, "--tuner", "hyperband", "--trials", "8"],
    ),
    Step("what they cost", ["speed", "--task", "binary", "--segmenter", "unet", *SEPCNN]),
)  # fmt: skip
EVERY = ",".join(str(number) for number in range(1, len(STEPS) + 1))


def main() -> int:
    """Walk through the list; gives 0 where every step ended well."""
    asked = _arguments()
    deadline = time.monotonic() + parse_duration(asked.budget, "--budget")
    work, output = asked.work.absolute(), asked.output.absolute()
    links = {"crd": asked.images, "efficientnet-lite0.keras": asked.weights}
    work.mkdir(parents=True, exist_ok=True)
    for name, target in links.items():  # records name what they read by these links, on every machine alike
        (work / name).unlink(missing_ok=True)
        (work / name).symlink_to(target.absolute())
    told: list[dict[str, Any]] = []
    for step in (STEPS[int(number) - 1] for number in asked.steps.split(",")):
        left = deadline - time.monotonic()
        if left <= 0:
            told.append({"step": step.name, "ended": "not begun: the time was up"})
        else:
            told.append(_take(step, SETTINGS[asked.setting], asked.setting == "cpu", work, left))
        publish(work / "results", output)
        if told[0].get("ended") == "ok" and not (output / "masks-apart.json").is_file():
            _measure_masks(work / "results", asked.apart, output)
        _keep(told, output)
    if asked.steps == EVERY and (left := deadline - time.monotonic()) > 0:
        told.append(_against_plain_keras(output, left))
        _keep(told, output)
    return int(any(one["ended"] != "ok" for one in told))


def _keep(told: list[dict[str, Any]], output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    (output / "steps.json").write_text(json.dumps(told, indent=1) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", type=Path, required=True, metavar="DIR")
    parser.add_argument("--weights", type=Path, required=True, metavar="FILE")
    parser.add_argument("--apart", type=Path, action="append", default=[], metavar="DIR")
    parser.add_argument("--setting", choices=SETTINGS, default="gpu")
    parser.add_argument("--budget", default="25m", metavar="TIME")
    parser.add_argument("--steps", default=EVERY, metavar="N,N,…", help=f"of the list, in this order: {EVERY}")
    parser.add_argument("--work", type=Path, default=Path("reference-work"), metavar="DIR", help="cache and results")
    parser.add_argument("-o", "--output", type=Path, default=Path("results/reference"), metavar="DIR")
    return parser.parse_args()


def _take(step: Step, setting: list[str], slow: bool, work: Path, left: float) -> dict[str, Any]:
    """Give one line of `bench` and wait for its end, at most so many seconds."""
    epochs = ["--set", f"training.epochs={step.slow}"] if slow and step.slow else []
    line = ["bench", *step.arguments, "--data", "crd", *setting, *epochs]
    command = [sys.executable, "-m", "benchmark", *line[1:]]
    return {"step": step.name, "line": shlex.join(line), **_ended(step.name, command, shlex.join(line), work, left)}


def _against_plain_keras(output: Path, left: float) -> dict[str, Any]:
    """The stage that trains, as a ratio to a plain float32 `Model.fit`, on drawn films: line (a) of `tests.perf`."""
    line = ["-m", "tests.perf", "--only", "a", "-o", str(output / "perf.json")]
    told = _ended("ratio to plain Keras", [sys.executable, *line], f"python {shlex.join(line[:4])}", ROOT, left)
    return {"step": "ratio to plain Keras", "line": f"python {shlex.join(line[:4])}", **told}


def _ended(name: str, command: list[str], line: str, folder: Path, left: float) -> dict[str, Any]:
    """Run a command for at most so many seconds; how it ended and how long it took."""
    print(f"\n== {name}\n$ {line}", flush=True)
    environment = {**os.environ, "BENCH_CACHE": str(folder / "cache")} if folder != ROOT else dict(os.environ)
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, env=environment)
    try:
        code = process.wait(left)
        ended = "ok" if code == 0 else f"exit status {code}"
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        process.wait()
        ended = "stopped: the time was up"
    return {"ended": ended, "seconds": round(time.monotonic() - started)}


def publish(results: Path, output: Path) -> None:
    """Copy what may be seen by everyone: no film, and nothing drawn over one."""
    for name, record in scan(results):
        path = Path(name)
        if path.name != FILE:
            continue
        target = output / path.parent.relative_to(results)
        for name in PUBLISHED:
            _copy(path.parent / name, target / name)
        if getattr(record, "seed", None) == 0 and "unet-sepcnn-dense" in path.parent.name and "binary" in str(target):
            for model in _small(path.parent / "model"):
                _copy(model, target / "model" / model.name)
    for path in [*results.glob("tuning/*/*/*"), *results.glob("speed/*/*")]:
        if path.name in (*TUNED, "speed.json"):
            _copy(path, output / path.relative_to(results))


def _small(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.glob("*.keras")) if path.stat().st_size <= SMALL)


def _copy(source: Path, target: Path) -> None:
    if source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _measure_masks(results: Path, folders: list[Path], output: Path) -> None:
    """How well the first run's segmenter does on collections that it never saw."""
    model = next(results.glob("binary/unet-sepcnn-dense-s0-*/model/segmenter.keras"), None)
    if model is None:  # the steps that were asked for train no segmenter
        return
    told = {folder.name: measure(model, folder) for folder in folders}
    (output / "masks-apart.json").write_text(json.dumps(told, indent=1) + "\n")
    print(json.dumps(told, indent=1), flush=True)


if __name__ == "__main__":
    sys.exit(main())
