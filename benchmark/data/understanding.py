"""How a dataset was read: its parts, masks, patients and traits, what it passed over, what was left out of it."""

from collections import Counter
from collections.abc import Collection, Sequence

from benchmark.records.summary import LeftAside, Understood
from registry.contracts import PARTS, Dataset, PassedOver, Sample


def understood(
    dataset: Dataset, every: Sequence[Sample], samples: Sequence[Sample], ignore: Collection[str]
) -> Understood:
    """What a dataset's samples and its notes say.

    Args:
        every: all samples that it has.
        samples: those that are used.
        ignore: labels that were left out.
    """
    read = Counter(sample.label for sample in every)
    known = [sample for sample in samples if sample.group != sample.id]
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
        traits=dict(sorted(Counter(trait for sample in samples for trait in sample.traits).items())),
        passed_over=[_left_aside(one) for one in getattr(dataset, "passed_over", ())],
    )


def _by_label(dataset: Dataset, samples: Sequence[Sample]) -> dict[str, int]:
    counts = Counter(sample.label for sample in samples)
    return {label: counts[label] for label in dataset.labels if counts[label]}


def _left_aside(one: PassedOver) -> LeftAside:
    return LeftAside(one.what, one.why, one.count, list(one.examples))
