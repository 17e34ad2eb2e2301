"""What finished runs say of prepared images that are none of theirs: pipelines, segmenters alone, votes."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from benchmark.data.prepared import Prepared
from benchmark.evaluation.masks import implausible, mask_agreement
from benchmark.evaluation.stored import Stored, read_stored
from benchmark.evaluation.voting import FLOOR, member_probabilities, vote
from benchmark.models.pipeline import load_segmenter
from benchmark.models.run_folder import checked_files, load_run
from benchmark.models.runtime import reset_keras
from benchmark.models.segmentation import Segmentation
from benchmark.records.files import FILE, PREDICTIONS, verify
from benchmark.records.record import Record
from benchmark.tasks.spec import RunSpec, VoteSpec, run_spec
from registry.errors import DataError
from registry.lookup import find, load

CHUNK = 256
SAME = 1e-3  # by which a vote's logits may differ from those that it stored: one who votes may be of another version
Tell = Callable[..., None]  # what is done, and where it is known how much of how much


class Said(NamedTuple):
    """Of n images.

    Attributes:
        logits: (n, K) as classifier or vote give them; of a segmenter alone (n, 0).
        corrected_logits: (n, K) calibrated, at equal class priors; of a vote and a segmenter (n, 0).
        agreement: of the masks with those of the dataset, where there are some: see `mask_agreement`.
        implausible: (n,) masks that are no two lungs; None without masks.
    """

    logits: np.ndarray
    corrected_logits: np.ndarray
    agreement: dict[str, np.ndarray]
    implausible: np.ndarray | None


def of_run(folder: Path, prepared: Prepared, rows: np.ndarray, tell: Tell) -> Said:
    """What the pipeline in a run's folder says of these rows of prepared images.

    Raises:
        DataError: its masks are those of the dataset, and an image has none.
    """
    spec = _started(folder)
    pipeline = load_run(folder)
    from_dataset = _from_dataset(pipeline.segmentation, prepared, rows)
    logits, corrected, masked = [], [], _Masked(prepared)
    for chunk in _chunks(rows, tell, spec):
        given = prepared.masks(chunk) if from_dataset else None
        found = pipeline.answers(prepared.images[chunk], given, prepared.frames_of(chunk))
        logits.append(found.logits)
        corrected.append(found.corrected_logits)
        if found.masks is not None:
            masked.add(chunk, found.masks)
    return Said(np.concatenate(logits), np.concatenate(corrected), *masked.found())


def of_segmenter(folder: Path, prepared: Prepared, rows: np.ndarray, tell: Tell) -> Said:
    """What the segmenter of a run draws on these rows.

    Raises:
        DataError: the run keeps the whole frame, or takes its masks from its dataset.
    """
    spec = _started(folder)
    record = verify(folder / FILE)
    segmentation = load_segmenter(checked_files(record, folder), spec)
    if segmentation is None or segmentation.reads_dataset_masks:
        raise DataError(f"{record.run} draws no masks (segmenter {spec.segmenter}); take a run with one that does")
    masked = _Masked(prepared)
    for chunk in _chunks(rows, tell, spec):
        masks, films = segmentation.masks(prepared.images[chunk]), prepared.films(chunk)
        masked.add(chunk, masks if films is None else masks & films)
    nothing = np.zeros((len(rows), 0))
    return Said(nothing, nothing, *masked.found())


def of_vote(
    record: Record, folder: Path, members: Mapping[str, Path], prepared: Mapping[str, Prepared], rows: np.ndarray,
    tell: Tell,
) -> Said:  # fmt: skip
    """What a vote says: its voter, which no folder keeps, learns again from what its members have stored.

    Args:
        members: name -> folder of the member's run.

    Raises:
        DataError: that gives other outputs than the vote has stored.
    """
    spec, own = msgspec.convert(record.spec, VoteSpec), read_stored(folder / PREDICTIONS)
    count = len(spec.classes)
    said = {name: of_run(members[name], prepared[name], rows, tell) for name in spec.members}
    both = []
    for name, one in said.items():
        stored = _in_order(read_stored(members[name] / PREDICTIONS), own, f"{record.run}, member {name}")
        logits = np.concatenate([stored, one.corrected_logits])
        both.append(member_probabilities(logits, spec.column(name), count))
    targets = np.concatenate([own.targets, np.zeros(len(rows), int)])
    groups = np.concatenate([own.groups.astype(object), np.arange(len(rows))]).astype(str)
    calibration = np.concatenate([own.subsets == "calibration", np.zeros(len(rows), bool)])
    make_voter = load(find("voter", spec.voter.name))
    found, _ = vote(lambda: make_voter(**spec.voter.options), np.stack(both), targets, groups, calibration, spec.seed)
    logits = np.log(np.maximum(found, FLOOR))
    if not np.allclose(np.exp(logits[: len(own.ids)]), np.exp(own.logits), atol=SAME):
        raise DataError(f"the members of {record.run} do not give what it has stored; run it again, members included")
    first = next(iter(said.values()))
    return Said(logits[len(own.ids) :], np.zeros((len(rows), 0)), first.agreement, first.implausible)


def _started(folder: Path) -> RunSpec:
    """The run's specification, Keras started afresh with its settings."""
    spec = run_spec(verify(folder / FILE).spec)
    reset_keras(spec.seed, spec.runtime)
    return spec


def _in_order(member: Stored, own: Stored, who: str) -> np.ndarray:
    """A member's corrected logits in the order of the vote's images."""
    places = {name: place for place, name in enumerate(member.ids.tolist())}
    if any(name not in places for name in own.ids.tolist()):
        raise DataError(f"{who}: it was run on other images than the vote; run both again")
    return member.corrected_logits[[places[name] for name in own.ids.tolist()]]


def _from_dataset(segmentation: Segmentation | None, prepared: Prepared, rows: np.ndarray) -> bool:
    if segmentation is None or not segmentation.reads_dataset_masks:
        return False
    lacking = int((~prepared.has_mask[rows]).sum())
    if lacking:
        raise DataError(
            f"this run takes lung masks from the dataset, and {lacking} of {len(rows)} images have none; "
            "add masks, or evaluate a run whose segmenter draws them"
        )
    return True


def _chunks(rows: np.ndarray, tell: Tell, spec: RunSpec) -> Iterator[np.ndarray]:
    """The rows in pieces, said before each."""
    for start in range(0, len(rows), CHUNK):
        tell(f"images through {spec.segmenter.name}+{spec.backbone.name}", start, len(rows))
        yield rows[start : start + CHUNK]


class _Masked:
    """What is kept of masks, chunk by chunk: of all images at once they would not fit into memory."""

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self.agreements: list[dict[str, np.ndarray]] = []
        self.implausible: list[np.ndarray] = []

    def add(self, rows: np.ndarray, predicted: np.ndarray) -> None:
        """Take in the masks of these rows."""
        films = self.prepared.films(rows)
        found = mask_agreement(self.prepared.masks(rows), predicted, films)
        found["known"] = self.prepared.has_mask[rows]
        self.agreements.append(found)
        self.implausible.append(implausible(predicted, films))

    def found(self) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
        """All of it joined."""
        if not self.agreements:
            return {}, None
        joined = {name: np.concatenate([one[name] for one in self.agreements]) for name in self.agreements[0]}
        return joined, np.concatenate(self.implausible)
