"""Stages of the real pipeline run by hand in a folder, on drawn films."""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from benchmark.data.prepare import prepare
from benchmark.stages import split
from benchmark.stages.context import Context
from benchmark.tasks.schema import Component, Images, Segmentation, Split, Training
from benchmark.tasks.spec import RunSpec
from registry.datasets.phantom.catalogue import phantom
from tests.specs import spec

SIZE = 64


def run_spec(*, segmenter: str, epochs: int, seed: int) -> RunSpec:
    """COVID against the rest, with the smallest network of the founding study at its defaults."""
    return spec(
        classes={"rest": ["Normal", "Lung_Opacity", "Viral Pneumonia"], "COVID": ["COVID"]},
        segmenter=Component(segmenter),
        backbone=Component("sepcnn"),
        head=Component("dense"),
        images=Images(size=SIZE),
        training=Training(epochs=epochs, exact_epochs=True),
        segmentation=Segmentation(epochs=4, exact_epochs=True),
        split=Split(train=0.6, validation=0.15, test=0.25),
        seed=seed,
    )


def data(place: Path, run: RunSpec, count: int, size: int = SIZE) -> dict[str, Path]:
    """Artefacts of preparation and split."""
    folder = place / "prepare"
    folder.mkdir(parents=True)
    samples = list(phantom(count=count, size=size).samples())
    prepare(samples, folder, size=size, equalise="histogram", skip_bad=False, workers=1, progress=lambda *_: None)
    return build(place, run, {"prepare": folder}, {"split": split})


def build(
    place: Path, run: RunSpec, artefacts: Mapping[str, Path], stages: Mapping[str, ModuleType]
) -> dict[str, Path]:
    """The artefacts and those of some more stages."""
    found = dict(artefacts)
    for name, module in stages.items():
        context, folder = surroundings(place / name, run, found)
        module.build(context, folder)
        found[name] = folder
    return found


def surroundings(place: Path, run: RunSpec, artefacts: Mapping[str, Path]) -> tuple[Context, Path]:
    """What a stage is given, and an empty folder for its artefact."""
    folder, partial_folder = place / "artefact", place / "partial"
    for path in (folder, partial_folder):
        path.mkdir(parents=True)
    return Context(run, artefacts, partial_folder, lambda told: None), folder
