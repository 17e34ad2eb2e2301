"""The result of a paired test of two pipelines."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from benchmark.records.record import Record


class Difference(msgspec.Struct, frozen=True, omit_defaults=True):
    """A metric of one pipeline minus that of another on the same images.

    Attributes:
        value: None where that cannot be tested; `note` then says why.
        low, high: 95 % interval; it leaves 0 out exactly when `p` is below .05.
        p: two-sided, against no difference.
        minimum_detectable: the smallest true difference that this many images would separate with 80 % power,
            (1.960 + 0.842) standard errors.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    minimum_detectable: float | None = None
    n: int = 0
    note: str = ""


PairedTest = Callable[[Sequence["Record"], Sequence["Record"], str], Difference]
"""(runs of one pipeline, runs of another, metric) -> first minus second."""
