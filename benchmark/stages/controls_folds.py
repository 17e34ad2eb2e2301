"""Control rules of all folds of a cross-validation as one result, so that they stand beside pipelines' pooled folds."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from benchmark.evaluation import curves
from benchmark.evaluation.controls import MAJORITY, judge_rule
from benchmark.records.estimate import Estimate
from benchmark.records.findings import Findings, Rule
from benchmark.stages.score import FINDINGS, PREDICTIONS, write_curves, write_findings
from benchmark.stages.score_folds import pool, pooled_split

if TYPE_CHECKING:
    from benchmark.stages.context import Context
    from benchmark.tasks.spec import Spec


def build(context: "Context", folder: Path) -> None:
    """Write ``findings.json``, ``curves.json`` and ``predictions.npz`` of all folds together.

    In the latter `fold` (n,) says whose.

    Raises:
        DataError: the folds do not test every image once.
    """
    spec, folders = context.spec, [fold.artefacts["controls"] for fold in context.folds]
    folds = [msgspec.json.decode((path / FINDINGS).read_bytes(), type=Findings) for path in folders]
    names = list(folds[0].rules)
    columns = [f"{kind}@{name}" for name in names for kind in ("corrected_logits", "probabilities")]
    numbers, arrays = pool(folders, ("ids", "groups", "targets", *columns))
    np.savez_compressed(folder / PREDICTIONS, subsets=np.full(len(numbers), "test"), fold=numbers, **arrays)
    outputs = {
        name: curves.Outputs(arrays[f"corrected_logits@{name}"], arrays[f"probabilities@{name}"])
        for name in names
        if name != MAJORITY
    }
    if outputs:
        write_curves(spec, arrays["targets"], outputs, arrays["groups"], folder)
    found = {name: _metrics(spec, name, arrays) for name in names}
    first = folds[0]
    findings = Findings(
        split=pooled_split(spec, first, arrays["targets"]),
        images=first.images,
        skipped=first.skipped,
        notices=first.notices,
        depth=first.depth,
        metrics={},
        controls=found,
        confusion=[],
        calibration=first.calibration,
        rules={name: _joined([fold.rules[name] for fold in folds]) for name in names},
    )
    write_findings(findings, folder)


def _metrics(spec: "Spec", name: str, arrays: Mapping[str, np.ndarray]) -> dict[str, Estimate]:
    outputs = [arrays[f"{kind}@{name}"] for kind in ("corrected_logits", "probabilities")]
    about = (list(spec.classes), spec.positive, arrays["targets"])
    return judge_rule(name, *about, *outputs, arrays["groups"], spec.seed, spec.resamples)


def _joined(rules: list[Rule]) -> Rule:
    """What a rule is made of in all folds: each learner with the folds that took it, where they differ."""
    taken = Counter(rule.learner for rule in rules)
    learner = rules[0].learner
    if len(taken) > 1:
        learner = ", ".join(f"{name} ({count} folds)" for name, count in taken.items())
    losses = {name: float(np.mean([rule.losses[name] for rule in rules])) for name in rules[0].losses}
    return Rule(rules[0].sees, learner, losses)
