"""The tables of a task file, checked when they are read; unknown keys are errors."""

import itertools
import math
from typing import Annotated, Literal

import msgspec

from benchmark.records.record import Tuned
from registry.options import Scalar

Seed = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of a task file; unknown keys are errors."""


class Component(_Table, frozen=True):
    """A component and the options it was given; after resolution, every option it has."""

    name: str
    options: dict[str, Scalar] = {}

    def __str__(self) -> str:
        if not self.options:
            return self.name
        return f"{self.name}[{','.join(f'{name}={plain(value)}' for name, value in self.options.items())}]"


class Images(_Table, frozen=True):
    """`size` in pixels; `mask` is how a lung mask is applied; `lungs` equalises inside it.

    `fit` is how an image that is not square becomes so: black bars, another aspect ratio, or its middle alone.
    `inverted_masks` says that the dataset's lung masks are white outside the lungs.
    """

    size: int = 256
    equalise: Literal["histogram", "clahe", "lungs", "none"] = "histogram"
    mask: Literal["multiply", "crop", "mean-fill"] = "multiply"
    fit: Literal["pad", "stretch", "crop"] = "pad"
    inverted_masks: bool = False

    def __post_init__(self) -> None:
        if self.size % 16 or not 32 <= self.size <= 2048:
            raise ValueError(f"size is a multiple of 16 from 32 to 2048 pixels, received {self.size}")


class Augmentation(_Table, frozen=True):
    """`rotation` is a fraction of a full turn either way (0.1 = 36 degrees), for `rotated` of the images.

    `anatomical` flips left and right only; `both` adds the vertical flip of the founding study.
    """

    flips: Literal["both", "anatomical", "none"] = "both"
    rotation: float = 0.1
    rotated: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.rotation <= 0.5 or not 0 <= self.rotated <= 1:
            raise ValueError(
                "needs rotation in [0, 0.5] of a turn and rotated in [0, 1] of the images, "
                f"received {self.rotation:g} and {self.rotated:g}"
            )


class Schedule(_Table, frozen=True):
    """How long and how fast a network trains: linear warm-up, half a cosine to 0, the last weights.

    Attributes:
        epochs: each sees as many images as the training subset holds.
        minimum_steps: where the epochs hold fewer steps, there are more epochs.
        exact_epochs: no more epochs than `epochs`, however few steps they hold.
        learning_rate: the highest, after the warm-up.
        validation_share: of the training's time that may go into validating it; at least once, at the end.
    """

    epochs: int = 15
    minimum_steps: int = 300
    exact_epochs: bool = False
    batch_size: int = 32
    learning_rate: float = 3e-3
    validation_share: float = 0.05

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 2), ("minimum_steps", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {least} or more, received {getattr(self, name)}")
        for name, below in (("learning_rate", 10), ("validation_share", 1)):
            if not 0 < getattr(self, name) < below:
                raise ValueError(f"{name} lies between 0 and {below}, received {getattr(self, name):g}")


class Training(Schedule, frozen=True):
    """Of the classifier.

    Attributes:
        labels: ``shuffled`` permutes those of the images that anything learns from: a control that must find nothing.
            Within each subset: what is trained on, what a classical head stops early on (the validation loss of a
            network decides nothing, and stays that of the true labels), what is calibrated and voted on; never test.
            One shuffle is no test: AUROCs over shuffles scatter 1.3 to 1.6 times as far as the images explain.
    """

    balance: Literal["batches", "weights", "none"] = "batches"
    labels: Literal["true", "shuffled"] = "true"


class Segmentation(Schedule, frozen=True):
    """Of the segmenter.

    Attributes:
        seed: its own, so that all trainings share one; ``training``: that of the training, which has its own segmenter.
    """

    seed: Seed | Literal["training"] = 0


class Features(_Table, frozen=True):
    """What a head that is no network reads: pooled features of the backbone.

    Attributes:
        head: the head that the backbone is trained with first; ``none`` takes the backbone as its weights are.
    """

    head: str = "dense"


class Split(_Table, frozen=True):
    """Shares of the images; `image-level` ignores patients and duplicates, as the founding study did.

    Attributes:
        folds: 1 is a single hold-out; with more, each fold is the test subset once, and the rest is divided between
            training and validation in the proportion of their shares.
        copies: whether crops and re-encodings of one radiograph are searched and kept together (``search``), or only
            images that are identical pixel for pixel (``identical``).
        parts: ``own`` divides anew and ignores the parts in which the dataset comes; ``given`` keeps its test part.
        leaks: what becomes of patients or copies that given parts have in training and in test: ``refuse`` stops,
            ``drop`` leaves the training image out, ``keep`` takes the parts as they were published.
        contradictions: whether films that stand under several labels are kept together (``keep``) or left out.
    """

    train: float = 0.8
    validation: float = 0.1
    test: float = 0.1
    seed: Seed = 0
    grouping: Literal["group", "image-level"] = "group"
    folds: int = 1
    copies: Literal["search", "identical"] = "search"
    parts: Literal["own", "given"] = "own"
    leaks: Literal["refuse", "drop", "keep"] = "refuse"
    contradictions: Literal["keep", "drop"] = "keep"

    @property
    def fewest_groups(self) -> int:
        """How many groups a label needs to be in every subset of every fold: one in test, three beside it.

        Four for a single hold-out; of g groups the fullest of k folds tests at least g / k, and must leave three.
        """
        if self.folds == 1:
            return 4
        return next(n for n in itertools.count(self.folds) if n - math.ceil(n / self.folds) >= 3)

    def __post_init__(self) -> None:
        if self.folds > 1 and self.parts == "given":
            raise ValueError('has folds, which test every image once, but parts = "given" tests those of one part only')
        if not 1 <= self.folds <= 20:
            raise ValueError(f"needs folds from 2 to 20, or 1 for a single hold-out, received {self.folds}")
        shares = (self.train, self.validation, self.test)
        if not all(share > 0 for share in shares) or abs(sum(shares) - 1) > 1e-9:  # NaN is not > 0
            raise ValueError(f"needs train, validation and test above 0 that sum to 1, received {shares}")


class Span(_Table, frozen=True):
    """What of a setting is searched: numbers from `low` to `high`, or `choices`; the rest is as it was declared."""

    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool | None = None
    choices: list[bool | int | float | str] = []


class Tuning(_Table, frozen=True):
    """How settings are searched.

    Attributes:
        trials: at most, that of the default settings included.
        searched: tables and components whose settings are searched.
        space: setting (``training.learning_rate``, ``head.dropout``) -> the part of its range that is searched, or the
            value at which it stays.
    """

    tuner: Literal["hyperband", "bayesian", "random", "grid"] = "hyperband"
    trials: int = 30
    searched: list[Literal["segmenter", "backbone", "head", "training", "augmentation", "images"]] = []
    space: dict[str, Span | bool | int | float | str] = {}

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise ValueError(f"needs trials >= 1, received {self.trials}")


class PipelineFile(_Table, frozen=True):
    """One pipeline of a task file, components as ``name[option=value]``."""

    segmenter: str
    backbone: str
    head: str


class Task(_Table, frozen=True):
    """A task file with the defaults merged in.

    Attributes:
        classes: class -> the dataset's labels it takes (``*`` = every other label), or the word ``labels``.
        scheme: ``one-vs-all`` trains one model per class against all others, and voters join them.
        voters: how models are joined: those of one pipeline's classes, or with ``direct`` all pipelines.
        positive: the class that sensitivity is of (two classes).
        options: kind -> options for every selected component of that kind that has them.
        reader: the dataset, with its options, that reads the folder that ``--data`` names; None recognises it.
        ignore: labels whose images are left out; ``*`` is every label that no class takes.
        overridden: settings of ``[training]`` that something above the defaults gives; no file says it.
        tuned: how the settings were found; a file that says it says every setting, so no `[quick]` is laid over it.
    """

    title: str
    metric: str
    classes: dict[str, list[str]] | Literal["labels"]
    pipelines: list[PipelineFile] = []
    scheme: Literal["direct", "one-vs-all"] = "direct"
    voters: list[str] = []
    ignore: list[str] = []
    positive: str | None = None
    dataset: str = "phantom"
    reader: str | None = None
    options: dict[Literal["segmenter", "backbone", "head", "voter"], dict[str, Scalar]] = {}
    images: Images = Images()
    augmentation: Augmentation = Augmentation()
    training: Training = Training()
    segmentation: Segmentation = Segmentation()
    features: Features = Features()
    split: Split = Split()
    tuning: Tuning = Tuning()
    overridden: list[str] = []
    tuned: Tuned | None = None
    resamples: int = 2000


def plain(value: Scalar) -> str:
    """A value as it is written behind ``option=``."""
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
