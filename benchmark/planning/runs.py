"""Planned runs: each with its steps, and whether its record is there already."""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmark.planning.components import Descriptions
from benchmark.planning.graph import REFERENCE, Plan, Step, missing
from benchmark.planning.keys import plan, pooled
from benchmark.records.files import FILE, verify
from benchmark.records.record import Record
from benchmark.records.summary import DatasetSummary
from benchmark.storage.cache import Store
from benchmark.storage.code import CodeIndex
from benchmark.tasks.components import pipeline_name
from benchmark.tasks.spec import ControlsSpec, Spec, VoteSpec, in_fold
from registry.errors import BenchError


class Planned(msgspec.Struct, frozen=True):
    """A run that is ready to start, or the pooling of others.

    Attributes:
        folder: where its record belongs.
        state: "cached" when a sealed record with the same key is there, "failed" when one that says why not is,
            else "to run".
        missing: key -> step that has to be built, each after what it stands on; without the record.
        names: how tables name pipelines: "" -> its own; of a vote, member -> that one's; of a pooled result,
            ``fold 2`` -> that run.
        record: of a cached run, what the sealed record says; None of any other.
    """

    spec: Spec
    plan: Plan
    summary: DatasetSummary
    names: dict[str, str]
    folder: Path
    state: str
    missing: dict[str, Step]
    record: Record | None = None

    @property
    def pipeline(self) -> str:
        """How tables name it."""
        return self.names[""]

    @property
    def label(self) -> str:
        """How progress names it."""
        folds = self.spec.split.folds
        if self.of_controls:
            return self.pipeline
        fold = "" if folds == 1 else ", folds pooled" if self.spec.fold is None else f", fold {self.spec.fold}"
        return f"{self.pipeline} · seed {self.spec.seed}{fold}"

    @property
    def of_controls(self) -> bool:
        """Whether it is of rules that stand beside the pipelines."""
        return isinstance(self.spec, ControlsSpec)

    @property
    def to_build(self) -> list[str]:
        """Roles of the steps that have to be built."""
        roles = self.plan.roles()
        return [roles[key] for key in self.missing]


def plan_runs(
    specs: Iterable[Spec],
    summary: DatasetSummary,
    described: Descriptions,
    store: Store,
    results: Path,
    index: CodeIndex,
) -> list[Planned]:
    """Each run with its plan, and whether its record or its artefacts are there already; pooled results come last."""
    planned = planner(summary, store, results)

    def traits(name: str) -> Any:
        return described.traits("segmenter", name)

    runs = [planned(spec, plan(spec, summary, traits, index), _names(spec, described.defaults)) for spec in specs]
    for folds in _families(runs):
        whole = in_fold(folds[0].spec, None)
        names = {"": folds[0].names[""], **{f"fold {n}": fold.plan.run for n, fold in enumerate(folds)}}
        runs.append(planned(whole, pooled(whole, summary, [fold.plan for fold in folds], index), names))
    index.keep()  # planning reads the stages' imports
    return runs


def planner(summary: DatasetSummary, store: Store, results: Path) -> Callable[[Spec, Plan, dict[str, str]], Planned]:
    """Makes planned runs of specification, plan and names; folders are listed once for all of them."""
    there = _recorded(results)

    def planned(spec: Spec, steps: Plan, names: dict[str, str]) -> Planned:
        own = results / spec.task / steps.run
        folder, record = _found(own, there.get(steps.run, []), steps.key)
        state = "to run" if record is None else "failed" if record.status == "failed" else "cached"
        cached = record if state == "cached" else None
        lacking = {} if cached else missing(steps, store.has)
        return Planned(spec, steps, summary, names, folder, state, lacking, cached)

    return planned


def _names(spec: Spec, defaults: Callable[[str, str], Any]) -> dict[str, str]:
    names = {"": pipeline_name(spec, defaults)}
    if isinstance(spec, VoteSpec):
        names |= {name: pipeline_name(member, defaults) for name, member in spec.members.items()}
        names |= {REFERENCE: pipeline_name(spec.reference, defaults)} if spec.reference else {}
    return names


def _families(runs: Sequence[Planned]) -> list[list[Planned]]:
    """Runs that are the folds of one cross-validation, in the order of the folds."""
    families: dict[tuple[str, int], list[Planned]] = {}
    for run in runs:
        if run.spec.split.folds > 1:
            families.setdefault((run.plan.pipeline_digest, run.spec.seed), []).append(run)
    return list(families.values())


def _recorded(results: Path) -> dict[str, list[Path]]:
    """Run -> its folders in the order of tasks: they are listed once for all runs."""
    found: dict[str, list[Path]] = {}
    for task in sorted(results.glob("*/")) if results.is_dir() else []:
        with contextlib.suppress(PermissionError):
            for run in task.iterdir():
                found.setdefault(run.name, []).append(run)
    return found


def _found(own: Path, there: Iterable[Path], key: str) -> tuple[Path, Record | None]:
    """Where a run's record belongs, and the record that counts; another task may have made the same run."""
    at_home = _counting(own / FILE, key)
    if at_home is None or at_home.status == "failed":
        for folder in there:
            record = _counting(folder / FILE, key)
            if record and record.status == "ok":
                return folder, record
    return own, at_home


def recorded(folder: Path, key: str) -> Record | None:
    """The good record of that key in a run's folder."""
    record = _counting(folder / FILE, key)
    return record if record and record.status == "ok" else None


def _counting(path: Path, key: str) -> Record | None:
    """The record in a file, if it is of that key or of a failure."""
    if not path.is_file():
        return None
    try:
        record = verify(path)
    except BenchError:  # unreadable, or edited after it was sealed: what it says is worth nothing
        return None
    return record if record.status == "failed" or record.key == key else None
