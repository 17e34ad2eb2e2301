"""Datasets: whose folder they recognise, their samples, and what these read."""

import pickle
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from registry.checks.promises import build, expect, named
from registry.contracts import PARTS, PassedOver, Sample
from registry.declarations import kind_of, needs_files, recognition
from registry.errors import ContractError

READ = 8  # samples to decode, spread over all of them


@named
def check_dataset(factory: Callable[..., Any], root: str | Path | None = None, /, **options: Any) -> None:
    """A dataset's attributes and samples are what `Dataset` and `Sample` promise.

    Args:
        root: the folder of its files, for a dataset that is read from files.
    """
    expect(
        root is not None or not needs_files(factory),
        "is read from files, received no folder; expected check_dataset(factory, FOLDER)",
    )
    _check_recognition(factory, root)
    dataset = build(factory, (root,), options)
    _check_attributes(dataset)
    samples = list(dataset.samples())
    expect(bool(samples), f"dataset {dataset.name!r} has no samples")
    for sample in samples:
        _check_fields(sample, dataset.labels)
    ids = [sample.id for sample in samples]
    expect(len(set(ids)) == len(ids), f"sample ids are unique; {len(ids) - len(set(ids))} of {len(ids)} are repeated")
    expect(ids == [sample.id for sample in dataset.samples()], "samples() has a fixed order; two calls differed")
    for index in np.linspace(0, len(samples) - 1, min(READ, len(samples))).astype(int):
        _check_readers(samples[index])


def _check_recognition(factory: Callable[..., Any], root: str | Path | None) -> None:
    with tempfile.TemporaryDirectory() as empty:
        try:
            score = recognition(factory, empty)
            own = 1 if root is None else recognition(factory, str(root))
        except ContractError:
            raise
        except Exception as error:
            raise ContractError(f"recognises gives 0 for a folder that it does not know, raised {error!r}") from error
    expect(score == 0, f"recognises gives 0 for an empty folder, received {score}")
    declared = getattr(factory, "recognises", None) is not None
    expect(own > 0 or not declared, f"recognises gives 1 or more for the dataset's own folder, received {own}")


def _check_attributes(dataset: Any) -> None:
    lacking = [
        name for name in ("name", "labels", "licence", "origin", "notices", "samples") if not hasattr(dataset, name)
    ]
    expect(not lacking, f"lacks an attribute or method of a Dataset: {', '.join(lacking)}")
    for name in ("name", "licence", "origin"):
        value = getattr(dataset, name)
        expect(isinstance(value, str), f"a dataset's {name} is a text, received {value!r}")
    for name in ("labels", "notices"):
        value = getattr(dataset, name)
        texts = isinstance(value, tuple) and all(isinstance(one, str) for one in value)
        expect(texts, f"a dataset's {name} are a tuple of texts, received {value!r}")
    left = getattr(dataset, "passed_over", ())
    noted = isinstance(left, tuple) and all(isinstance(one, PassedOver) for one in left)
    expect(noted, f"what a dataset passed over is a tuple of PassedOver, received {left!r}")
    by = getattr(dataset, "patients", "")
    expect(isinstance(by, str), f"how a dataset knows patients is a text, received {by!r}")
    labels = dataset.labels
    expect(len(set(labels)) == len(labels) > 1, f"labels are two distinct names or more, received {labels}")
    expect(all(label.isprintable() for label in labels), f"labels can be printed, received {labels}")


def _check_fields(sample: Any, labels: Sequence[str]) -> None:
    expect(isinstance(sample, Sample), f"samples() gives Sample, received {kind_of(sample)}")
    expect(sample.label in labels, f"sample {sample.id!r} has label {sample.label!r}, which is none of {labels}")
    for field in ("id", "group"):
        value = getattr(sample, field)
        expect(isinstance(value, str) and bool(value), f"a sample's {field} is a text, received {value!r}")
    for field in ("source", "mask_annotator"):
        value = getattr(sample, field)
        fits = value is None or (isinstance(value, str) and bool(value))
        expect(fits, f"a sample's {field} is a text or None, received {value!r} of sample {sample.id!r}")
    expect(
        sample.part is None or sample.part in PARTS,
        f"a sample's part is one of {', '.join(PARTS)} or None, received {sample.part!r} of sample {sample.id!r}",
    )
    worded = all(isinstance(word, str) for pair in dict(sample.traits).items() for word in pair)
    expect(worded, f"a sample's traits are texts by name, received {sample.traits!r} of sample {sample.id!r}")
    listed = isinstance(sample.paths, tuple) and all(isinstance(path, str) for path in sample.paths)
    expect(listed, f"a sample's paths are a tuple of texts, received {sample.paths!r} of sample {sample.id!r}")


def _check_readers(sample: Sample) -> None:
    try:
        copy = pickle.loads(pickle.dumps(sample))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ContractError(
            f"sample {sample.id!r} cannot be pickled ({error}); readers are functools.partial of module-level functions"
        ) from error
    lacking = [path for path in sample.paths if not Path(path).is_file()]
    expect(not lacking, f"the paths of sample {sample.id!r} are files, received {', '.join(lacking)}")
    image = copy.read_image()
    deep = isinstance(image, np.ndarray) and image.dtype == np.uint16
    _check_array(image, np.uint16 if deep else np.uint8, f"image of sample {sample.id!r}")
    expect(bool(np.array_equal(image, sample.read_image())), f"sample {sample.id!r} reads the same image twice")
    lungs = copy.read_mask()
    masks: Iterable[tuple[str, Any]] = (
        ("mask", lungs),
        ("lesion", copy.read_lesion()),
        ("marks", copy.read_marks()),
    )
    for what, mask in masks:
        if mask is not None:
            _check_array(mask, np.bool_, f"{what} of sample {sample.id!r}")
    expect(
        (lungs is None) == (sample.mask_annotator is None),
        f"mask_annotator says who drew the mask, None where there is none; sample {sample.id!r} has "
        f"{'no mask' if lungs is None else 'a mask'} and mask_annotator={sample.mask_annotator!r}",
    )


def _check_array(array: Any, kind: type, what: str) -> None:
    fits = isinstance(array, np.ndarray) and array.dtype == kind and array.ndim == 2 and array.size > 0
    received = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else kind_of(array)
    expect(fits, f"the {what} is {np.dtype(kind).name} (H, W), received {received}")
