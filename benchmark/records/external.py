"""A run on images of elsewhere: its `external.json`, under the same seal as a run's record and in no table of its own.

It is a file of another name than a run's record, so that no table mixes what was measured on a run's own test with
what was measured on images of another dataset.
"""

from pathlib import Path
from typing import Literal

import msgspec

from benchmark.records.calibration import CalibrationInfo
from benchmark.records.contents import FileEntry
from benchmark.records.estimate import Estimate
from benchmark.records.plausible import external_fault
from benchmark.records.record import DatasetInfo
from benchmark.storage.files import Broken, load, put
from registry.errors import StorageError

SCHEMA = 1
FILE = "external.json"
FOLDER = "external"  # below the results
ORDINARY, MASKS = "classes", "masks"
TRAIT = "trait:"  # before the names of columns of ``predictions.npz`` that hold source and traits


class Shared(msgspec.Struct, frozen=True, omit_defaults=True):
    """Films of the external dataset that the run learnt from.

    Attributes:
        checked: whether anybody looked.
        how: what was searched, or why nothing was.
        pairs: external film -> one that the run learnt from; those were left out.
    """

    checked: bool
    how: str
    pairs: dict[str, str] = {}


class Subgroup(msgspec.Struct, frozen=True, omit_defaults=True):
    """The images of one source, or of one value of a trait.

    Attributes:
        counts: class -> images.
        metrics: the task's metric, and the share of each class that is recognised.
    """

    trait: str
    value: str
    n: int
    groups: int
    counts: dict[str, int]
    metrics: dict[str, Estimate]


class SubgroupDifference(msgspec.Struct, frozen=True):
    """Two subgroups that differ in a metric, by the simultaneous interval of all their differences."""

    trait: str
    metric: str
    first: str
    second: str
    difference: Estimate


class Recalibration(msgspec.Struct, frozen=True, omit_defaults=True):
    """What local images changed.

    Attributes:
        images, groups: that it was fitted on.
        counts: class -> images among them.
        metrics: on the images that it was not fitted on.
        drop: metric -> these less the run's own test.
    """

    images: int
    groups: int
    counts: dict[str, int]
    calibration: CalibrationInfo
    metrics: dict[str, Estimate]
    drop: dict[str, Estimate] = {}


class External(msgspec.Struct, frozen=True, omit_defaults=True):
    """One run on one external dataset.

    Attributes:
        kind: ``masks`` of a segmenter alone, whose numbers are all in `masks`.
        name: of its folder.
        run, record: name and seal of the run's own record.
        labels: class -> the labels that the task's own dataset has for it.
        mapping: label of the external dataset -> class.
        left_out: label -> images that are of no class.
        counts: class -> images that were judged, those of the recalibration not among them.
        test: digest of the images that were judged, see `contents.images_digest`.
        calibration: carried over from the run.
        drop: metric -> external less the run's own test; 95 % over the images of both, of these trainings.
        internal: what the run's own record says of the same metrics.
        subgroups: by source and traits, none left out for being small.
        differences: of those the ones that are told apart, of `tested` pairs at once.
        needed: ``sensitivity``, ``specificity`` or ``recall/CLASS`` -> local images of that class for ± 3 points.
        masks: agreement of predicted masks with the external dataset's.
        trainings: keys of the classifier trainings that the run stands on.
        segmenter: of ``masks``, digest of the trained segmenter; empty where none was trained, None in records that do
            not say.
        resamples: of every bootstrap; 0 in records that do not say.
        scoring: module that scored -> digest of its code; empty in records that do not say.
        key: digest of run, images, classes, code.
    """

    schema: int
    kind: Literal["classes", "masks"]
    name: str
    run: str
    record: str
    task: str
    pipeline: str
    pipeline_digest: str
    seed: int
    fold: int | None
    dataset: DatasetInfo
    key: str
    n: int
    groups: int
    shared: Shared
    metric: str = ""
    classes: list[str] = []
    positive: str | None = None
    labels: dict[str, list[str]] = {}
    mapping: dict[str, str] = {}
    left_out: dict[str, int] = {}
    counts: dict[str, int] = {}
    test: str = ""
    metrics: dict[str, Estimate] = {}
    confusion: list[list[int]] = []
    calibration: CalibrationInfo = CalibrationInfo()
    drop: dict[str, Estimate] = {}
    internal: dict[str, Estimate] = {}
    subgroups: list[Subgroup] = []
    differences: list[SubgroupDifference] = []
    tested: int = 0
    recalibration: Recalibration | None = None
    needed: dict[str, int] = {}
    masks: dict[str, Estimate] = {}
    trainings: list[str] = []
    segmenter: str | None = None
    resamples: int = 0
    scoring: dict[str, str] = {}
    notes: list[str] = []
    environment: dict[str, str] = {}
    created: str = ""
    files: dict[str, FileEntry] = {}
    seal: str = ""


class ExternalTask(msgspec.Struct, frozen=True):
    """What a run is asked on images of elsewhere.

    Attributes:
        run: folder of the run; `seal` of the record that it held when this was asked.
        members: of a vote, name -> folder of the member's run.
        folder: where the evaluation goes.
        kind, dataset, mapping, key: as in `External`.
        recalibrate: on so many local images; 0 for none.
        unchecked: why nobody can look for films that the run learnt from; empty where somebody can.
        scoring: as in `External`.
    """

    run: str
    seal: str
    folder: str
    kind: Literal["classes", "masks"]
    dataset: DatasetInfo
    mapping: dict[str, str]
    key: str
    members: dict[str, str] = {}
    recalibrate: int = 0
    unchecked: str = ""
    scoring: dict[str, str] = {}


def write(external: External, folder: Path) -> Path:
    """Seal an evaluation and put it into a folder; gives its file.

    Raises:
        StorageError: the folder cannot be written.
    """
    path = folder / FILE
    try:
        put(external, path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written ({error.strerror}); choose another folder with -o") from error
    return path


def read(path: Path, *, verified: bool = True) -> External | Broken:
    """The evaluation in a file, or why it cannot be used."""
    return load(str(path), _DECODER, "an external evaluation", SCHEMA, verified, contradiction=external_fault)


_DECODER = msgspec.json.Decoder(External)
