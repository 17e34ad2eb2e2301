"""What a run is made of: the frozen specification that is left of a task file and flags, and its digest."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from benchmark.records.record import Tuned
from benchmark.storage.digests import canonical, digest
from benchmark.tasks.schema import Augmentation, Component, Images, Segmentation, Split, Training
from registry.options import Scalar

PLATEAU = ("patience", "decay")  # of schedules until schema 2
SIDES = (16, 2048)  # of `AnySize`, the smallest and the largest
Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a specification; unknown keys are errors."""


class Runtime(_Part, frozen=True):
    """What the numbers depend on besides the specification.

    Attributes:
        threads: None unless bits must repeat.
        precision: Keras's dtype policy of what is trained; weights and logits are float32 under each.
    """

    backend: str = "tensorflow"
    deterministic: bool = False
    threads: int | None = None
    precision: Precision = "float32"


class DatasetChoice(_Part, frozen=True):
    """Which data: a registered dataset at a place, or a part of it.

    Attributes:
        ignore: labels whose images are left out; of a label of several findings, those of which nothing is left.
    """

    name: str
    root: str | None = None
    options: dict[str, Scalar] = {}
    limit: int | None = None
    skip_bad: bool = False
    ignore: list[str] = []


class Setting(_Part, frozen=True, kw_only=True):
    """What every run says, resolved: nothing in it is left to a default elsewhere.

    Attributes:
        fold: which fold is tested on; None pools the out-of-fold predictions of all.
    """

    task: str
    title: str
    metric: str
    classes: dict[str, list[str]]
    positive: str | None
    dataset: DatasetChoice
    images: Images
    split: Split
    resamples: int
    seed: int
    fold: int | None
    runtime: Runtime

    def digest(self, dataset_digest: str) -> str:
        """Of what a reader would call the same run: where the data lie and what the task is called do not count."""
        return digest(canonical(_identity(msgspec.to_builtins(self))), dataset_digest)

    def pipeline_digest(self, dataset_digest: str) -> str:
        """The same without seed and fold, which are aggregated."""
        return digest(canonical(_identity(msgspec.to_builtins(self), {"seed": 0, "fold": 0})), dataset_digest)


class RunSpec(Setting, frozen=True, kw_only=True, tag="pipeline", tag_field="kind"):
    """One pipeline, trained and tested.

    Attributes:
        classical: the head is no network: it learns from stored features.
        features_head: the head that the backbone of a classical head was trained with; None where it was not trained.
        tuned: how its settings were found, which changes nothing in what is computed.
    """

    segmenter: Component
    backbone: Component
    head: Component
    classical: bool = False
    features_head: Component | None = None
    augmentation: Augmentation
    training: Training
    segmentation: Segmentation
    tuned: Tuned | None = None

    @property
    def trained_head(self) -> Component:
        """The head that the backbone learns with."""
        return self.features_head or self.head

    @property
    def trains_network(self) -> bool:
        """Whether anything but a classical head is trained on the classes."""
        return not self.classical or self.features_head is not None


class VoteSpec(Setting, frozen=True, kw_only=True, tag="vote", tag_field="kind"):
    """Several models that vote.

    Attributes:
        members: name -> its model: of the class of that name against all others, or of all classes.
        reference: the one model that answers the same question directly.
    """

    voter: Component
    members: dict[str, RunSpec]
    reference: RunSpec | None = None

    def column(self, member: str) -> int | None:
        """The class that a member knows against the rest; None for one that knows them all."""
        own = self.members[member].classes
        return None if own == self.classes else list(self.classes).index(member)


class ControlsSpec(Setting, frozen=True, kw_only=True, tag="controls", tag_field="kind"):
    """Rules that a pipeline must beat, judged as it is: those of the data, or the one on a segmenter's masks.

    Attributes:
        rule: name of the rule on masks; empty where the rules are of the data alone.
        segmenter, segmentation: who draws the masks, and how it was trained; None where there are none.
    """

    rule: str = ""
    segmenter: Component | None = None
    segmentation: Segmentation | None = None

    def _fixed(self) -> dict[str, Any]:
        """What of it does not count: no backend computes rules of the data."""
        return {} if self.segmenter else {"runtime": None}

    def digest(self, dataset_digest: str) -> str:
        """See `Setting`."""
        return digest(canonical(_identity(msgspec.to_builtins(self), self._fixed())), dataset_digest)

    def pipeline_digest(self, dataset_digest: str) -> str:
        """See `Setting`."""
        fixed = {**self._fixed(), "seed": 0, "fold": 0}
        return digest(canonical(_identity(msgspec.to_builtins(self), fixed)), dataset_digest)


class AnySize(Images, frozen=True):
    """Images as a classifier of elsewhere wants them: no pooling of ours divides their side."""

    def __post_init__(self) -> None:
        if not SIDES[0] <= self.size <= SIDES[1]:
            raise ValueError(f"size is from {SIDES[0]} to {SIDES[1]} pixels, received {self.size}")


class Classifier(_Part, frozen=True):
    """How a whole classifier in a file is asked.

    Attributes:
        range: what pixels 0 to 255 become: ``0..1``, ``-1..1``, ``0..255``, or a mean and a deviation of pixels in
            [0, 1], ``.485,.229``.
        outputs: what it answers, a column for each class in the order of `ImportedSpec.classes`.
        order: class -> its column.
    """

    range: str
    channels: Literal[1, 3]
    outputs: Literal["logits", "probabilities"]
    order: list[str]


class ImportedSpec(Setting, frozen=True, kw_only=True, tag="imported", tag_field="kind"):
    """What another program says of the images, judged as a pipeline is.

    Attributes:
        name: that tables show.
        file, sha256: what was imported, and the digest of its bytes.
        subsets: which images it answers for: ``test``, or ``all`` outside the training subset.
        shares: class shares that its probabilities are taken to refer to.
        classifier: of a file that is a classifier; None of one that holds predictions.
    """

    name: str
    file: str
    sha256: str
    images: AnySize
    subsets: Literal["test", "all"]
    shares: Literal["equal", "training"]
    classifier: Classifier | None = None

    def digest(self, dataset_digest: str) -> str:
        """See `Setting`; where the file lies does not count, nor what networks of ours would compute with."""
        return digest(canonical(_identity(msgspec.to_builtins(self), _OF_FILE)), dataset_digest)

    def pipeline_digest(self, dataset_digest: str) -> str:
        """See `Setting`; another seed is another file."""
        fixed = {**_OF_FILE, "sha256": "", "seed": 0, "fold": 0}
        return digest(canonical(_identity(msgspec.to_builtins(self), fixed)), dataset_digest)


_OF_FILE: dict[str, Any] = {"file": "", "runtime": None}
Spec = RunSpec | VoteSpec | ControlsSpec | ImportedSpec


def with_segmenter_seed(spec: RunSpec) -> RunSpec:
    """The same with the segmenter's seed as a number, where it is that of the training."""
    if spec.segmentation.seed != "training":
        return spec
    return msgspec.structs.replace(spec, segmentation=msgspec.structs.replace(spec.segmentation, seed=spec.seed))


def in_fold(spec: Spec, fold: int | None) -> Spec:
    """The same on another fold, members and reference too; on all folds together with None."""
    if not isinstance(spec, VoteSpec):
        return msgspec.structs.replace(spec, fold=fold)
    return msgspec.structs.replace(
        spec,
        fold=fold,
        members={name: msgspec.structs.replace(member, fold=fold) for name, member in spec.members.items()},
        reference=spec.reference and msgspec.structs.replace(spec.reference, fold=fold),
    )


def run_spec(recorded: Mapping[str, Any]) -> RunSpec:
    """The specification in a record, of any age: how a plateau of the validation loss steered it is left out."""
    fields = dict(recorded)
    for table in ("training", "segmentation"):
        fields[table] = {key: value for key, value in recorded[table].items() if key not in PLATEAU}
    return msgspec.convert(fields, RunSpec)


def target_of(classes: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Label -> target index."""
    return {label: index for index, taken in enumerate(classes.values()) for label in taken}


def _identity(fields: dict[str, Any], fixed: Mapping[str, Any] = {}) -> dict[str, Any]:
    """A specification and those inside it without names, places and how it was found, some values replaced."""
    kept = {key: value for key, value in fields.items() if key not in ("task", "title", "tuned")}
    kept["dataset"] = {
        key: value
        for key, value in fields["dataset"].items()
        if key != "root" and (value or key != "ignore")  # a run that ignores nothing keeps its name from before
    }
    inner = [*fields.get("members", {}).items()]
    if inner:
        kept["members"] = {name: _identity(member, fixed) for name, member in inner}
    if fields.get("reference"):
        kept["reference"] = _identity(fields["reference"], fixed)
    return {**kept, **fixed}
