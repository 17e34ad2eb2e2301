"""Datasets: whose folder they recognise, their samples, and what these read."""

import pickle
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from registry.checks.building import DECLARED, MAY_DECLARE, build
from registry.checks.promises import (
    Findings,
    Promise,
    Trial,
    Watch,
    check_given,
    expect,
    name_of,
    raised,
    shown,
    silent,
    try_all,
)
from registry.contracts import PARTS, PassedOver, Sample
from registry.declarations import kind_of, needs_files, recognition
from registry.errors import ContractError

READ = 8  # samples to decode, spread over all of them


def check_dataset(factory: Callable[..., Any], root: str | Path | None = None, /, **options: Any) -> list[Promise]:
    """A dataset's attributes and samples are what `Dataset` and `Sample` promise.

    Args:
        root: the folder of its files, for a dataset that is read from files.

    Raises:
        ContractError: they are not; every promise is printed as a line.
    """
    expect(
        root is not None or not needs_files(factory),
        f"{name_of(factory)}: is read from files, received no folder; expected check_dataset(factory, FOLDER)",
    )
    return shown(factory, try_dataset(factory, options, root=root))


def try_dataset(
    factory: Callable[..., Any],
    options: dict[str, Any],
    watch: Watch = silent,
    root: str | Path | None = None,
) -> list[Promise]:
    """What a dataset keeps of its contract."""
    check_given(factory, options)
    return try_all(DATASET, Findings(factory=factory, given=options, root=root), watch)


def _recognition(found: Findings) -> None:
    with tempfile.TemporaryDirectory() as empty:
        try:
            score = recognition(found.factory, empty)
            own = 1 if found.root is None else recognition(found.factory, str(found.root))
        except ContractError:
            raise
        except Exception as error:
            raise ContractError(
                f"recognises gives 0 for a folder that it does not know, and {raised(error)} instead"
            ) from error
    expect(score == 0, f"recognises gives 0 for an empty folder, received {score}")
    declared = getattr(found.factory, "recognises", None) is not None
    expect(own > 0 or not declared, f"recognises gives 1 or more for the dataset's own folder, received {own}")


def _build(found: Findings) -> None:
    dataset = build(found.factory, (found.root,), found.options)
    needed = ("name", "labels", "licence", "origin", "notices", "samples")
    lacking = [name for name in needed if not hasattr(dataset, name)]
    expect(not lacking, f"lacks an attribute or method of a Dataset: {', '.join(lacking)}")
    found.dataset = dataset


def _texts(found: Findings) -> None:
    dataset = found.dataset
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


def _labels(found: Findings) -> None:
    labels = tuple(found.dataset.labels)
    expect(len(set(labels)) == len(labels) > 1, f"labels are two distinct names or more, received {labels}")
    expect(all(label.isprintable() for label in labels), f"labels can be printed, received {labels}")
    found.labels = labels


def _samples(found: Findings) -> None:
    samples = list(found.dataset.samples())
    expect(bool(samples), f"dataset {found.dataset.name!r} has no samples; yield one Sample per image")
    for sample in samples:
        expect(isinstance(sample, Sample), f"samples() gives Sample, received {kind_of(sample)}")
    found.samples = samples


def _order(found: Findings) -> None:
    ids, again = ([sample.id for sample in one] for one in (found.samples, found.dataset.samples()))
    expect(ids == again, "two calls of samples() differed in their order; sort what a folder or a set gives")


def _ids(found: Findings) -> None:
    ids = [sample.id for sample in found.samples]
    repeated = [one for one, count in Counter(ids).items() if count > 1]
    expect(
        not repeated,
        f"sample ids are unique; {len(ids) - len(set(ids))} of {len(ids)} are repeated, "
        f"such as {', '.join(map(repr, repeated[:1]))}; a file's path makes a good one",
    )


def _own_labels(found: Findings) -> None:
    for sample in found.samples:
        expect(
            sample.label in found.labels,
            f"sample {sample.id!r} has label {sample.label!r}, which is none of {found.labels}; name it among labels",
        )


def _fields(found: Findings) -> None:
    for sample in found.samples:
        _check_fields(sample)


def _check_fields(sample: Sample) -> None:
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


def _paths(found: Findings) -> None:
    for sample in found.samples:
        listed = isinstance(sample.paths, tuple) and all(isinstance(path, str) for path in sample.paths)
        expect(listed, f"a sample's paths are a tuple of texts, received {sample.paths!r} of sample {sample.id!r}")
    for sample in _some(found):
        lacking = [path for path in sample.paths if not Path(path).is_file()]
        expect(not lacking, f"the paths of sample {sample.id!r} are files, received {', '.join(lacking)}")


def _some(found: Findings) -> list[Sample]:
    """Those to decode."""
    every = found.samples
    return [every[index] for index in np.linspace(0, len(every) - 1, min(READ, len(every))).astype(int)]


def _pickled(found: Findings) -> None:
    copies = []
    for sample in _some(found):
        try:
            copies.append(pickle.loads(pickle.dumps(sample)))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ContractError(
                f"sample {sample.id!r} cannot be pickled ({error}); "
                "readers are functools.partial of module-level functions"
            ) from error
    found.copies = copies


def _images(found: Findings) -> None:
    for sample in _some(found):
        image = sample.read_image()
        deep = isinstance(image, np.ndarray) and image.dtype == np.uint16
        _check_array(image, np.uint16 if deep else np.uint8, f"image of sample {sample.id!r}")


def _again(found: Findings) -> None:
    for sample, copy in zip(_some(found), found.copies, strict=True):
        same = bool(np.array_equal(copy.read_image(), sample.read_image()))
        expect(
            same,
            f"sample {sample.id!r} reads another image the second time, or from a pickled copy; leave randomness out",
        )


def _masks(found: Findings) -> None:
    for sample in _some(found):
        lungs = sample.read_mask()
        for what, mask in (("mask", lungs), ("lesion", sample.read_lesion()), ("marks", sample.read_marks())):
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


DATASET = (
    *DECLARED,
    Trial(
        "it recognises its own folder and no other, where it declares that",
        MAY_DECLARE,
        _recognition,
    ),
    Trial("it is built, with all that a Dataset has", "Datasets", _build),
    Trial("what it says of itself are texts", "Datasets", _texts),
    Trial("it has two labels or more, each once", "Datasets", _labels),
    Trial("samples() gives Samples", "Datasets", _samples),
    Trial("samples() has a fixed order", "Datasets", _order),
    Trial("every sample has an id of its own", "Datasets", _ids),
    Trial("every sample has one of the labels", "Datasets", _own_labels),
    Trial("what samples say of themselves are texts", "Datasets", _fields),
    Trial("the paths of samples are files", "Datasets", _paths),
    Trial("samples can be pickled", "Datasets", _pickled),
    Trial("images are uint8 or uint16 (H, W)", "Datasets", _images),
    Trial("an image is the same each time", "Datasets", _again),
    Trial("masks are bool (H, W), with who drew them", "Datasets", _masks),
)
