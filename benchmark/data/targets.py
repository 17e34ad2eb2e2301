"""What is learnt of each image: the class that a task makes of its label, as an integer."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from registry.errors import DataError


def class_targets(labels: Iterable[str], classes: Mapping[str, Sequence[str]]) -> np.ndarray:
    """(N,) index of each image's class.

    Args:
        labels: (N,) as the dataset says.
        classes: name -> the labels that it takes.
    """
    index = {label: k for k, taken in enumerate(classes.values()) for label in taken}
    return np.array([index[str(label)] for label in labels], dtype=np.int64)


def shuffled(targets: np.ndarray, labels: str, seed: int) -> np.ndarray:
    """The targets to learn: true ones, or the control's permutation of them."""
    return np.random.default_rng((seed, 11)).permutation(targets) if labels == "shuffled" else targets


def check_classes(targets: np.ndarray, subsets: np.ndarray, classes: Iterable[str]) -> None:
    """Every class has an image in every subset.

    Raises:
        DataError: one has none.
    """
    for subset in ("train", "validation", "calibration", "test"):
        absent = [name for k, name in enumerate(classes) if not np.any(targets[subsets == subset] == k)]
        if absent:
            raise DataError(
                f"class {', '.join(absent)} has no image in the {subset} subset of {int((subsets == subset).sum())}; "
                "add images, raise --limit or change [split]"
            )
