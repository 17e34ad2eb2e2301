"""(d) Training on stored masks against masking inside the training graph, a frozen U-Net in every step."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from benchmark.data.targets import class_targets
from benchmark.models.batches import Batches, class_weights
from benchmark.models.classifier import assemble
from benchmark.models.inference import outputs
from benchmark.models.runtime import reset_keras
from benchmark.models.training import train
from benchmark.stages import inputs, masks, segmenter
from benchmark.stages.context import Context
from benchmark.stages.reading import Reader
from benchmark.tasks.spec import RunSpec
from registry.networks.saved import load_network
from tests.perf import stages
from tests.perf.apart import apart, warm_up
from tests.perf.timing import Line, absolute, interleaved, ratio

COUNT = 1000
EPOCHS = 10  # fewer leave networks that have not settled, and their accuracy says nothing
REPEATS = 2
AGREES = 0.03  # accuracy: some 300 test images tell no smaller difference


class Trained(NamedTuple):
    """Images a second after the first epoch, and accuracy on the test part."""

    rate: float
    accuracy: float


def measure(place: Path, told: Callable[[str], None]) -> list[Line]:
    """Images a second, and accuracy, of pairs of trainings that differ in their seed."""
    run = stages.run_spec(segmenter="unet", epochs=EPOCHS, seed=0)
    told(f"drawing {COUNT} films, training a U-Net on their masks")
    artefacts = stages.data(place, run, COUNT)
    artefacts = stages.build(place, run, artefacts, {"segmenter": segmenter, "masks": masks, "inputs": inputs})
    raw = {name: path for name, path in artefacts.items() if name != "inputs"}
    ours: list[Trained] = []
    theirs: list[Trained] = []
    beside: list[Trained] = []

    def stored() -> float:
        ours.append(apart(True, trained, place / f"stored-{len(ours)}", len(ours), artefacts, _network))
        return ours[-1].rate

    def in_graph() -> float:
        seed = len(theirs)
        beside.append(apart(True, trained, place / f"beside-{seed}", seed, raw, _masking_network))
        theirs.append(apart(False, trained, place / f"graph-{seed}", seed, raw, _masking_network))
        return theirs[-1].rate

    pairs = interleaved(REPEATS, stored, in_graph, told)
    alike = [(one.rate, two.rate) for one, two in zip(ours, beside, strict=True)]
    gaps = [two.accuracy - one.accuracy for one, two in zip(ours, theirs, strict=True)]
    note = (
        f"sepcnn + dense behind a U-Net, {stages.SIZE} pixels, at most {EPOCHS} epochs, the first not counted; ours "
        f"with the memory settings of our workers; accuracy on test: {_accuracies(ours)} on stored masks, "
        f"{_accuracies(theirs)} masked in the graph"
    )
    return [
        ratio("d", "training on stored masks", "images/s", pairs, ">=", 3.0, note),
        ratio("d", "for comparison: masked in the graph, memory as ours", "images/s", alike, ">=", None),
        absolute("d", "accuracy on test that stored masks lose", "", gaps, AGREES),
    ]


def _accuracies(found: list[Trained]) -> str:
    return ", ".join(f"{one.accuracy:.3f}" for one in found)


def trained(place: Path, seed: int, artefacts: dict[str, Path], build: Callable[[Context], keras.Model]) -> Trained:
    """A training of the network that `build` gives, with its last weights."""
    run = stages.run_spec(segmenter="unet", epochs=EPOCHS, seed=seed)
    warm_up(place)
    context, _ = stages.surroundings(place, run, artefacts)
    reset_keras(seed, run.runtime)
    reader = Reader(context)
    images, targets = reader.views, class_targets(reader.prepared.labels, run.classes)
    rows = {subset: reader.rows(subset) for subset in ("train", "validation", "test")}
    network = build(context)
    learnt, asked = targets[rows["train"]], targets[rows["validation"]]
    batches = Batches(
        learnt,
        lambda generator, chosen: (images[rows["train"][chosen]][..., None], learnt[chosen]),
        batch_size=run.training.batch_size,
        balance=run.training.balance,
        num_classes=2,
        seed=seed,
    )
    history = train(
        network,
        batches,
        (images[rows["validation"]][..., None], asked, class_weights(asked, 2)[asked]),
        run.training,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        seed=seed,
        folder=context.partial,
        progress=context.progress,
    )
    predicted = outputs(network, images[rows["test"]][..., None], 64).argmax(axis=1)
    return Trained(_rate(run, len(batches), history), float(np.mean(predicted == targets[rows["test"]])))


def _rate(run: RunSpec, steps: int, history: list[dict[str, float]]) -> float:
    """Images a second of the epochs after the first, which compiles."""
    elapsed = sum(epoch["duration_s"] for epoch in history[1:])
    return (len(history) - 1) * steps * run.training.batch_size / elapsed


def _network(context: Context) -> keras.Model:
    return assemble(context.spec).network


def _masking_network(context: Context) -> keras.Model:
    """The same layers behind a frozen U-Net that masks the images first."""
    lungs = load_network(context.artefacts["segmenter"] / "model.keras", "segmenter", context.spec.segmenter.name)
    lungs.trainable = False
    rescaling, *others = assemble(context.spec).network.layers[1:]
    images = keras.Input((stages.SIZE, stages.SIZE, 1), dtype="uint8")
    unit = rescaling(images)
    tensor = unit * keras.ops.cast(lungs(unit, training=False) > 0.5, "float32")
    for layer in others:
        tensor = layer(tensor)
    return keras.Model(images, tensor)
