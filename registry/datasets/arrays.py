"""Images and labels in one archive of arrays, as MedMNIST publishes them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from registry.contracts import PARTS, PassedOver, Sample
from registry.errors import DataError, DataNotFoundError
from registry.readers import layout
from registry.readers.array_archive import Archive, open_archive, read_row
from registry.readers.files import MINIMUM_SIDE, printable
from registry.readers.findings import NOTHING
from registry.readers.label_names import renamed

SEPARATOR = "|"

_PREFIXES = {"train": ("train",), "validation": ("val", "valid", "validation"), "test": ("test",), "": ("",)}
_IMAGES, _LABELS = ("images", "x", "imgs"), ("labels", "y", "targets")


def arrays(
    root: str | Path, *, file: str = "", names: str = "", name: str = "", licence: str = "not stated"
) -> layout.FileDataset:
    """An .npz archive with images (N,H,W) or (N,H,W,3) and labels, such as train_images, train_labels, test_images, …

    Labels are numbers (N,) or (N,1), one column for each label, or for each of several findings (0 or 1).

    Args:
        file: the archive; by default the only one in the folder.
        names: what the labels are called, in the order of their numbers: ``Normal;Pneumonia``.
        name: how result tables call the dataset; the archive's own name by default.

    Raises:
        DataNotFoundError: no such folder or archive.
        DataError: an archive that is damaged, holds objects, or no images with labels.
    """
    path = _archive(Path(root).absolute(), file)
    archive = open_archive(path)
    called = renamed(names)
    samples = [one for part, keys in _parts(archive).items() for one in _samples(archive, part, *keys, called)]
    counts = Counter(sample.label for sample in samples)
    if len(counts) < 2:
        raise DataError(f"{path.name} holds images of {len(counts)} label; a task needs two or more")
    unlabelled = sum(archive.shape(images)[0] for images, _ in _parts(archive).values()) - len(samples)
    order = list(called.values())
    return layout.FileDataset(
        name=name or path.stem,
        labels=tuple(
            sorted(
                counts,
                key=lambda one: (
                    SEPARATOR in one,
                    order.index(one) if one in order else len(order),
                    layout.natural(one),
                ),
            )
        ),
        licence=licence,
        origin=f"the user's archive {path.name}",
        notices=("sources unknown: an archive of arrays does not tell them",),
        listed=tuple(samples),
        passed_over=(PassedOver("images", "no label", unlabelled),) if unlabelled else (),
        separator=SEPARATOR if any(SEPARATOR in one for one in counts) else None,
    )


def recognises(root: str | Path) -> int:
    """How surely a folder is this dataset: 2 with one archive of images and labels in it, 1 with several, else 0."""
    try:
        found = [path for path in _archives(Path(root)) if _holds_images(path)]
    except OSError:
        return 0
    return min(2, 3 - len(found)) if 0 < len(found) < 3 else int(bool(found))


arrays.recognises = recognises  # type: ignore[attr-defined]


def _archives(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.suffix.lower() == ".npz" and not path.name.startswith("."))


def _holds_images(path: Path) -> bool:
    try:
        return bool(_parts(open_archive(path)))
    except DataError:
        return False


def _archive(root: Path, file: str) -> Path:
    if file:
        if not (root / file).is_file():
            raise DataNotFoundError(f"no archive {root / file}; expected an .npz file")
        return root / file
    if not root.is_dir():
        state = "is a file; give the folder that it lies in" if root.exists() else "does not exist"
        raise DataNotFoundError(f"data folder {root} {state}")
    found = _archives(root)
    if len(found) != 1:
        shown = ", ".join(printable(path.name) for path in found[:6]) or "none"
        raise DataNotFoundError(
            f"data folder {root} holds {len(found)} archives of arrays ({shown}), expected one; "
            "say which, as --dataset 'arrays[file=NAME.npz]'"
        )
    return found[0]


def _parts(archive: Archive) -> dict[str, tuple[str, str]]:
    """Part -> the names of its images and labels; the empty part is of arrays without one.

    Raises:
        DataError: there are none, or images without labels.
    """
    spelled = {key.casefold(): key for key in archive.names}
    found = {}
    for part, prefixes in _PREFIXES.items():
        for prefix in prefixes:
            pairs = [_pair(spelled, prefix, images, labels) for images in _IMAGES for labels in _LABELS]
            if known := next((pair for pair in pairs if pair), None):
                found[part] = known
                break
    if not found:
        raise DataError(
            f"{archive.path.name} holds no images with labels: expected train_images and train_labels (val_…, "
            f"test_…) or images and labels; found {', '.join(map(printable, archive.names[:8])) or 'nothing'}"
        )
    return found


def _pair(spelled: Mapping[str, str], prefix: str, images: str, labels: str) -> tuple[str, str] | None:
    for joined in ((f"{prefix}_{images}", f"{prefix}_{labels}"), (f"{images}_{prefix}", f"{labels}_{prefix}")):
        wanted = [key.strip("_") for key in joined]
        if all(key in spelled for key in wanted):
            return spelled[wanted[0]], spelled[wanted[1]]
    return None


def _samples(archive: Archive, part: str, images: str, labels: str, called: Mapping[str, str]) -> Iterator[Sample]:
    shape = archive.shape(images)
    picture = len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3))
    if not picture or archive.kind(images) != np.uint8 or min(shape[1:3]) < MINIMUM_SIDE:
        raise DataError(
            f"{archive.path.name}: {images} is {archive.kind(images)} {shape}; expected uint8 (N,H,W) or (N,H,W,3) of "
            f"{MINIMUM_SIDE} pixels a side or more"
        )
    words = _words(archive, labels, shape[0], called)
    for index, word in enumerate(words):
        if word:
            id = f"{part or 'image'}-{index}"
            yield Sample(
                id=id,
                label=word,
                source=None,
                group=id,
                read_image=partial(read_row, str(archive.path), images, index),
                paths=(str(archive.path),),
                part=part if part in PARTS else None,
            )


def _word(value: object) -> str:
    """A label as text: of numbers a whole one, of NaN none."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, float):
        return "" if value != value else str(int(value))
    return str(int(value)) if isinstance(value, bool) else str(value)


def _words(archive: Archive, key: str, count: int, called: Mapping[str, str]) -> Iterable[str]:
    """The label of each image; empty of one without."""
    values = archive.whole(key)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if len(values) != count or values.ndim > 2 or values.dtype.kind not in "biufUS":
        raise DataError(
            f"{archive.path.name}: {key} is {values.dtype} {values.shape}; expected {count} numbers or names, "
            "or as many rows with a column for each label"
        )
    if values.ndim == 1:
        if values.dtype.kind == "f" and not (np.isnan(values) | (values == np.round(values)) & ~np.isinf(values)).all():
            raise DataError(f"{archive.path.name}: {key} holds fractions; expected whole numbers, one for each label")
        texts = map(_word, values.tolist())
        return [called.get(text, text) for text in texts]
    if not np.isin(values, (0, 1)).all():
        raise DataError(f"{archive.path.name}: {key} has {values.shape[1]} columns of other numbers than 0 and 1")
    columns = [called.get(str(number), str(number)) for number in range(values.shape[1])]
    found = [sorted((columns[at] for at in np.flatnonzero(row)), key=str.casefold) for row in values]
    return [SEPARATOR.join(row) or NOTHING for row in found]
