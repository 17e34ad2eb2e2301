"""(a) The stage that trains, with all it does, against a bare Keras script of the same model, data and epochs."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from benchmark.data.prepared import load
from benchmark.models.classifier import assemble
from benchmark.stages import fit
from benchmark.tasks.spec import RunSpec
from tests.perf import stages
from tests.perf.apart import apart, warm_up
from tests.perf.timing import Line, interleaved, ratio, seconds

COUNT = 600
EPOCHS = 5
REPEATS = 3


def measure(place: Path, told: Callable[[str], None]) -> list[Line]:
    """Seconds after import, each training in a process of its own: ours as a worker, theirs as any program."""
    run = stages.run_spec(segmenter="none", epochs=EPOCHS, seed=0)
    told(f"drawing {COUNT} films")
    artefacts = stages.data(place, run, COUNT)
    ours: list[float] = []
    beside: list[float] = []

    def stage() -> float:
        ours.append(apart(True, staged, place / f"ours-{len(ours)}", run, artefacts))
        return ours[-1]

    def bare() -> float:
        number = len(beside)
        beside.append(apart(True, script, place / f"beside-{number}", run, artefacts))
        return apart(False, script, place / f"theirs-{number}", run, artefacts)

    pairs = interleaved(REPEATS, stage, bare, told)
    note = (
        f"sepcnn + dense, {stages.SIZE} pixels, {EPOCHS} epochs; theirs: `Model.fit` on arrays in memory with "
        "`validation_data` and `ModelCheckpoint` of the weights every epoch, the same augmentation layers"
    )
    alike = list(zip(ours, beside, strict=True))
    return [
        ratio("a", "a training, all that the stage does", "s", pairs, "<=", 1.02, note),
        ratio("a", "for comparison: their script, memory as ours", "s", alike, "<=", None),
    ]


def staged(place: Path, run: RunSpec, artefacts: dict[str, Path]) -> float:
    """Seconds of the stage, as a worker builds it."""
    warm_up(place)
    context, folder = stages.surroundings(place, run, artefacts)
    return seconds(lambda: fit.build(context, folder))


def script(place: Path, run: RunSpec, artefacts: dict[str, Path]) -> float:
    """Seconds of what one writes without a framework."""
    warm_up(place)
    return seconds(lambda: _script(place, run, artefacts))


def _script(folder: Path, run: RunSpec, artefacts: dict[str, Path]) -> None:
    keras.utils.set_random_seed(0)
    prepared = load(artefacts["prepare"])
    subsets = np.load(artefacts["split"] / "subsets.npy")
    targets = (prepared.labels == "COVID").astype(np.int64)
    train, validation = (np.flatnonzero(subsets == subset) for subset in ("train", "validation"))
    network = assemble(run).network
    network.compile(
        optimizer=keras.optimizers.Adam(run.training.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    network.fit(
        prepared.images[train][..., None],
        targets[train],
        batch_size=run.training.batch_size,
        epochs=run.training.epochs,
        validation_data=(prepared.images[validation][..., None], targets[validation]),
        callbacks=[keras.callbacks.ModelCheckpoint(folder / "epoch-{epoch:02d}.weights.h5", save_weights_only=True)],
        verbose=0,
    )
    network.save(folder / "model.keras")
