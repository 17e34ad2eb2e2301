"""What recomputing a record from the outputs that its run stored has shown."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from benchmark.records.record import Record


class Recomputed(msgspec.Struct, frozen=True):
    """What stored outputs say of a record.

    Attributes:
        contradictions: what they give otherwise than the record says, one line each.
        unchecked: what they cannot give, in words.
    """

    contradictions: list[str] = []
    unchecked: list[str] = []


# A record, the folder of its run, whether the code that scored is today's -> what its stored outputs say of it.
Recompute = Callable[[Record, Path, bool], Recomputed]
