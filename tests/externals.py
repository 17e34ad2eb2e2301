"""Evaluations on images of elsewhere, made up: what `bench evaluate` would have written."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmark.evaluation import metrics as compute
from benchmark.evaluation.calibration import calibrated
from benchmark.evaluation.external import (
    Asked,
    carried_over,
    drops,
    needed_of_classes,
    neutral_logits,
    outputs_of,
    recalibrated,
)
from benchmark.evaluation.intervals import proportion
from benchmark.evaluation.masks import MEASURES, agreement_estimates
from benchmark.evaluation.scoring import calibration_info
from benchmark.evaluation.subgroups import Seen, differences, subgroups
from benchmark.models.run_facts import fitted
from benchmark.records.calibration import CalibrationInfo
from benchmark.records.contents import images_digest, listing
from benchmark.records.estimate import Estimate
from benchmark.records.external import (
    FILE,
    SCHEMA,
    External,
    Recalibration,
    Shared,
    Subgroup,
    SubgroupDifference,
    write,
)
from tests import factories


def evaluation(value: float = 0.8, own: float = 0.95, **changes: Any) -> External:
    """A run that falls from `own` to `value`; any field can be given."""
    run = factories.record(own, **{name: changes.pop(name) for name in ("pipeline", "seed") if name in changes})
    metrics = factories.metrics(value)
    assert run.dataset is not None
    made = External(
        schema=SCHEMA,
        kind="classes",
        name=f"{run.run}-on-elsewhere",
        run=run.run,
        record="5" * 64,
        task=run.task,
        pipeline=run.pipeline,
        pipeline_digest=run.pipeline_digest,
        seed=run.seed,
        fold=run.fold,
        dataset=msgspec.structs.replace(run.dataset, name="elsewhere", digest="e" * 64, notices=[]),
        key="k",
        n=300,
        groups=280,
        shared=Shared(True, "identical images", {"theirs-1": "COVID-431"}),
        metric=run.metric,
        classes=run.classes,
        positive=run.positive,
        labels={"Non-COVID": ["Normal"], "COVID": ["COVID"]},
        mapping={"covid": "COVID", "healthy": "Non-COVID"},
        left_out={"Hernia": 4},
        counts={"Non-COVID": 225, "COVID": 75},
        test="1f" * 32,
        metrics=metrics,
        drop=drops(metrics, run.metrics),
        internal=run.metrics,
        subgroups=[
            Subgroup(
                "sex", sex, n, n, {"Non-COVID": n - 5, "COVID": 5}, {"balanced-accuracy": factories.estimate(v, n)}
            )
            for sex, n, v in (("F", 290, 0.85), ("M", 10, 0.6))
        ],
        differences=[SubgroupDifference("sex", "balanced-accuracy", "F", "M", Estimate(0.25, 0.1, 0.4))],
        tested=3,
        needed={"sensitivity": 683, "specificity": 400},
        notes=["a note"],
        created="2026-01-01T00:00:00+00:00",
    )
    return msgspec.structs.replace(made, **changes)


def recalibration(value: float = 0.88) -> Recalibration:
    """What 50 local images mend."""
    return Recalibration(50, 48, {"Non-COVID": 38, "COVID": 12}, CalibrationInfo(), factories.metrics(value))


CLASSES = ["Non-COVID", "COVID"]
EVEN = {"Non-COVID": 0.5, "COVID": 0.5}
RESAMPLES = 100


def deciding(targets: np.ndarray, wrong: Sequence[int]) -> np.ndarray:
    """Logits (n, 2) that decide rightly but for these images, more or less sure."""
    sure = 0.5 + np.arange(len(targets)) % 7
    odds = np.where(np.isin(np.arange(len(targets)), wrong), -sure, sure) * (2 * targets - 1)
    return np.stack([np.zeros(len(targets)), odds], axis=1)


def stored(
    folder: Path, targets: np.ndarray, logits: np.ndarray, groups: np.ndarray, local: int = 0, **changes: Any
) -> External:
    """An evaluation whose predictions lie in the folder and give all its numbers; the first images are local ones."""
    folder.mkdir(parents=True)
    info = CalibrationInfo(method="temperature", temperature=2.0, data_prior=EVEN, batch_prior=EVEN)
    made = evaluation(calibration=info, classes=CLASSES, notes=[], created="2026-01-01", **changes)
    calibration, *priors = fitted(made)
    corrected, probabilities, _ = calibrated(calibration, logits, *priors)
    outputs, rest = outputs_of(corrected, probabilities), np.arange(len(targets)) >= local
    ids, kept = np.array([f"image-{place:03}" for place in range(len(targets))]), (targets[rest], groups[rest])
    asked = Asked(CLASSES, "COVID", made.seed, RESAMPLES)
    found = carried_over(
        asked, kept[0], outputs.of(rest), kept[1], info.thresholds, neutral_logits(logits, priors[1])[rest]
    )
    test = images_digest(ids[rest], kept[1], kept[0])
    sex = np.where(np.arange(len(targets)) % 2, "F", "M")
    seen = Seen(CLASSES, "COVID", *kept, {"sex": sex[rest]}, [outputs.of(rest)])
    parts = subgroups(seen, made.metric, made.seed)
    apart, tested = differences(seen, parts, made.metric, int(test[:15], 16))
    columns = {"logits": logits, "corrected_logits": corrected, "probabilities": probabilities, "trait:sex": sex}
    again = None
    if local:
        new = recalibrated(asked, targets, logits, groups, ~rest, *priors)
        counts = dict(zip(CLASSES, np.bincount(targets[~rest]).tolist(), strict=True))
        shares = [count / local for count in counts.values()]
        told = calibration_info(new.calibration, groups[~rest], CLASSES, shares, priors[1], new.thresholds)
        again = Recalibration(local, local, counts, told, new.metrics, drops(new.metrics, made.internal))
        columns |= {"recalibrated_logits": new.corrected_logits, "recalibrated_probabilities": new.probabilities}
    decided = outputs.decisions
    columns |= {"ids": ids, "groups": groups, "targets": targets, "subsets": np.where(rest, "test", "local")}
    return _put(
        folder, made, columns,
        n=int(rest.sum()), groups=len(np.unique(kept[1])), test=test, metrics=found, drop=drops(found, made.internal),
        counts=dict(zip(CLASSES, np.bincount(kept[0], minlength=2).tolist(), strict=True)),
        confusion=compute.confusion(kept[0], decided[rest], 2).astype(int).tolist(),
        needed=needed_of_classes(CLASSES, "COVID", targets, decided, groups, rest),
        subgroups=parts, differences=apart, tested=tested, recalibration=again,
    )  # fmt: skip


def stored_masks(folder: Path, dice: np.ndarray, groups: np.ndarray, **changes: Any) -> External:
    """An evaluation of a segmenter with these Dice coefficients (n,)."""
    folder.mkdir(parents=True)
    made = evaluation(kind="masks", metrics={}, drop={}, internal={}, subgroups=[], needed={}, notes=[], **changes)
    ids, implausible = np.array([f"image-{place:03}" for place in range(len(dice))]), dice < 0.5
    measures = {"dice": dice, "iou": dice / (2 - dice), "pixel-accuracy": 1 - (1 - dice) / 2}
    measures["case"] = np.full(len(dice), "")
    agreement = agreement_estimates(measures, groups, made.seed, RESAMPLES)
    columns = {"ids": ids, "groups": groups, "implausible": implausible, **measures}
    return _put(
        folder, made, columns, n=len(dice), groups=len(np.unique(groups)), differences=[], tested=0,
        test=images_digest(ids, groups, np.zeros(len(dice), int)),
        masks={"implausible": proportion(implausible, groups), **{name: agreement[name] for name in MEASURES}},
    )  # fmt: skip


def _put(folder: Path, made: External, columns: dict[str, np.ndarray], **changes: Any) -> External:
    np.savez(folder / "predictions.npz", **columns)
    files = {name: one for name, one in listing(folder).items() if name != FILE}
    made = msgspec.structs.replace(made, files=files, resamples=RESAMPLES, **changes)
    write(made, folder)
    return made
