"""What a step is given: its specification, what it stands on by role, a place for checkpoints, a way to tell progress.

A role is the name of the stage that made an artefact, with the way to it in front where it belongs to another run:
``fit``, ``members/COVID/fit``, ``reference/predict``, ``folds/2/score``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from benchmark.records.summary import DatasetSummary
from benchmark.storage.kept import Kept
from benchmark.tasks.spec import Spec, VoteSpec, in_fold

MEMBERS, REFERENCE, FOLDS = "members", "reference", "folds"


@dataclass(frozen=True, slots=True)
class Context:
    """The surroundings of one step.

    Attributes:
        artefacts: role -> folder of the artefact, of everything that the step reads.
        partial: where checkpoints survive a crash.
        progress: takes ``done``, ``total`` and whatever else is worth showing.
        kept: what the stage keeps for other data; None where it keeps nothing.
    """

    spec: Spec
    artefacts: Mapping[str, Path]
    partial: Path
    progress: Callable[[dict[str, Any]], None]
    kept: Kept | None = None

    @property
    def members(self) -> "dict[str, Context]":
        """Of a vote: each member with what is read of it."""
        members = self.spec.members if isinstance(self.spec, VoteSpec) else {}
        return {name: self._within(f"{MEMBERS}/{name}", spec) for name, spec in members.items()}

    @property
    def reference(self) -> "Context | None":
        """Of a vote: the model that answers directly, where there is one."""
        spec = self.spec.reference if isinstance(self.spec, VoteSpec) else None
        return self._within(REFERENCE, spec) if spec else None

    @property
    def folds(self) -> "list[Context]":
        """Of a pooled result: each fold with what is read of it."""
        if self.spec.fold is not None:
            return []
        return [self._within(f"{FOLDS}/{n}", in_fold(self.spec, n)) for n in range(self.spec.split.folds)]

    def _within(self, place: str, spec: Spec) -> "Context":
        start = f"{place}/"
        own = {role.removeprefix(start): path for role, path in self.artefacts.items() if role.startswith(start)}
        return Context(spec, own, self.partial, self.progress)


class RunFacts(msgspec.Struct, frozen=True):
    """What a record says of its run besides what was measured.

    Attributes:
        pipeline: how tables name it.
        code: component -> digest of its code.
        uncacheable: what has no readable source, so that nothing made with it can be found again.
        stages: role -> ``built`` or ``cached``.
        duration_s: role -> seconds that building it took, whoever built it.
        trainings: keys of the classifier trainings that it stands on.
        scoring: module that scored -> digest of its code.
    """

    run: str
    digest: str
    pipeline_digest: str
    key: str
    pipeline: str
    code: dict[str, str]
    summary: DatasetSummary
    uncacheable: list[str] = []
    stages: dict[str, str] = {}
    duration_s: dict[str, float] = {}
    trainings: list[str] = []
    scoring: dict[str, str] = {}
