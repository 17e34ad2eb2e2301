"""What one accelerator does with our trainings, beside plain Keras: one command of at most ten minutes.

    KERAS_BACKEND=jax python -m tests.perf.gpu.device -o device.json
    KERAS_BACKEND=torch python -m tests.perf.gpu.device -o device-torch.json --only device,training
    python -m tests.perf.gpu.device --setting miniature -o miniature.json    # the same on a processor, in small

Each part runs in a process of its own, for as long as is left of the time, and is written before the next begins; what
did not end says so in its place.  Images are drawn here: no file is brought along.

Parts:
    device: what the backend sees, the precision that it does well, bytes a second of a copy in its memory.
    training: images a second of `sepcnn` and `xception` by our stage and by `Model.fit` on arrays, float32 both; ours
        in the precision of ``auto`` too, `sepcnn` also with a batch of 512, where memory is the bound: the goals are 3
        times plain Keras, and half of the lower of the bounds that bandwidth sets `sepcnn`.  Ours holds validation and
        batch statistics, so in a training as short as the miniature's it is far below plain Keras.
    input: milliseconds in which processors distort a batch for the U-Net, and in which the device trains on one; the
        share of time that trainings wait for images, of which less than .02 is wanted.
    workers: two trainings side by side on the device against one after the other.
    tuner: a search of four trials, as people give it.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

ROOT = Path(__file__).absolute().parents[3]
LARGE_BATCH = 512
GRACE_S = 5  # of the time, kept for writing


class Setting(NamedTuple):
    """How much is measured: pixels a side, films, epochs, elements of the copy (a square's side), batch, trials."""

    size: int
    films: int
    epochs: int
    side: int
    batch: int
    trials: int


SETTINGS = {
    "gpu": Setting(size=256, films=900, epochs=12, side=16384, batch=LARGE_BATCH, trials=4),
    "miniature": Setting(size=64, films=80, epochs=2, side=512, batch=32, trials=2),
}


def device(setting: Setting, place: Path) -> dict[str, Any]:
    """The device in words, its best precision, and GB/s of reading and writing a large array."""
    import keras
    import numpy as np

    from registry import backend

    array = keras.ops.ones((setting.side, setting.side), "float32")
    durations = []
    for _ in range(12):
        started = time.perf_counter()
        array = array + 1.0
        np.asarray(keras.ops.convert_to_numpy(array[0, :1]))  # waits for the end of what was asked before
        durations.append(time.perf_counter() - started)
    copied = 2 * 4 * setting.side**2  # bytes: read and written
    return {
        "device": backend.device_name(),
        "backend": keras.backend.backend(),
        "best_precision": backend.best_precision(),
        "copy_gb_per_s": copied / min(durations[2:]) / 1e9,
    }


def training(setting: Setting, place: Path) -> dict[str, Any]:
    """Images a second of each network, by our stage and by plain Keras."""
    found: dict[str, Any] = {}
    for name, bound_by_memory in {"sepcnn": True, "xception": False}.items():
        run, artefacts = _data(setting, place, name)
        ours, theirs = _staged(place / f"{name}-ours", run, artefacts), _plain(place / f"{name}-plain", run, artefacts)
        best = _staged(place / f"{name}-auto", _precise(run), artefacts)
        rate = ours["training_images_per_s"]
        found[name] = {
            "ours": ours, "plain_keras_images_per_s": theirs, "ratio": rate / theirs,
            "ours_auto": best, "bytes_per_image": _traffic(run),
        }  # fmt: skip
        if bound_by_memory:
            large = _staged(place / f"{name}-large", _precise(run, setting.batch), artefacts)
            found[name][f"ours_auto_batch_{setting.batch}"] = large
    return found


def segmenter_input(setting: Setting, place: Path) -> dict[str, Any]:
    """What a batch of the U-Net costs the processors, and what its step costs the device."""
    import numpy as np

    from benchmark.data.prepared import load
    from benchmark.models.segmentation import distorted
    from benchmark.stages import segmenter
    from benchmark.stages.segmenter import pairs
    from tests.perf import stages

    run, artefacts = _data(setting, place, "sepcnn", "unet")
    prepared, size = load(artefacts["prepare"]), run.segmentation.batch_size
    films, lungs = pairs(prepared, np.arange(size))
    started = time.perf_counter()
    for number in range(5):
        distorted(np.random.default_rng(number), films, lungs)
    distorting_s = (time.perf_counter() - started) / 5
    context, folder = stages.surroundings(place / "unet", run, artefacts)
    segmenter.build(context, folder)
    meta = json.loads((folder / "meta.json").read_text())
    history = json.loads((folder / "history.json").read_text())
    steps = -(-int((np.load(artefacts["split"] / "subsets.npy") == "train").sum()) // size)
    return {
        "distort_ms_per_batch": 1e3 * distorting_s,
        "step_ms": 1e3 * min(epoch["duration_s"] for epoch in history) / steps,
        "batch_size": size,
        "meta": meta,
    }


def workers(setting: Setting, place: Path) -> dict[str, Any]:
    """Seconds of two commands that train, one after the other and side by side; caches of their own."""
    lines = [
        _line(setting, "run", place / f"{way}-{seed}", "--seeds", str(seed))
        for way in ("one", "two")
        for seed in (0, 1)
    ]
    started = time.perf_counter()
    codes = [_ended(line) for line in lines[:2]]
    between = time.perf_counter()
    with ThreadPoolExecutor(2) as both:
        codes += both.map(_ended, lines[2:])
    alone_s, beside_s = between - started, time.perf_counter() - between
    return {"one_after_the_other_s": alone_s, "side_by_side_s": beside_s, "ratio": alone_s / beside_s, "exits": codes}


def tuner(setting: Setting, place: Path) -> dict[str, Any]:
    """Seconds of a search, with what it says."""
    line = _line(setting, "tune", place / "tuned", "--tuner", "random", "--trials", str(setting.trials))
    started = time.perf_counter()
    ended = subprocess.run(line, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False)
    said = (ended.stdout if ended.returncode == 0 else ended.stderr).strip().splitlines()[-12:]
    return {"seconds": time.perf_counter() - started, "exit": ended.returncode, "said": said}


PARTS: dict[str, Callable[[Setting, Path], dict[str, Any]]] = {
    "device": device,
    "training": training,
    "input": segmenter_input,
    "workers": workers,
    "tuner": tuner,
}


def main() -> int:
    """Measure part by part; gives 0 where each ended well."""
    asked = _arguments()
    setting = SETTINGS[asked.setting]
    if unknown := set(asked.only.split(",")) - set(PARTS):
        sys.exit(f"no part {', '.join(sorted(unknown))}; expected some of {', '.join(PARTS)}")
    if asked.part:
        with tempfile.TemporaryDirectory(prefix="bench-gpu-") as place:
            asked.output.write_text(json.dumps(PARTS[asked.part](setting, Path(place))))
        return 0
    found: dict[str, Any] = {"setting": asked.setting, "parts": {}}
    deadline = time.monotonic() + 60 * asked.minutes - GRACE_S
    for name in asked.only.split(","):
        found["parts"][name] = _apart(name, asked.setting, deadline - time.monotonic())
        asked.output.write_text(json.dumps(found, indent=1) + "\n")
        print(f"{name}: {json.dumps(found['parts'][name])}", flush=True)
    return int(any("ended" in part for part in found["parts"].values()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
    parser.add_argument("--setting", choices=SETTINGS, default="gpu")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--only", default=",".join(PARTS), metavar="PART,…")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    return parser.parse_args()


def _apart(name: str, setting: str, left_s: float) -> dict[str, Any]:
    """A part in a process of its own, with the seconds that it took; how it ended, where that was not well."""
    if left_s <= 0:
        return {"ended": "not begun: the time was up"}
    with tempfile.TemporaryDirectory(prefix="bench-gpu-") as place:
        out, started = Path(place) / "part.json", time.monotonic()
        line = [sys.executable, "-m", "tests.perf.gpu.device", "--part", name, "--setting", setting, "-o", str(out)]
        process = subprocess.Popen(line, cwd=ROOT, env=_environment(), start_new_session=True)
        try:
            code = process.wait(left_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
            return {"ended": "stopped: the time was up", "seconds": round(time.monotonic() - started, 1)}
        seconds = round(time.monotonic() - started, 1)
        return {**json.loads(out.read_text()), "seconds": seconds} if code == 0 else {"ended": f"exit status {code}"}


def _environment() -> dict[str, str]:
    from benchmark.execution.process import ALLOCATOR

    quiet = {"TF_CPP_MIN_LOG_LEVEL": "2", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    return {**ALLOCATOR, **quiet, **os.environ}


def _data(setting: Setting, place: Path, backbone: str, segmenter: str = "none") -> tuple[Any, dict[str, Path]]:
    """A specification, and its images prepared and split; drawn once a process."""
    from benchmark.tasks.schema import Component, Images
    from tests.perf import stages

    options = {"weights": None} if backbone == "xception" else {}
    run = msgspec.structs.replace(
        stages.run_spec(segmenter=segmenter, epochs=setting.epochs, seed=0),
        backbone=Component(backbone, options),
        images=Images(size=setting.size),
    )
    return run, stages.data(place / f"data-{backbone}", run, setting.films, size=setting.size)


def _precise(run: Any, batch: int | None = None) -> Any:
    """The run in the precision of ``auto``; with another batch, if one is given, and as many steps at least."""
    from registry.backend import best_precision

    runtime = msgspec.structs.replace(run.runtime, precision=best_precision())
    if batch is None:
        return msgspec.structs.replace(run, runtime=runtime)
    epochs = run.training.epochs * -(-batch // run.training.batch_size)
    training = msgspec.structs.replace(run.training, batch_size=batch, epochs=epochs)
    return msgspec.structs.replace(run, runtime=runtime, training=training)


def _staged(place: Path, run: Any, artefacts: dict[str, Path]) -> dict[str, Any]:
    """What our stage measures of a training."""
    from benchmark.stages import fit
    from tests.perf import stages

    context, folder = stages.surroundings(place, run, artefacts)
    fit.build(context, folder)
    meta = json.loads((folder / "meta.json").read_text())
    return {
        name: meta.get(name)
        for name in ("training_images_per_s", "input_stall", "tracing_s", "batch_size", "jit", "steps_per_execution")
    }


def _plain(place: Path, run: Any, artefacts: dict[str, Path]) -> float:
    """Images a second of `Model.fit` on arrays in memory, its first epoch, which compiles, not counted."""
    import keras
    import numpy as np

    from benchmark.data.prepared import load
    from benchmark.models.classifier import assemble
    from benchmark.models.runtime import reset_keras

    reset_keras(0, run.runtime)
    prepared = load(artefacts["prepare"])
    rows = np.flatnonzero(np.load(artefacts["split"] / "subsets.npy") == "train")
    network, ends = assemble(run).network, []
    network.compile(
        optimizer=keras.optimizers.Adam(run.training.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    network.fit(
        prepared.images[rows][..., None],
        (prepared.labels[rows] == "COVID").astype(np.int64),
        batch_size=run.training.batch_size,
        epochs=run.training.epochs,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ends.append(time.perf_counter()))],
        verbose=0,
    )
    return len(rows) * (len(ends) - 1) / (ends[-1] - ends[0])


def _traffic(run: Any) -> int:
    """Bytes that a training step moves for an image in float32, at least: each layer's output is written and read
    forwards, and so is its gradient backwards."""
    from benchmark.models.classifier import assemble

    elements = sum(math.prod(size or 1 for size in layer.output.shape) for layer in _leaves(assemble(run).backbone))
    return 4 * 4 * elements


def _leaves(network: Any) -> Iterator[Any]:
    """Its layers, those of networks within it too."""
    for layer in network.layers:
        yield from _leaves(layer) if hasattr(layer, "layers") else [layer]


def _line(setting: Setting, verb: str, place: Path, *more: str) -> list[str]:
    """A command on phantoms, with results and cache of its own."""
    return [
        "env", f"BENCH_CACHE={place}-cache", f"BENCH_RESULTS={place}", sys.executable, "-m", "benchmark", verb,
        "--task", "binary", "--dataset", f"phantom[count={setting.films},size={setting.size}]", "--full",
        "--set", f"images.size={setting.size}", "--epochs", str(setting.epochs), "--segmenter", "none",
        "--backbone", "sepcnn", "--head", "dense", *more,
    ]  # fmt: skip


def _ended(line: list[str]) -> int:
    return subprocess.run(line, cwd=ROOT, env=_environment(), stdout=subprocess.DEVNULL, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
