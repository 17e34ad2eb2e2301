"""Whether what a document says fits together: a seal is no signature, so it may say anything.

Types are checked as it is read; here is what they cannot say.  It is asked of what is read, never of what is written:
a finished run is not lost for it.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

if TYPE_CHECKING:  # whose modules read by what is here
    from benchmark.records.estimate import Estimate
    from benchmark.records.external import External
    from benchmark.records.record import Record
    from benchmark.records.speed import Speed

LARGEST = 1e15  # of any number: sums of squares of such are still numbers
_Table = dict[str, Any] | None


class _Component(msgspec.Struct, frozen=True):
    name: str = ""
    options: _Table = None


class _Split(msgspec.Struct, frozen=True):
    folds: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 1


class _Spec(msgspec.Struct, frozen=True):
    """The shape of a specification of any age, as far as it is read before `benchmark.tasks` has converted it."""

    kind: str = ""
    title: str = ""
    classes: _Table = None
    members: dict[str, "_Spec"] | None = None
    reference: "_Spec | None" = None
    voter: _Component | None = None
    segmenter: _Component | None = None
    backbone: _Component | None = None
    head: _Component | None = None
    features_head: _Component | None = None
    carrier: _Component | None = None
    images: _Table = None
    augmentation: _Table = None
    training: _Table = None
    segmentation: _Table = None
    features: _Table = None
    dataset: _Table = None
    runtime: _Table = None
    split: _Split = _Split()
    resamples: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    fold: Annotated[int, msgspec.Meta(ge=0)] | None = None


def record_fault(record: "Record") -> str:
    """Why a record cannot be used, a verb phrase; empty where nothing speaks against it."""
    try:
        msgspec.convert(record.spec, _Spec)
    except (msgspec.ValidationError, RecursionError) as error:
        return f"has a specification that is none ({error})"
    tables = [record.metrics, record.masks, record.gradcam, record.voting, *record.controls.values()]
    tables += [member.metrics for member in record.members]
    tables += [record.reference.metrics] if record.reference else []
    return (
        _classes_fault(record.classes, record.positive)
        or _largest_fault(tables)
        or _number_fault("seed", [record.seed, record.fold or 0], least=0)
        or _number_fault("cost", _numbers(record.cost), least=0)
    )


def external_fault(external: "External") -> str:
    """The same of an evaluation on images of elsewhere."""
    tables = [external.metrics, external.drop, external.internal, external.masks]
    tables += [one.metrics for one in external.subgroups]
    tables += [{one.metric: one.difference} for one in external.differences]
    if external.recalibration:
        tables += [external.recalibration.metrics, external.recalibration.drop]
    counts = [external.n, external.groups, external.tested, *external.counts.values(), *external.needed.values()]
    return (
        _classes_fault(external.classes, external.positive)
        or _largest_fault(tables)
        or _number_fault("seed", [external.seed, external.fold or 0], least=0)
        or _number_fault("count", [*counts, *external.left_out.values()], least=0)
    )


def speed_fault(speed: "Speed") -> str:
    """The same of a measurement of speed."""
    if lacking := [kind for kind in ("segmenter", "backbone", "head") if kind not in speed.components]:
        return f"names no {lacking[0]}"
    rates = [one for one in (speed.inference, speed.classification, speed.segmentation, speed.training) if one]
    rates += [speed.graphed.inference] if speed.graphed else []
    measured = [
        *rates,
        *([speed.graphed.latency] if speed.graphed else []),
        speed.latency,
        speed.classification_latency,
        *speed.work.values(),
    ]
    numbers = [number for one in measured for number in _numbers(one)]
    return _number_fault("measurement", [*numbers, *speed.memory.values(), speed.image_size], least=0)


def _classes_fault(classes: list[str], positive: str | None) -> str:
    if len(set(classes)) < len(classes):
        return "names a class twice"
    if positive is not None and positive not in classes:
        return f"has {positive!r} for its positive class, which is none of its classes"
    return ""


def _largest_fault(tables: "Iterable[Mapping[str, Estimate]]") -> str:
    """What is wrong with a number of some tables of them."""
    for table in tables:
        for name, one in table.items():
            if not (
                0 <= one.n <= LARGEST
                and -LARGEST <= (one.value or 0) <= LARGEST
                and -LARGEST <= (one.low or 0) <= LARGEST
                and -LARGEST <= (one.high or 0) <= LARGEST
            ):
                return f"has a number for {name!r} that nothing can measure"
    return ""


def _number_fault(what: str, numbers: Iterable[float], *, least: float) -> str:
    return "" if all(least <= number <= LARGEST for number in numbers) else f"has a {what} that nothing can have"


def _numbers(struct: msgspec.Struct) -> list[float]:
    return [value for value in msgspec.structs.astuple(struct) if isinstance(value, (int, float))]
