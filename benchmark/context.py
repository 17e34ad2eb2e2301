"""What a stage is given: the specification, the artefacts upstream, a place for checkpoints, a way to tell progress."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from benchmark.config import RunSpec


@dataclass(frozen=True, slots=True)
class Context:
    """The surroundings of one stage.

    Attributes:
        artefacts: stage -> folder of its artefact, for the stages before this one.
        partial: where checkpoints survive a crash.
        progress: takes ``done``, ``total`` and whatever else is worth showing.
    """

    spec: RunSpec
    artefacts: Mapping[str, Path]
    partial: Path
    progress: Callable[[dict[str, Any]], None]


class StagesRecord(msgspec.Struct, frozen=True):
    """How a run's stages went: ``built`` or ``cached`` each, and seconds of those built."""

    status: dict[str, str]
    duration_s: dict[str, float]
