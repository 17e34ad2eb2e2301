"""Which classifier trainings an older record stands on, told by its specification: it does not list their keys."""

from collections.abc import Mapping
from typing import Any

from benchmark.storage.digests import canonical, digest

OF_NETWORK = ("images", "split", "fold", "segmenter", "segmentation", "backbone", "augmentation", "training", "seed")


def trainings_of(spec: Mapping[str, Any]) -> list[str]:
    """One digest for each training: of the run, of a vote's members, of every fold of a pooled result.

    What moves no training is not in it: task, title, metric, names of classes, who votes, where the data lie, what the
    run was executed with, and a classical head on the features of a network that was trained with another head.
    """
    folds = spec.get("split", {}).get("folds", 1)
    numbers = range(folds) if folds > 1 and spec.get("fold") is None else [spec.get("fold")]
    single = list(spec.get("members", {}).values()) or [spec]
    return sorted({_training({**one, "fold": number}) for one in single for number in numbers})


def _training(spec: Mapping[str, Any]) -> str:
    settings = {name: spec.get(name) for name in OF_NETWORK}
    settings["head"] = spec.get("features_head") or spec.get("head")
    settings["labels"] = [sorted(labels) for labels in spec.get("classes", {}).values()]
    settings["dataset"] = {name: value for name, value in spec.get("dataset", {}).items() if name != "root"}
    return digest("training", canonical(settings))
