"""Batches: which images training step i of epoch e sees, as a pure function of (seed, e, i); those of validation."""

import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

Draw = Callable[[np.random.Generator, np.ndarray], tuple[np.ndarray, ...]]


class Batches:
    """Batches of an epoch; the training callback sets `epoch`.

    Every pass over a class visits each of its images once, in an order of its own.

    Args:
        targets: (N,) integer class of each training image; a segmenter passes zeros.
        read: gives the arrays of a batch from a generator and indices into `targets`.
        balance: ``batches`` (as many of each class in every batch), ``weights`` (as the data are, the loss
            weighted) or ``none``.
    """

    def __init__(
        self, targets: np.ndarray, read: Draw, *, batch_size: int, balance: str, num_classes: int, seed: int
    ) -> None:
        self.read = read
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0
        self.steps = max(1, -(-len(targets) // batch_size))
        members = [np.flatnonzero(targets == k) for k in range(num_classes)]
        self.pools: Sequence[np.ndarray] = members if balance == "batches" else [np.arange(len(targets))]
        weights = class_weights(targets, num_classes) if balance == "weights" else np.ones(num_classes, np.float32)
        self.weights = weights[targets]
        self.weighted = balance == "weights"
        self.ready = [0.0] * self.steps  # when the batch of each step was last made, in seconds of `perf_counter`

    def __len__(self) -> int:
        """Steps of an epoch."""
        return self.steps

    def __getitem__(self, step: int) -> tuple[np.ndarray, ...]:
        """Arrays of one batch: images, what to learn from them, and the loss weights where there are any."""
        chosen = self.indices(self.epoch, step)
        generator = np.random.default_rng((self.seed, self.epoch, step))
        arrays = self.read(generator, chosen)
        self.ready[step] = time.perf_counter()
        return (*arrays, self.weights[chosen]) if self.weighted else arrays

    def indices(self, epoch: int, step: int) -> np.ndarray:
        """(B,) indices into the training targets."""
        position = epoch * self.steps + step
        pools = len(self.pools)
        chosen = []
        for k, pool in enumerate(self.pools):
            # Where K does not divide the batch, the remainder goes round the classes.
            first, last = (((position + more) * self.batch_size + pools - 1 - k) // pools for more in (0, 1))
            chosen.append(pool[self._stream(k, first, last)])
        return np.concatenate(chosen)

    def _stream(self, pool: int, first: int, last: int) -> np.ndarray:
        size = len(self.pools[pool])
        positions = np.arange(first, last)
        passes, places = np.divmod(positions, size)
        turns = range(first // size, max(last - 1, first) // size + 1)
        return np.concatenate([_order(self.seed, pool, turn, size)[places[passes == turn]] for turn in turns])


class Slices:
    """Arrays cut into batches in their own order; the last may be smaller."""

    def __init__(self, arrays: tuple[np.ndarray, ...], batch_size: int) -> None:
        self.arrays = arrays
        self.batch_size = batch_size

    def __len__(self) -> int:
        """Steps of a pass."""
        return -(-len(self.arrays[0]) // self.batch_size)

    def __getitem__(self, step: int) -> tuple[np.ndarray, ...]:
        """One batch of every array."""
        rows = slice(step * self.batch_size, (step + 1) * self.batch_size)
        return tuple(array[rows] for array in self.arrays)


class Excerpt:
    """Some of the steps of others."""

    def __init__(self, batches: "Batches | Slices", steps: Sequence[int]) -> None:
        self.batches = batches
        self.steps = steps

    def __len__(self) -> int:
        """How many."""
        return len(self.steps)

    def __getitem__(self, place: int) -> tuple[np.ndarray, ...]:
        """The batch of one of them."""
        return self.batches[self.steps[place]]


def class_weights(targets: np.ndarray, num_classes: int) -> np.ndarray:
    """(K,) weights that give every class the same total, with mean 1 over the images."""
    counts = np.bincount(targets, minlength=num_classes)
    return (len(targets) / (num_classes * np.maximum(counts, 1))).astype(np.float32)


def realised_shares(batches: Batches, targets: np.ndarray, num_classes: int, steps: int) -> list[float]:
    """Class prior that the first `steps` steps really held."""
    seen = np.zeros(num_classes)
    for step in range(steps):
        chosen = batches.indices(*divmod(step, len(batches)))
        seen += np.bincount(targets[chosen], minlength=num_classes)
    return [float(share) for share in seen / seen.sum()]


@lru_cache(maxsize=64)
def _order(seed: int, pool: int, turn: int, size: int) -> Any:
    return np.random.default_rng((seed, 7, pool, turn)).permutation(size)
