"""Results folders made by hand: runs with the files, the scores and the ledger that a command would have left."""

from functools import cache
from pathlib import Path

import msgspec
import numpy as np

from benchmark.data.splits import write_csv
from benchmark.data.targets import class_targets
from benchmark.evaluation.scoring import score
from benchmark.records import files as records
from benchmark.records.contents import listing
from benchmark.records.findings import SplitInfo
from benchmark.records.ledger import Ledger
from benchmark.records.record import Record
from benchmark.records.speed import write as write_speed
from benchmark.stages.record import tested
from benchmark.storage.code import OWN, CodeIndex
from tests import factories

CLASSES = {"Non-COVID": ["Normal", "Viral Pneumonia"], "COVID": ["COVID"]}
SIZES = {"train": 90, "validation": 30, "calibration": 30, "test": 90}
SCORING = "benchmark.stages.score"
RESAMPLES = 60


@cache
def index() -> CodeIndex:
    """Today's code."""
    return CodeIndex()


class Images:
    """The dataset of all runs: groups of one to three, two sources, a third of the images COVID."""

    def __init__(self, classes: dict[str, list[str]]) -> None:
        count = sum(SIZES.values())
        labels = [label for taken in classes.values() for label in taken]
        self.ids = np.array([f"image-{row:03}" for row in range(count)])
        self.labels = np.array([labels[row % len(labels)] for row in range(count)])
        self.groups = np.array([f"group-{row // 3}" if row % 2 else f"alone-{row}" for row in range(count)])
        self.sources = np.array([("north", "south")[row % 5 == 0] for row in range(count)])
        self.subsets = np.repeat(list(SIZES), list(SIZES.values()))
        self.targets = class_targets(self.labels, classes)


def publish(
    root: Path,
    *,
    pipeline: str = "none+sepcnn+dense",
    seed: int = 0,
    ledger: Ledger | None = None,
    skill: float = 1.5,
    classes: dict[str, list[str]] = CLASSES,
    take: int = 0,
    **changes: object,
) -> Path:
    """A run's folder below a results folder, as `bench run` leaves it; gives the folder.

    Args:
        skill: how far the logits of the true class stand above the others.
        take: another training of the same run.
    """
    images = Images(classes)
    record = factories.record(pipeline=pipeline, seed=seed, classes=tuple(classes), masks={}, gradcam={}, **changes)
    rng = np.random.default_rng((seed, take, len(pipeline)))
    logits = rng.normal(size=(len(images.ids), len(classes))) + skill * np.eye(len(classes))[images.targets]
    folder = root / record.task / record.run
    (folder / "model").mkdir(parents=True, exist_ok=True)
    found = _write_predictions(folder, images, logits.astype(np.float32), record, classes)
    write_csv(folder / "split.csv", images.ids, images.labels, images.sources, images.groups, images.subsets)
    (folder / "spec.json").write_bytes(msgspec.json.format(msgspec.json.encode(record.spec), indent=2))
    (folder / "history.csv").write_text("epoch,loss\n" + "".join(f"{epoch},{0.7**epoch}\n" for epoch in range(9)))
    for name in ("model/head.keras", "mean-heat.png"):
        (folder / name).write_bytes(rng.bytes(700))
    code = index().code_digest(SCORING, OWN)
    record = msgspec.structs.replace(
        found, files=listing(folder), test=tested(folder / "predictions.npz"), scoring={SCORING: code}
    )
    records.write(record, folder)
    if ledger:
        ledger.add_run(record, folder)
    return folder


def measure(root: Path) -> Path:
    """A measurement of speed below a results folder; gives its file."""
    return write_speed(factories.speed(), root)


def _write_predictions(
    folder: Path, images: Images, logits: np.ndarray, record: Record, classes: dict[str, list[str]]
) -> Record:
    shares = np.bincount(images.targets[images.subsets == "train"], minlength=len(classes)) / SIZES["train"]
    scores = score(
        classes=list(classes),
        positive=record.positive,
        targets=images.targets,
        logits=logits,
        subsets=images.subsets,
        groups=images.groups,
        data_prior=shares.tolist(),
        batch_prior=[1 / len(classes)] * len(classes),
        seed=record.seed,
        sources=list(images.sources),
        resamples=RESAMPLES,
    )
    rows = np.flatnonzero(images.subsets != "train")
    columns = {name: getattr(images, name)[rows] for name in ("ids", "groups", "labels", "sources", "subsets")}
    np.savez(
        folder / "predictions.npz",
        **columns,
        targets=images.targets[rows],
        logits=logits[rows],
        corrected_logits=scores.corrected_logits[rows],
        probabilities=scores.probabilities[rows],
    )
    counts = {
        subset: dict(zip(classes, np.bincount(images.targets[images.subsets == subset]).tolist(), strict=True))
        for subset in SIZES
    }
    assert record.split
    split: SplitInfo = msgspec.structs.replace(record.split, counts=counts)
    spec = {**record.spec, "classes": classes, "resamples": RESAMPLES}
    fields = {name: getattr(scores, name) for name in ("metrics", "controls", "confusion", "calibration")}
    plain = msgspec.json.decode(msgspec.json.encode(fields, enc_hook=lambda number: number.item()))
    changes = {**plain, "split": msgspec.to_builtins(split), "spec": spec}
    return msgspec.convert({**msgspec.to_builtins(record), **changes}, Record)
