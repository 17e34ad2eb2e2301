"""The samples a run uses: opened from the registry, checked, limited."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from benchmark.data.splits import limit
from registry.contracts import Dataset, Sample
from registry.declarations import needs_files
from registry.errors import ContractError, DataError, DataNotFoundError, unknown_name
from registry.lookup import find, load
from registry.options import read_options, resolve_options

if TYPE_CHECKING:
    from benchmark.tasks.spec import DatasetChoice


def open_dataset(choice: "DatasetChoice", seed: int) -> tuple[Dataset, list[Sample], dict[str, Any]]:
    """The dataset, its selected samples and its resolved options; raises what `read_dataset` and `selected` raise.

    Args:
        seed: of the selection under a limit.
    """
    dataset, samples, options = read_dataset(choice)
    return (
        dataset,
        selected(choice, ignored_labels(dataset.labels, choice.ignore, separator_of(dataset)), samples, seed),
        options,
    )


def read_dataset(choice: "DatasetChoice") -> tuple[Dataset, list[Sample], dict[str, Any]]:
    """The dataset, all of its samples and its resolved options.

    Raises:
        DataError: nothing is there, or a label's name cannot be written.
        ContractError: an id stands twice, or a sample has a label that the dataset does not list.
    """
    factory = load(find("dataset", choice.name))
    options = resolve_options(f"dataset {choice.name!r}", read_options(factory), choice.options)
    if choice.root is None and needs_files(factory):
        raise DataNotFoundError(f"dataset {choice.name!r} is read from files; give their folder with --data")
    dataset: Dataset = factory(choice.root, **options)
    samples = list(dataset.samples())
    _check(choice.name, dataset, samples)
    return dataset, samples, options


def selected(choice: "DatasetChoice", ignored: Collection[str], samples: Sequence[Sample], seed: int) -> list[Sample]:
    """The samples without those of ignored labels (see `ignored_labels`), and of these as many as the limit leaves."""
    out = set(ignored)
    samples = [sample for sample in samples if sample.label not in out]
    if choice.limit is not None:
        strata = [s.label for s in samples], [s.source for s in samples], [s.group for s in samples]
        samples = [samples[i] for i in limit(*strata, choice.limit, seed)]
    return samples


def check_labels(choice: "DatasetChoice", samples: Sequence[Sample], fewest: int) -> None:
    """See that so many labels have images.

    Raises:
        DataError: fewer have.
    """
    present = {sample.label for sample in samples}
    if len(present) >= fewest:
        return
    needed = "a classifier needs two: expected one folder per label" if fewest > 1 else "expected images"
    raise DataError(
        f"{choice.root or choice.name} holds images of {len(present)} label(s) "
        f"({', '.join(sorted(present)) or 'none'}){' without the ignored' if choice.ignore else ''}; {needed}"
    )


def separator_of(dataset: Dataset) -> str | None:
    """What stands between the findings of a label that holds several; None where each label is one."""
    return getattr(dataset, "separator", None)


def ignored_labels(labels: Sequence[str], ignore: Sequence[str], separator: str | None) -> list[str]:
    """The dataset's labels whose images are left out: those named, and those of which every finding is.

    Raises:
        UnknownNameError: the dataset has no such label.
    """
    findings = {label: label.split(separator) if separator else [label] for label in labels}
    known = {*labels, *(one for found in findings.values() for one in found)}
    for name in ignore:
        if name not in known:
            raise unknown_name("label to ignore", name, known, "the dataset's labels, above all their case")
    named = set(ignore)
    return [label for label, found in findings.items() if label in named or named.issuperset(found)]


def _check(name: str, dataset: Dataset, samples: Sequence[Sample]) -> None:
    unprintable = [label for label in dataset.labels if not label.isprintable()]  # a name that is not UTF-8 too
    if unprintable:
        raise DataError(f"label {unprintable[0]!r} of dataset {name!r} cannot be printed; rename it, or its folder")
    twice = [one for one, count in Counter(sample.id for sample in samples).items() if count > 1]
    if twice:
        raise ContractError(f"dataset {name!r} gives the id {twice[0]!r} to two samples; ids must be unique")
    strange = {sample.label for sample in samples} - set(dataset.labels)
    if strange:
        raise ContractError(
            f"dataset {name!r} has samples of label {min(strange)!r}; its labels are {', '.join(dataset.labels)}"
        )
