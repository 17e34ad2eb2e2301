"""(a) The stage that trains, with all it does, against a bare Keras script of the same model, data and epochs."""

import itertools
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from benchmark.config import RunSpec
from benchmark.images import load
from benchmark.stages import fit
from tests.perf import stages
from tests.perf.timing import Line, interleaved, ratio, seconds

COUNT = 600
EPOCHS = 5
REPEATS = 3


def measure(place: Path, told: Callable[[str], None]) -> list[Line]:
    """Seconds after import; the first pair is thrown away, as whoever comes first pays for what is loaded lazily."""
    run = stages.run_spec(segmenter="none", epochs=EPOCHS, seed=0)
    told(f"drawing {COUNT} films")
    artefacts = stages.data(place, run, COUNT)
    number = itertools.count()

    def ours() -> float:
        context, folder = stages.surroundings(place / f"ours-{next(number)}", run, artefacts)
        return seconds(lambda: fit.build(context, folder))

    def theirs() -> float:
        folder = place / f"theirs-{next(number)}"
        folder.mkdir()
        return seconds(lambda: script(run, artefacts, folder))

    interleaved(1, ours, theirs, lambda text: told(f"thrown away: {text}"))
    pairs = interleaved(REPEATS, ours, theirs, told)
    note = (
        f"sepcnn + dense, {stages.SIZE} pixels, {EPOCHS} epochs; theirs: `Model.fit` on arrays in memory with "
        "`validation_data` and `ModelCheckpoint` of the weights every epoch, the same augmentation layers"
    )
    return [ratio("a", "a training, all that the stage does", "s", pairs, "<=", 1.02, note)]


def script(run: RunSpec, artefacts: dict[str, Path], folder: Path) -> None:
    """What one writes without a framework."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    prepared = load(artefacts["prepare"])
    parts = np.load(artefacts["split"] / "parts.npy")
    targets = (prepared.labels == "COVID").astype(np.int64)
    train, select = (np.flatnonzero(parts == part) for part in ("train", "select"))
    context, _ = stages.surroundings(folder / "unused", run, artefacts)
    network, _, _ = fit.assemble(context, stages.SIZE)
    network.compile(
        optimizer=keras.optimizers.Adam(run.training.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    network.fit(
        prepared.images[train][..., None],
        targets[train],
        batch_size=run.training.batch_size,
        epochs=run.training.epochs,
        validation_data=(prepared.images[select][..., None], targets[select]),
        callbacks=[keras.callbacks.ModelCheckpoint(folder / "epoch-{epoch:02d}.weights.h5", save_weights_only=True)],
        verbose=0,
    )
    network.save(folder / "model.keras")
