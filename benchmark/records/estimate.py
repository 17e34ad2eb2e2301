"""A number with its interval."""

import msgspec

FEW = 10  # below so many independent groups of images a number is marked, not trusted
FEW_GROUPS = "fewer than ten groups"  # in its note
CONSTANT = "gives every image the same answer"  # in the note of what such a rule has for an interval


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
