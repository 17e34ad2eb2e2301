"""Several models' predictions joined by a voter, which learns from the calibration subset alone."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.targets import check_classes, class_targets
from benchmark.evaluation.voting import FLOOR, member_probabilities, vote
from benchmark.stages.labels import told_targets
from benchmark.stages.logits import write_logits
from benchmark.stages.predictions import predictions
from benchmark.stages.reading import Reader
from registry.errors import ContractError
from registry.lookup import find
from registry.lookup import load as load_component

if TYPE_CHECKING:
    from benchmark.stages.context import Context


def build(context: "Context", folder: Path) -> None:
    """Write ``logits.npz``, see `benchmark.stages.logits`, of the vote at equal class priors, and ``meta.json``.

    Also ``members.npz``: probabilities (M,n,K) of the members at equal class priors.
    """
    run, spec, count = Reader(context), context.spec, len(context.spec.classes)
    targets = class_targets(run.prepared.labels, spec.classes)
    check_classes(targets, run.subsets, spec.classes)
    predicted = [predictions(member) for member in run.members.values()]
    rows, groups, calibration = predicted[0].rows, predicted[0].groups, predicted[0].subsets == "calibration"
    told = told_targets(run, targets[rows], predicted[0].subsets)
    columns = [spec.column(name) for name in spec.members]
    members = np.stack(
        [
            member_probabilities(one.corrected_logits, column, count)
            for one, column in zip(predicted, columns, strict=True)
        ]
    )
    make_voter = load_component(find("voter", spec.voter.name))
    probabilities, note = vote(lambda: make_voter(**spec.voter.options), members, told, groups, calibration, spec.seed)
    if np.shape(probabilities) != (len(rows), count) or not np.isfinite(probabilities).all():
        raise ContractError(
            f"voter {spec.voter.name!r} gives probabilities ({len(rows)}, {count}), received {np.shape(probabilities)} "
            "or values that are not finite; see registry.contracts"
        )
    write_logits(folder, run, rows, targets, np.log(np.maximum(probabilities, FLOOR)))
    np.savez(folder / "members.npz", probabilities=members.astype(np.float32))
    (folder / "meta.json").write_text(json.dumps({"notes": [note] if note else []}))
