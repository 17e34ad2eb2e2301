"""How a dataset was read: its parts, masks, patients and traits, what it passed over, what was left out of it."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from benchmark.data.part_counts import TEST
from benchmark.records.summary import LeftAside, Understood
from registry.contracts import PARTS, Dataset, PassedOver, Sample

EXAMPLES = 3


def understood(
    dataset: Dataset,
    every: Sequence[Sample],
    samples: Sequence[Sample],
    ignore: Collection[str],
    contents: Mapping[str, str],
) -> Understood:
    """What a dataset's samples and its notes say.

    Args:
        every: all samples that it has.
        samples: those that are used.
        ignore: labels that were left out.
        contents: path of a file -> digest of its content.
    """
    read = Counter(sample.label for sample in every)
    known = [sample for sample in samples if sample.group != sample.id]
    patients = [(sample, sample.group) for sample in known]
    files = [(sample, contents[sample.paths[0]]) for sample in _files_of_one(samples)]
    by_patient = _leaking(patients)
    leaking = by_patient | {id: twin for id, twin in _leaking(files).items() if id not in by_patient}
    return Understood(
        read=len(every),
        ignored={label: read[label] for label in dataset.labels if label in ignore},
        limited=sum(count for label, count in read.items() if label not in ignore) - len(samples),
        masks=_by_label(dataset, [sample for sample in samples if sample.mask_annotator is not None]),
        patients=len({sample.group for sample in known}),
        patients_of=len(known),
        patients_by=str(getattr(dataset, "patients", "")) if known else "",
        parts={
            part: _by_label(dataset, [sample for sample in samples if sample.part == part])
            for part in PARTS
            if any(sample.part == part for sample in samples)
        },
        shared_patients=_in_train_and_test(patients),
        shared_files=_in_train_and_test(files),
        leaking=len(leaking),
        leaking_patients=len(by_patient),
        leaks=[f"{id} and {twin}" for id, twin in list(leaking.items())[:EXAMPLES]],
        traits=dict(sorted(Counter(trait for sample in samples for trait in sample.traits).items())),
        passed_over=[_left_aside(one) for one in getattr(dataset, "passed_over", ())],
    )


def _files_of_one(samples: Sequence[Sample]) -> list[Sample]:
    """Those whose film has a file of its own: in an archive all have the same one, and are not equal for that."""
    films = Counter(sample.paths[0] for sample in samples if sample.paths)
    return [sample for sample in samples if sample.paths and films[sample.paths[0]] == 1]


def _in_train_and_test(told: Iterable[tuple[Sample, str]]) -> int:
    """How many values, of a patient or a file, samples of the training and of the test part have in common."""
    values: dict[str | None, set[str]] = defaultdict(set)
    for sample, value in told:
        values[sample.part].add(value)
    return len(values["train"] & values["test"])


def _leaking(told: Sequence[tuple[Sample, str]]) -> dict[str, str]:
    """Of samples outside the test part whose value one of it has too: id -> that one's."""
    tested = {value: sample.id for sample, value in told if sample.part == TEST}
    return {sample.id: tested[value] for sample, value in told if sample.part != TEST and value in tested}


def _by_label(dataset: Dataset, samples: Sequence[Sample]) -> dict[str, int]:
    counts = Counter(sample.label for sample in samples)
    return {label: counts[label] for label in dataset.labels if counts[label]}


def _left_aside(one: PassedOver) -> LeftAside:
    return LeftAside(one.what, one.why, one.count, list(one.examples))
