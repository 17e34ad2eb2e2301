"""What both checkouts are asked: tasks that spell out every setting, the lines that run them, and radiographs in files.

Together they pass through every stage: a U-Net, a segmenter without training and the dataset's own masks; networks,
boosted trees and a classifier of scikit-learn, on trained and on frozen backbones; votes of pipelines and of
one-vs-all models, folds, seeds, a random search and Hyperband, synthetic images and radiographs in files.
"""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tests import xrays

Table = dict[str, Any]

SEPCNN = "sepcnn[filters=8,kernel_size=3,pairs=2]"
DENSE = "dense[units=32,dropout=0.2]"
SEPCONV = "sepconv[filters=16,dropout=0.1]"
FILES = "folder[name=radiographs,mask_maker=boxes,licence=free]"
ONE_COVID = {"positive": "COVID", "classes": {"rest": ["*"], "COVID": ["COVID"]}}

EVERY_SETTING: Table = {
    "title": "the same numbers",
    "metric": "balanced-accuracy",
    "classes": "labels",
    "scheme": "direct",
    "voters": [],
    "dataset": "phantom[count=192,size=32,proportions=equal,difficulty=0.0,shortcut=0.5,seed=3]",
    "resamples": 200,
    "pipelines": [{"segmenter": "none", "backbone": SEPCNN, "head": DENSE}],
    "images": {"size": 32, "equalise": "histogram", "mask": "multiply"},
    "augmentation": {"flips": "both", "rotation": 0.1, "rotated": 0.5},
    "training": {
        "epochs": 8, "minimum_steps": 30, "batch_size": 16, "learning_rate": 0.01, "patience": 2, "decay": 0.5,
        "balance": "batches", "labels": "true",
    },
    "segmentation": {
        "epochs": 4, "minimum_steps": 6, "batch_size": 12, "learning_rate": 0.004, "patience": 1, "decay": 0.5,
        "seed": 5,
    },
    "features": {"carrier": DENSE},
    "split": {"train": 0.5, "validation": 0.25, "test": 0.25, "seed": 2, "grouping": "group", "folds": 1},
    "tuning": {
        "tuner": "random",
        "trials": 3,
        "searched": ["head", "training", "augmentation"],
        "space": {
            "training.learning_rate": {"low": 1e-3, "high": 1e-2, "log": True},
            "training.batch_size": {"low": 8, "high": 24, "step": 8},
            "head.units": {"low": 16, "high": 48, "step": 16},
            "head.dropout": {"low": 0.0, "high": 0.4},
            "augmentation.flips": {"choices": ["both", "none"]},
            "augmentation.rotation": 0.1,
            "augmentation.rotated": 0.5,
        },
    },
}  # fmt: skip

# What each task has otherwise.
CHANGES: dict[str, Table] = {
    "votes": {
        **ONE_COVID,
        "voters": ["soft", "hard", "weighted", "stacking[C=1.0]"],
        "pipelines": [
            {"segmenter": "unet[filters=4,dropout=0.1]", "backbone": SEPCNN, "head": DENSE},
            {"segmenter": "none", "backbone": "xception[cut=9,weights=none,frozen=false]", "head": SEPCONV},
        ],
    },
    "heads": {
        "metric": "macro-f1",
        "pipelines": [
            {"segmenter": "threshold[method=otsu,closing=0.06,minimum_area=0.01]", "backbone": SEPCNN, "head": head}
            for head in (
                "xgboost[trees=20,depth=2,learning_rate=0.2,subsample=0.8,colsample=0.5,l2=1.0,patience=5]",
                "scikit-learn[classifier=SVC,scale=standard,parameters=C=3]",
                "majority",
            )
        ],
        "images": {"size": 32, "equalise": "lungs", "mask": "crop"},
        "training": {"balance": "weights"},
    },
    "frozen": {
        "metric": "auroc",
        "pipelines": [
            {
                "segmenter": "dataset",
                "backbone": "mobilenetv3-small[weights=none,frozen=true]",
                "head": "scikit-learn[classifier=LogisticRegression,scale=min-max,parameters=C=0.5]",
            }
        ],
        "images": {"size": 48, "equalise": "clahe", "mask": "mean-fill"},
        "training": {"balance": "none"},
        "features": {"carrier": "none"},
    },
    "one-vs-all": {
        "scheme": "one-vs-all",
        "voters": ["soft", "stacking[C=0.3]"],
        "images": {"size": 32, "equalise": "none", "mask": "multiply"},
        "augmentation": {"flips": "anatomical", "rotation": 0.05, "rotated": 1.0},
        "training": {"epochs": 6, "balance": "none"},
    },
    "folds": {
        **ONE_COVID,
        "metric": "log-loss",
        "augmentation": {"flips": "none", "rotation": 0.0, "rotated": 0.0},
        "training": {"epochs": 4, "minimum_steps": 0, "balance": "weights", "labels": "shuffled"},
        "split": {"grouping": "naive", "folds": 2},
    },
    "random": {**ONE_COVID, "training": {"epochs": 4, "minimum_steps": 6}},
    "hyperband": {
        **ONE_COVID,
        "training": {"epochs": 3, "minimum_steps": 6},
        "tuning": {"tuner": "hyperband", "trials": 5},
    },
}


class Line(NamedTuple):
    """A call of the command: what it runs, a task's name, and flags (``{radiographs}``: the folder)."""

    command: str
    task: str
    flags: tuple[str, ...]


FLAGS = ("--full", "--deterministic", "--precision", "float32", "--json")
RUN, TUNE = ("-o", "results"), ("--results", "results")

LINES = (
    Line("run", "votes", (*RUN, "--seeds", "0")),
    Line("run", "heads", (*RUN, "--seeds", "4")),
    Line("run", "frozen", (*RUN, "--seeds", "0,1,2", "--data", "{radiographs}", "--limit", "80", "--dataset", FILES)),
    Line("run", "one-vs-all", (*RUN, "--seeds", "1")),
    Line("run", "folds", (*RUN, "--seeds", "0")),
    Line("tune", "random", (*TUNE, "--seed", "1")),
    Line("tune", "hyperband", (*TUNE, "--seed", "2")),
)


def task(name: str) -> Table:
    """A task with every setting in it."""
    found = deepcopy(EVERY_SETTING)
    for key, value in CHANGES[name].items():
        both = key != "classes" and isinstance(value, dict)
        found[key] = {**found[key], **value} if both else value
    return found


def toml(content: Mapping[str, Any]) -> str:
    """A task as a file: tables of one level, what is nested in them in a line."""
    return "\n".join(_lines(content)) + "\n"


def _lines(content: Mapping[str, Any]) -> Iterator[str]:
    tables = {key: value for key, value in content.items() if isinstance(value, dict) or key == "pipelines"}
    yield from (f"{key} = {_value(value)}" for key, value in content.items() if key not in tables)
    for key, value in tables.items():
        for table in value if isinstance(value, list) else [value]:
            yield f"\n[[{key}]]" if isinstance(value, list) else f"\n[{key}]"
            yield from (f"{json.dumps(name)} = {_value(one)}" for name, one in table.items())


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(name)} = {_value(one)}' for name, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value)


def write_radiographs(folder: Path, per_label: int = 30) -> None:
    """radiographs in files: PNG and JPEG of several sizes with masks, two of each patient in one label."""
    for number, label in enumerate(("effusion", "fibrosis", "healthy")):
        for place in range(per_label):
            shape = (56 + place % 3, 64)
            lungs = xrays.lungs(shape)
            pixels = xrays.radiograph(100 * number + place, shape) // 2 + np.uint8(25 * number) * lungs
            suffix = "jpg" if place % 4 == 0 else "png"
            xrays.write(folder / label / "images" / f"{label}-{place}.{suffix}", pixels)
            xrays.write(folder / label / "masks" / f"{label}-{place}.png", np.roll(lungs, place % 5, axis=1))
    patients = "".join(f"effusion-{place},{place // 2}\n" for place in range(per_label))
    (folder / "effusion.patients.csv").write_text(f"file,patient_id\n{patients}")
