"""What a stage is given: the specification, the artefacts upstream, a place for checkpoints, a way to tell progress."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from benchmark.tasks.spec import Spec


@dataclass(frozen=True, slots=True)
class Context:
    """The surroundings of one stage.

    Attributes:
        artefacts: stage -> folder of its artefact, for the stages before this one.
        partial: where checkpoints survive a crash.
        progress: takes ``done``, ``total`` and whatever else is worth showing.
        members: of a vote, the surroundings in which each member ended.
        reference: of a vote, those of the model that answers directly.
    """

    spec: Spec
    artefacts: Mapping[str, Path]
    partial: Path
    progress: Callable[[dict[str, Any]], None]
    members: "Mapping[str, Context]" = field(default_factory=dict)
    reference: "Context | None" = None


class StagesRecord(msgspec.Struct, frozen=True):
    """How a run's stages went: ``built`` or ``cached``, and seconds of those built; a member's are ``NAME/stage``."""

    status: dict[str, str]
    duration_s: dict[str, float]
