"""Specifications for tests: what a task and flags would have resolved to."""

import msgspec

from benchmark.records.summary import DatasetSummary
from benchmark.storage.code import CodeIndex
from benchmark.storage.imports import Sources
from benchmark.tasks.schema import Augmentation, Component, Images, Segmentation, Split, Training
from benchmark.tasks.spec import DatasetChoice, RunSpec, Runtime, VoteSpec

SOURCES = Sources()
USUAL = {  # options of these components at their defaults
    "unet": {"filters": 8, "dropout": 0.0},
    "sepcnn": {"filters": 16, "kernel_size": 3},
    "dense": {"units": 224, "dropout": 0.2},
}


def index():
    """A fresh index of code and files, as each command makes it; what was parsed once is known to all tests."""
    found = CodeIndex()
    found.sources = SOURCES
    return found


def spec(**changes):
    """A run of three components on synthetic images; any field can be given."""
    return msgspec.structs.replace(
        RunSpec(
            task="binary",
            title="a title",
            metric="balanced-accuracy",
            classes={"rest": ["Normal", "Lung_Opacity"], "COVID": ["COVID"]},
            positive="COVID",
            dataset=DatasetChoice("phantom", None, {"count": 96}),
            segmenter=Component("unet", USUAL["unet"]),
            backbone=Component("sepcnn", USUAL["sepcnn"]),
            head=Component("dense", USUAL["dense"]),
            images=Images(),
            augmentation=Augmentation(),
            training=Training(),
            segmentation=Segmentation(),
            split=Split(),
            resamples=2000,
            seed=0,
            fold=0,
            runtime=Runtime(),
        ),
        **changes,
    )


def vote(**changes):
    """A soft vote of two pipelines; any field can be given."""
    one = spec()
    shared = {name: getattr(one, name) for name in VoteSpec.__struct_fields__ if hasattr(one, name)}
    members = {"dense": one, "sepconv": spec(head=Component("sepconv"))}
    return VoteSpec(**{**shared, "voter": Component("soft"), "members": members, **changes})


def summary(**changes):
    """The summary of 96 synthetic images."""
    made = DatasetSummary(
        name="phantom",
        options={"count": 96},
        digest="d" * 64,
        labels=["COVID", "Lung_Opacity", "Normal"],
        counts={},
        sources={},
        notices=[],
        licence="",
        origin="",
        images=96,
        masks_leak=None,
    )
    return msgspec.structs.replace(made, **changes)
