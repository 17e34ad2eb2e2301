"""Datasets: their samples, and what these read."""

import pickle
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from registry.checks.promises import expect, kind_of, named
from registry.contracts import Sample
from registry.errors import ContractError


@named
def check_dataset(dataset: Any, *, read: int = 8) -> None:
    """A dataset's attributes and samples are what `Dataset` and `Sample` promise.

    Args:
        read: how many samples to decode, spread over all of them.
    """
    lacking = [
        name for name in ("name", "labels", "licence", "origin", "notices", "samples") if not hasattr(dataset, name)
    ]
    expect(not lacking, f"lacks an attribute or method of a Dataset: {', '.join(lacking)}")
    labels = dataset.labels
    expect(isinstance(labels, tuple) and len(set(labels)) == len(labels) > 0, "labels is a tuple of distinct names")
    samples = list(dataset.samples())
    expect(bool(samples), f"dataset {dataset.name!r} has no samples")
    for sample in samples:
        _check_fields(sample, labels)
    ids = [sample.id for sample in samples]
    expect(len(set(ids)) == len(ids), f"sample ids are unique; {len(ids) - len(set(ids))} of {len(ids)} are repeated")
    expect(ids == [sample.id for sample in dataset.samples()], "samples() has a fixed order; two calls differed")
    for index in np.linspace(0, len(samples) - 1, min(read, len(samples))).astype(int):
        _check_readers(samples[index])


def _check_fields(sample: Any, labels: Sequence[str]) -> None:
    expect(isinstance(sample, Sample), f"samples() gives Sample, received {kind_of(sample)}")
    expect(sample.label in labels, f"sample {sample.id!r} has label {sample.label!r}, which is none of {labels}")
    for field in ("id", "group"):
        value = getattr(sample, field)
        expect(isinstance(value, str) and bool(value), f"a sample's {field} is a text, received {value!r}")
    expect(
        sample.source is None or isinstance(sample.source, str), f"sample {sample.id!r} has a source that is no text"
    )


def _check_readers(sample: Sample) -> None:
    try:
        copy = pickle.loads(pickle.dumps(sample))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ContractError(
            f"sample {sample.id!r} cannot be pickled ({error}); readers are functools.partial of module-level functions"
        ) from error
    image = copy.read_image()
    _check_array(image, np.uint8, f"image of sample {sample.id!r}")
    expect(bool(np.array_equal(image, sample.read_image())), f"sample {sample.id!r} reads the same image twice")
    masks: Iterable[tuple[str, Any]] = (("mask", copy.read_mask()), ("lesion", copy.read_lesion()))
    for what, mask in masks:
        if mask is not None:
            _check_array(mask, np.bool_, f"{what} of sample {sample.id!r}")


def _check_array(array: Any, kind: type, what: str) -> None:
    fits = isinstance(array, np.ndarray) and array.dtype == kind and array.ndim == 2 and array.size > 0
    received = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else kind_of(array)
    expect(fits, f"the {what} is {np.dtype(kind).name} (H, W), received {received}")
