"""The samples a run uses: opened from the registry, checked, limited."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from benchmark.splits import limit
from registry.contracts import Dataset, Sample
from registry.errors import DataError
from registry.lookup import find, load
from registry.options import read_options, resolve_options

if TYPE_CHECKING:
    from benchmark.config import DatasetChoice


def open_dataset(choice: "DatasetChoice", seed: int) -> tuple[Dataset, list[Sample], dict[str, Any]]:
    """The dataset, its selected samples and its resolved options.

    Args:
        seed: of the selection under a limit.

    Raises:
        DataError: nothing is there, an id stands twice, or fewer than two labels have images.
    """
    factory = load(find("dataset", choice.name))
    options = resolve_options(f"dataset {choice.name!r}", read_options(factory), choice.options)
    dataset: Dataset = factory(choice.root, **options)
    samples = list(dataset.samples())
    twice = [name for name, count in Counter(sample.id for sample in samples).items() if count > 1]
    if twice:
        raise DataError(f"dataset {choice.name!r} gives the id {twice[0]!r} to two samples; ids must be unique")
    if choice.limit is not None:
        labels, sources = [s.label for s in samples], [s.source for s in samples]
        samples = [samples[i] for i in limit(labels, sources, [s.group for s in samples], choice.limit, seed)]
    present = {sample.label for sample in samples}
    if len(present) < 2:
        raise DataError(
            f"{choice.root or choice.name} holds {len(present)} label(s) with images ({', '.join(sorted(present)) or 'none'}); "
            "a classifier needs two: expected one folder per label"
        )
    return dataset, samples, options
