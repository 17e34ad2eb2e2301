"""(b) The second and later epochs: batches from the memory map against decoding the files again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras.src.trainers.data_adapters.py_dataset_adapter import PyDatasetAdapter

from benchmark.batches import Batches
from benchmark.images import Prepared, load
from registry.datasets.folder import folder
from tests.perf.films import draw, write
from tests.perf.preparation import SETTINGS, prepared
from tests.perf.timing import Line, interleaved, ratio, seconds

COUNT = 600
BATCH = 32
REPEATS = 7


def measure(place: Path, told: Callable[[str], None]) -> list[Line]:
    """Batches a second without training, as `fit` is given them."""
    films = draw(COUNT, told)
    lines = []
    for suffix, (pixels, size) in SETTINGS.items():
        root, out = place / suffix[1:], place / f"{suffix[1:]}-prepared"
        write(films, root, size=pixels, suffix=suffix)
        out.mkdir()
        prepared(folder(root).samples(), out, size)
        lines += _lines(root, load(out), told)
    return lines


def _lines(root: Path, images: Prepared, told: Callable[[str], None]) -> list[Line]:
    batches = _batches(images)
    decoded = keras.utils.image_dataset_from_directory(
        root, color_mode="grayscale", image_size=(images.size, images.size), batch_size=BATCH, verbose=False
    )
    fed = Fed(batches)
    fed.epoch()
    _pass(decoded)  # the first epoch, which fills the system's cache of files

    def ours() -> float:
        return len(batches) / seconds(fed.epoch)

    def bare() -> float:
        return len(batches) / seconds(lambda: [batches[step] for step in range(len(batches))])

    def theirs() -> float:
        return len(decoded) / seconds(lambda: _pass(decoded))

    what = f"epoch 2 and later of {root.name.upper()} files at {images.size} pixels"
    note = (
        "theirs: `keras.utils.image_dataset_from_directory`; ours through the same Keras adapter as in `fit`, and "
        "without it"
    )
    return [
        ratio("b", what, "batches/s", interleaved(REPEATS, ours, theirs, told), ">=", 10.0, note),
        ratio(
            "b", f"{what}, without Keras's adapter", "batches/s", interleaved(REPEATS, bare, theirs, told), ">=", None
        ),
    ]


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


class Fed:
    """What `fit` makes of batches once, on the backend that is in use, and reads anew every epoch."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches
        self.adapter = PyDatasetAdapter(batches, shuffle=False)
        on_tensorflow = keras.backend.backend() == "tensorflow"
        self.stream: Any = self.adapter.get_tf_dataset() if on_tensorflow else None

    def epoch(self) -> None:
        """The next one."""
        self.batches.epoch += 1
        self.adapter.on_epoch_begin()
        _pass(self.adapter.get_numpy_iterator() if self.stream is None else self.stream)
        self.adapter.on_epoch_end()


def _pass(stream: Any) -> None:
    for _ in stream:
        pass
