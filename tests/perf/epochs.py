"""(b) The second and later epochs: batches from the memory map against decoding the files again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from benchmark.data.prepared import Prepared, load
from benchmark.models.batches import Batches
from registry.datasets.folder import folder
from tests.perf.films import draw, write
from tests.perf.preparation import prepared
from tests.perf.timing import Line, interleaved, ratio, seconds

COUNT = 600
FILES = (("jpg", 224, 224), ("png", 299, 256))  # kind and pixels of the files, pixels of what is prepared from them
BATCH = 32
REPEATS = 7


def measure(place: Path, told: Callable[[str], None]) -> list[Line]:
    """Batches a second without training."""
    films = draw(COUNT, told)
    lines = []
    for kind, pixels, size in FILES:
        root, out = place / kind, place / f"{kind}-prepared"
        write(films, root, size=pixels, suffix=f".{kind}")
        out.mkdir()
        prepared(folder(root).samples(), out, size)
        lines += _lines(root, load(out), told)
    return lines


def _lines(root: Path, images: Prepared, told: Callable[[str], None]) -> list[Line]:
    batches = _batches(images)
    decoded = keras.utils.image_dataset_from_directory(
        root, color_mode="grayscale", image_size=(images.size, images.size), batch_size=BATCH, verbose=False
    )
    _epoch(batches)
    _pass(decoded)  # the first epoch, which fills the system's cache of files

    def ours() -> float:
        return len(batches) / seconds(lambda: _epoch(batches))

    def theirs() -> float:
        return len(decoded) / seconds(lambda: _pass(decoded))

    what = f"epoch 2 and later of {root.name.upper()} files at {images.size} pixels"
    note = (
        "theirs: the `tf.data` iterator of `keras.utils.image_dataset_from_directory`; ours: each batch that "
        "`fit` is fed with, on one core, and made a tensor; the thread that draws ahead is left out"
    )
    return [ratio("b", what, "batches/s", interleaved(REPEATS, ours, theirs, told), ">=", 10.0, note)]


def _batches(images: Prepared) -> Batches:
    names = sorted(set(images.labels.tolist()))
    targets = np.array([names.index(label) for label in images.labels])
    return Batches(
        targets,
        lambda generator, chosen: (images.images[chosen][..., None], targets[chosen]),
        batch_size=BATCH,
        balance="batches",
        num_classes=len(names),
        seed=0,
    )


def _epoch(batches: Batches) -> None:
    """The next one, as tensors of the backend."""
    batches.epoch += 1
    for step in range(len(batches)):
        for array in batches[step]:
            keras.ops.convert_to_tensor(array)


def _pass(stream: Any) -> None:
    for _ in stream:
        pass
