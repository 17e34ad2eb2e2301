"""A run's `result.json`: what was measured, on what, by which code, sealed against silent edits."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from registry.errors import DataNotFoundError, StorageError, VerificationError

SCHEMA = 1
FILE = "result.json"
PREDICTIONS = "predictions.npz"  # beside it


class Estimate(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A number with its 95 % interval.

    Attributes:
        value: None where the number is not defined; `note` then says why.
        n: how many images (or, for a class metric, images of that class) it rests on.
        note: the degenerate case in words, empty otherwise.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    note: str = ""


class Part(msgspec.Struct, frozen=True):
    """What was used: a component, its options and the code behind it."""

    name: str
    options: dict[str, Any]
    distribution: str
    version: str
    code: str


class DatasetInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """The data a run stands on.

    Attributes:
        digest: of the samples that were selected (ids, labels, sources, groups, file bytes).
        counts: label -> images.
        sources: source -> images; empty where the dataset does not know its sources.
        skipped: unreadable samples left out by --skip-bad, as ``id: reason``.
    """

    name: str
    digest: str
    counts: dict[str, int]
    sources: dict[str, int] = {}
    licence: str = ""
    origin: str = ""
    notices: list[str] = []
    skipped: list[str] = []


class SplitInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the images were divided.

    Attributes:
        digest: of who is where; the folds of one cross-validation share it.
        counts: part -> class -> images; of pooled folds "test" alone.
        folds: 1 for a single hold-out.
    """

    digest: str
    grouping: str
    seed: int
    fractions: dict[str, float]
    counts: dict[str, dict[str, int]] = {}
    folds: int = 1


class Cost(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a run cost; seconds are wall time on `hardware`, None where a cached result was used unmeasured."""

    parameters: int = 0
    trainable_parameters: int = 0
    model_bytes: int = 0
    training_s: float | None = None
    training_images_per_s: float | None = None
    inference_images_per_s: float | None = None
    hardware: str = ""


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a run failed, at which stage, and the last lines of its log."""

    cause: Literal[
        "exception", "oom", "nan", "timeout", "killed", "data", "plugin", "interrupted", "refused", "storage"
    ]
    stage: str
    message: str
    log: list[str] = []


class Member(msgspec.Struct, frozen=True, omit_defaults=True):
    """One voice in a vote, or one fold of a cross-validation.

    Attributes:
        name: unique among the members: the class it knows, its pipeline, or ``fold 2``.
        run: of a fold, the run whose test predictions were pooled.
        metrics: on the test part, of the question that the member was asked.
    """

    name: str
    pipeline: str
    metrics: dict[str, Estimate] = {}
    run: str = ""


class Reference(msgspec.Struct, frozen=True, omit_defaults=True):
    """The paired comparison of a vote with the one model that answers the same question directly.

    Attributes:
        difference: of the task's metric, vote minus reference, on the same test images.
        detectable: the smallest difference that as many images would separate with 80 % power.
        metrics: of the reference.
    """

    pipeline: str
    difference: Estimate
    detectable: float | None = None
    metrics: dict[str, Estimate] = {}


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """One run, or the folds of a cross-validation pooled into one result.

    Attributes:
        fold: which fold was tested on; None where the out-of-fold predictions of all folds are pooled.
        members: the voices of a vote, the folds of a pooled result.
        voting: how the members of a vote agree on the test part: statistics of the same shape as `metrics`.
        pipeline: how tables name it: ``unet+sepcnn+dense``, options other than the default in brackets.
        pipeline_digest: the same for runs that differ in seed and fold only; such runs are aggregated.
        metric: the task's primary metric, a key of `metrics`.
        metrics: on the test part.  Names are kebab-case; per-class ones end in ``/CLASS``.
        controls: rule -> metrics; ``majority`` always, ``source-oracle`` when sources are known.
        confusion: rows are true classes, columns predicted ones, in the order of `classes`.
        masks, gradcam: mask quality, and where the maps lie: statistics of the same shape as `metrics`.
        map_method: how the maps were made.
        stages: stage -> "built" or "cached".
        spec: the resolved RunSpec, as the command line can repeat it.
        digest: of `spec`; `key`: of everything the result depends on, code and data included.
        seal: SHA-256 of the record without it; makes edits evident, is not a signature.
    """

    schema: int
    status: Literal["ok", "failed"]
    task: str
    run: str
    pipeline: str
    pipeline_digest: str
    seed: int
    fold: int | None
    digest: str
    key: str
    spec: dict[str, Any]
    metric: str
    classes: list[str]
    positive: str | None = None
    components: dict[str, Part] = {}
    dataset: DatasetInfo | None = None
    split: SplitInfo | None = None
    metrics: dict[str, Estimate] = {}
    controls: dict[str, dict[str, Estimate]] = {}
    confusion: list[list[int]] = []
    masks: dict[str, Estimate] = {}
    gradcam: dict[str, Estimate] = {}
    map_method: str = "Grad-CAM"
    members: list[Member] = []
    voting: dict[str, Estimate] = {}
    reference: Reference | None = None
    calibration: dict[str, Any] = {}
    training: dict[str, Any] = {}
    cost: Cost = Cost()
    stages: dict[str, str] = {}
    environment: dict[str, str] = {}
    failure: Failure | None = None
    created: str = ""
    seal: str = ""


class Broken(msgspec.Struct, frozen=True):
    """A `result.json` that cannot be used, and why: a verb phrase about the file."""

    reason: str


def sealed(record: Record) -> Record:
    """The record with the seal that fits its content."""
    bare = msgspec.structs.replace(record, seal="")
    return msgspec.structs.replace(record, seal=hashlib.sha256(_encode(bare)).hexdigest())


def write(record: Record, folder: Path) -> Path:
    """Seal a record and put it into its run's folder, whole or not at all; gives the file.

    A failed run never replaces a good one: where the folder holds a readable good record, that one stays.

    Raises:
        StorageError: the folder cannot be written.
    """
    path = folder / FILE
    if record.status == "failed" and path.is_file():
        found = _load(str(path), False)
        if isinstance(found, Record) and found.status == "ok":
            return path
    content = msgspec.json.format(_encode(sealed(record)), indent=1) + b"\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(path, content)
    except OSError as error:
        raise StorageError(f"{path} cannot be written ({error.strerror}); choose another folder with -o") from error
    return path


def read(path: Path) -> Record:
    """The record in a file, its seal not checked (see `verify`).

    Raises:
        DataNotFoundError: there is no such file.
        VerificationError: the file is no record, or one of a newer schema.
    """
    return _loaded(path, False)


def verify(what: Record | Path) -> Record:
    """A record, or the one in a file, whose seal matches its content.

    Raises:
        DataNotFoundError: there is no such file.
        VerificationError: it was changed after it was sealed, was never sealed, or is no record.
    """
    if isinstance(what, Path):
        return _loaded(what, True)
    reason = _seal_fault(_encode(what))
    if reason:
        raise VerificationError(f"the record of {what.run} {reason}")
    return what


def scan(root: Path, *, verified: bool = True) -> Iterator[tuple[Path, Record | Broken]]:
    """Every record below a folder (or the one in a file) in the order of names, one at a time.

    Links to folders and hidden folders are not followed.

    Args:
        verified: a record whose seal does not match is `Broken`.
    """
    if root.is_file():
        yield root, _load(str(root), verified)
    else:
        yield from _scan(str(root), root.name, verified)


def load_all(root: Path, *, verified: bool = True) -> list[tuple[Path, Record | Broken]]:
    """`scan` at once, some 25 kB of memory a record; iterate over `scan` where there may be many thousands."""
    return list(scan(root, verified=verified))


def _encode(record: Record) -> bytes:
    return _ENCODER.encode(record)


def _python_number(value: Any) -> Any:
    # A number of an array library must not cost a finished run its record.
    if hasattr(value, "item"):
        return value.item()
    raise NotImplementedError(f"a record cannot hold {type(value).__name__}")


_ENCODER = msgspec.json.Encoder(enc_hook=_python_number)
_DECODER = msgspec.json.Decoder(Record)


def _seal_fault(document: bytes) -> str:
    """Why the seal of a JSON document, its white space apart, does not fit; empty where it fits."""
    content, mark, seal = msgspec.json.format(document, indent=-1).rpartition(b',"seal":"')
    if not mark:
        return "has no seal; run it again, or read it with --no-verify"
    if seal != hashlib.sha256(content + b"}").hexdigest().encode() + b'"}':
        return "was changed after it was sealed; run it again, or read it with --no-verify"
    return ""


def _load(path: str, verified: bool) -> Record | Broken:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 -- a Path costs as much as the reading
            document = file.read()
        record = _DECODER.decode(document)
        fault = _seal_fault(document) if verified else ""
    except OSError as error:
        return Broken(f"cannot be read ({error.strerror})")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Broken(f"is not a record ({error})")
    if record.schema > SCHEMA:
        return Broken(f"was written by a newer version (schema {record.schema}, here {SCHEMA}); update cxr-bench")
    return Broken(fault) if fault else record


def _scan(folder: str, name: str, verified: bool) -> Iterator[tuple[Path, Record | Broken]]:
    path = f"{folder}/{FILE}"
    if os.path.lexists(path):
        found = _load(path, verified)
        yield Path(path), found
        if isinstance(found, Record) and found.run == name:
            return  # a run's own folder: models and figures, and listing it costs more than reading its record
    try:
        with os.scandir(folder) as entries:
            inner = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError as error:
        yield Path(folder), Broken(f"cannot be listed ({error.strerror})")
        return
    for entry in inner:
        if not entry.startswith("."):
            yield from _scan(f"{folder}/{entry}", entry, verified)


def _loaded(path: Path, verified: bool) -> Record:
    if not path.is_file():
        raise DataNotFoundError(f"no record at {path}; expected a {FILE}")
    found = _load(str(path), verified)
    if isinstance(found, Broken):
        raise VerificationError(f"{path} {found.reason}")
    return found


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: its bytes reach the disk before its name does."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
