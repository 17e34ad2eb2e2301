"""Synthetic records for tests: what runs would have written, without running anything."""

import random
from collections.abc import Sequence
from typing import Any

import msgspec

from benchmark.records.calibration import CalibrationInfo
from benchmark.records.estimate import Estimate
from benchmark.records.findings import Member, Reference, Rule, SplitInfo
from benchmark.records.record import SCHEMA, Cost, DatasetInfo, Failure, Part, Record, Tuned
from benchmark.records.speed import Conditions, Latency, Rate, Speed, Work, architecture, identity
from benchmark.records.training import Pace, TrainingInfo
from benchmark.records.verdicts import Contender, FamilyTest, Standing, Verdict, Verdicts

A, B, C = "unet+sepcnn+dense", "unet+xception+sepconv", "none+sepcnn+dense"  # pipelines
SUBSETS = ("train", "validation", "calibration", "test")
NAMES = ("balanced-accuracy", "accuracy", "macro-f1", "mcc", "auroc", "auprc", "log-loss", "brier", "ece", "ece-floor")


def estimate(value: float, n: int = 300, half: float = 0.02) -> Estimate:
    """A value with an interval of the given half width, inside [0, 1]."""
    return Estimate(value, max(0.0, value - half), min(1.0, value + half), n)


def metrics(
    value: float = 0.95, classes: tuple[str, ...] = ("Non-COVID", "COVID"), n: int = 300
) -> dict[str, Estimate]:
    """Every metric a run reports, each derived from one value."""
    found = {name: estimate(value - 0.003 * place, n) for place, name in enumerate(NAMES[:6])}
    found |= {name: estimate((1 - value) * (1 + place / 4), n, 0.01) for place, name in enumerate(NAMES[6:])}
    found["ece"] = Estimate(found["ece"].value, n=n)
    found["ece-floor"] = Estimate(found["ece-floor"].value, 0.0, found["ece-floor"].high, n)
    found["rms-calibration-error"] = estimate(1.8 * (1 - value), n)
    if len(classes) == 2:
        found["calibration-slope"] = Estimate(value, value - 0.1, value + 0.1, n)
        found["calibration-intercept"] = Estimate(value - 1, value - 1.1, value - 0.9, n)
        for place, name in enumerate(("sensitivity", "specificity")):
            found[name] = estimate(value - 0.01 + 0.02 * place, n // 2)
            for level in (95, 99):
                found[f"{name}@specificity-{level}"] = estimate(value - 0.01 * place, n // 2)
    for place, label in enumerate(classes):
        for kind in ("precision", "recall", "f1", "specificity"):
            found[f"{kind}/{label}"] = estimate(value - 0.002 * place, n // len(classes))
        found[f"n/{label}"] = Estimate(float(n // len(classes)), n=n)
    return found


def record(value: float = 0.95, *, pipeline: str = "unet+sepcnn+dense", seed: int = 0, **changes: Any) -> Record:
    """A good run of a binary task on the phantom; any field can be given."""
    classes = tuple(changes.get("classes", ("Non-COVID", "COVID")))
    n = changes.pop("n", 300)
    task = changes.get("task", "binary")
    made = Record(
        schema=SCHEMA,
        status="ok",
        task="binary",
        run=f"{pipeline.replace('+', '-')}-s{seed}-f0-{_hex(pipeline, seed, 8)}",
        pipeline=pipeline,
        pipeline_digest=_hex(pipeline, "", 64),
        seed=seed,
        fold=0,
        digest=_hex(pipeline, seed, 64),
        key=_hex("key" + pipeline, seed, 64),
        spec=_spec(pipeline, seed, task, classes),
        metric="balanced-accuracy",
        classes=list(classes),
        positive="COVID" if len(classes) == 2 else None,
        components={
            kind: Part(name, {"width": 16, "dropout": 0.2}, "cxr-bench", "0.1.0", _hex(name, "", 64))
            for kind, name in zip(("segmenter", "backbone", "head"), pipeline.split("+"), strict=False)
        },
        dataset=DatasetInfo(
            name="phantom",
            digest=_hex("phantom", "", 64),
            counts={"COVID": 300, "Normal": 300, "Viral Pneumonia": 300, "Lung_Opacity": 300},
            sources={"north": 400, "south": 400, "west": 400},
            licence="CC0-1.0",
            origin="drawn by code",
            notices=["These X-rays are drawn by code (phantom): nothing here is about patients."],
        ),
        split=SplitInfo(
            digest=_hex("split", "", 64),
            grouping="group",
            seed=0,
            fractions={"train": 0.6, "validation": 0.15, "test": 0.25},
            counts={subset: {"Non-COVID": 225, "COVID": 75} for subset in SUBSETS},
        ),
        metrics=metrics(value, classes, n),
        controls={
            "majority": {"balanced-accuracy": Estimate(0.5, n=n), "accuracy": estimate(0.75, n)},
            "source-oracle": {"balanced-accuracy": estimate(0.52, n), "accuracy": estimate(0.75, n)},
        },
        confusion=[[220, 5], [4, 71]],
        masks={"dice": estimate(0.961, n, 0.004), "iou": estimate(0.925, n, 0.006), "dice/COVID": estimate(0.958, 75)},
        gradcam={
            "lung-enrichment/Non-COVID": Estimate(1.9, 1.8, 2.0, 225),
            "lung-misses/Non-COVID": estimate(0.02, 225, 0.01),
            "lung-empty/Non-COVID": Estimate(0.0, n=225),
            "lung-enrichment/COVID": Estimate(2.1, 1.9, 2.3, 75),
            "lung-misses/COVID": estimate(0.03, 75, 0.02),
            "lung-empty/COVID": Estimate(1.0, n=75),
        },
        calibration=CalibrationInfo(method="platt", slope=1.03, intercept=-0.2, n=87, decisions="the likeliest class"),
        training=TrainingInfo(
            epochs=16,
            steps=368,
            batch_prior={"Non-COVID": 0.5, "COVID": 0.5},
            precision="float32",
            batch_size=32,
            jit=False,
            steps_per_execution=1,
            input_stall=0.0042,
            tracing_s=3.25,
            segmenter=Pace(16, False, 1, 0.031, 4.5),
        ),
        cost=Cost(617_112, 68_130, 2_710_000, 61.5, 190.0, 720.0, "2 cores of an Example CPU"),
        stages={"prepare": "cached", "masks": "cached", "fit": "built", "score": "built"},
        environment={"python": "3.11.9", "keras": "3.15.0", "tensorflow": "2.21.0", "numpy": "2.4.0"},
        created="2025-01-02T03:04:05Z",
    )
    return msgspec.structs.replace(made, **changes)


def folds(
    values: list[float], *, pipeline: str = "unet+sepcnn+dense", seed: int = 0, k: int = 0, n: int = 300, **changes: Any
) -> list[Record]:
    """Runs of the first folds of a cross-validation, one of each value.

    Args:
        k: how many folds there are; 0: as many as values.
        n: images of each fold.
    """
    base = record(n=n).split
    assert base
    split = msgspec.structs.replace(base, digest=_hex("folds", "", 64), folds=k or len(values))
    return [
        record(
            value,
            pipeline=pipeline,
            seed=seed,
            fold=fold,
            n=n,
            split=split,
            **_named(pipeline, seed, f"f{fold}"),
            **changes,
        )
        for fold, value in enumerate(values)
    ]


def pooled(runs: list[Record], value: float, **changes: Any) -> Record:
    """What became of all folds of a cross-validation."""
    first = runs[0]
    n = sum(run.metrics["accuracy"].n for run in runs)
    members = [Member(f"fold {run.fold}", run.pipeline, run.metrics, run.run) for run in runs]
    named = _named(first.pipeline, first.seed, "pooled")
    whole = record(value, pipeline=first.pipeline, seed=first.seed, fold=None, n=n, split=first.split, **named)
    return msgspec.structs.replace(whole, members=members, gradcam={}, **changes)


def vote(
    value: float = 0.96, *, pipelines: tuple[str, ...] = ("unet+sepcnn+dense", "unet+xception+sepconv"), **changes: Any
) -> Record:
    """A vote of two pipelines that know all classes."""
    members = [Member(name, name, metrics(value - 0.01 * place)) for place, name in enumerate(pipelines, 1)]
    fields: dict[str, Any] = {
        "task": "vote",
        "members": members,
        "voting": {
            "disagreement": estimate(0.08),
            "no-vote": estimate(0.0),
            "tie": estimate(0.08),
            "brier-uncorrected": estimate(0.1),
        },
        "map_method": "Grad-CAM and occlusion",
        "gradcam": {},
    }
    return record(value, pipeline=f"soft({', '.join(pipelines)})", **{**fields, **changes})


def ova_vote(value: float = 0.81, **changes: Any) -> Record:
    """A vote of one model per class, beside the model that answers directly."""
    labels = ("Normal", "COVID", "Viral Pneumonia", "Lung_Opacity")
    direct = "unet+sepcnn+dense"
    members = [Member(name, direct, metrics(value + 0.02 * place)) for place, name in enumerate(labels)]
    found = metrics(value - 0.01, labels)
    fields: dict[str, Any] = {
        "task": "ova-vote",
        "classes": list(labels),
        "members": members,
        "voting": {"disagreement": estimate(0.21), "no-vote": estimate(0.13), "tie": estimate(0.02)},
        "reference": Reference(direct, Estimate(0.01, -0.012, 0.032, 300), 0.031, found),
        "confusion": [],
        "gradcam": {},
    }
    return record(value, pipeline=f"soft(4 × {direct})", **{**fields, **changes})


def controls(values: dict[str, float], *, n: int = 300, **changes: Any) -> Record:
    """Rules beside pipelines, one of each value; any field can be given, of the specification some."""
    spec = changes.pop("spec", {})
    fields: dict[str, Any] = {
        "metrics": {},
        "controls": {rule: metrics(value, n=n) for rule, value in values.items()},
        "rules": {rule: Rule("what it sees", "boosted trees", {"boosted trees": 0.3}) for rule in values},
        "run": f"controls-{_hex('-'.join(values), 0, 8)}",
        "pipeline_digest": _hex("-".join(values), "controls", 64),
        "confusion": [],
        "masks": {},
        "gradcam": {},
        "cost": Cost(),
        "calibration": CalibrationInfo(),
        "training": TrainingInfo(),
        **changes,
    }
    made = record(n=n, **{"pipeline": "controls", **fields})
    return msgspec.structs.replace(made, spec={**made.spec, "kind": "controls", **spec})


def tuned(**changes: Any) -> Tuned:
    """A search of six trials, one of which failed; any field can be given."""
    fields: dict[str, Any] = {
        "tuner": "hyperband",
        "pipeline": "unet+sepcnn+dense",
        "values": {"training.learning_rate": 0.00231, "augmentation.flips": "anatomical", "head.dropout": 0.2},
        "trials": 6,
        "finished": 5,
        "failed": 1,
        "epochs": 58,
        "duration_s": 312.4,
        "default": 0.312,
        "best": 0.287,
        "curve": [0.312, 0.312, 0.301, 0.287, 0.287],
        "space": {"training.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}, "head.dropout": {"low": 0.0}},
        "hardware": "2 cores of an Example CPU",
    }
    return Tuned(**{**fields, **changes})


def failed(cause: str = "nan", *, pipeline: str = "unet+sepcnn+dense", seed: int = 0, **changes: Any) -> Record:
    """A run that ended before it had numbers."""
    message = {"nan": "loss became NaN in epoch 3", "oom": "the machine had no memory left"}.get(cause, "it stopped")
    failure = Failure(cause=cause, stage="fit", message=message, log=["last line"])  # type: ignore[arg-type]
    bare: dict[str, Any] = {"metrics": {}, "controls": {}, "confusion": [], "masks": {}, "gradcam": {}, "cost": Cost()}
    return record(pipeline=pipeline, seed=seed, status="failed", failure=failure, **{**bare, **changes})


def _named(pipeline: str, seed: int, fold: str) -> dict[str, str]:
    run = f"{pipeline.replace('+', '-')}-s{seed}-{fold}"
    return {"run": f"{run}-{_hex(run, seed, 8)}", "digest": _hex(run, seed, 64), "key": _hex("key" + run, seed, 64)}


CPU = Conditions("Example CPU, 2 CPUs", "tensorflow", "2.21.0", "float32", 2, 32, 64)
GPU = Conditions("Example GPU", "jax", "0.7.0", "mixed_bfloat16", 16, 32, 512)


def speed(
    pipeline: str = "unet+sepcnn+dense",
    *,
    million: float = 140,
    parameters: int = 38_000,
    p50_ms: float = 4,
    conditions: Conditions = CPU,
    **changes: Any,
) -> Speed:
    """A measurement of the pipeline that `record` of the same name ran.

    Args:
        million: multiply-accumulates of the backbone.
        parameters: of the backbone.
    """
    names = pipeline.split("+")
    own = architecture(_spec(pipeline, 0, "binary", ("Non-COVID", "COVID")))
    macs = round(million * 1e6)
    work = {
        "segmenter": Work(547_000, 546_000, 30_000_000, 30_000_000, 2_300_000),
        "backbone": Work(parameters, parameters - 500, macs, 6 * macs, 4 * parameters + 80_000),
        "head": Work(30_000, 29_500, 29_120, 29_120, 150_000),
    }
    p50 = p50_ms / 1e3
    made = Speed(
        schema=1,
        pipeline=pipeline,
        architecture=own,
        digest=identity(own, conditions),
        components={
            kind: Part(name, {"width": 16, "dropout": 0.2}, "cxr-bench", "0.1.0", _hex(name, "", 64))
            for kind, name in zip(("segmenter", "backbone", "head"), names, strict=True)
        },
        image_size=64,
        num_classes=2,
        conditions=conditions,
        work=work if names[0] != "none" else {part: work[part] for part in ("backbone", "head")},
        training=Rate(0.4 / p50, 0.38 / p50, 0.41 / p50, 5, 128),
        inference=Rate(1.5 / p50, 1.4 / p50, 1.6 / p50, 5, 640),
        classification=Rate(2 / p50, 1.9 / p50, 2.1 / p50, 5, 640),
        latency=Latency(p50, 1.3 * p50, 200),
        classification_latency=Latency(p50 / 2, p50 / 1.6, 200),
        memory={"inference": 870_000_000, "training": 1_240_000_000},
        environment={"keras": "3.15.0"},
        created="2025-01-02T03:04:05+00:00",
    )
    return msgspec.structs.replace(made, **changes)


def _spec(pipeline: str, seed: int, task: str, classes: tuple[str, ...]) -> dict[str, Any]:
    if "(" in pipeline:  # a vote
        voter, _, members = pipeline.removesuffix(")").partition("(")
        named = [name.removeprefix("4 × ") for name in members.split(", ")]
        inner = {name: _spec(name, seed, task, classes) for name in named}
        return {
            "kind": "vote", "task": task, "classes": inner[named[0]]["classes"], "members": inner,
            "voter": {"name": voter, "options": {}}, "seed": seed, "fold": 0,
        }  # fmt: skip
    parts = zip(("segmenter", "backbone", "head"), pipeline.split("+"), strict=False)
    rest = {"Non-COVID": ["Normal", "Viral Pneumonia", "Lung_Opacity"]}
    return {
        "task": task,
        "scheme": "direct",
        "metric": "balanced-accuracy",
        "classes": {name: rest.get(name, [name]) for name in classes},
        **{kind: {"name": name.partition("[")[0], "options": {"width": 16, "dropout": 0.2}} for kind, name in parts},
        "images": {"size": 64, "equalise": "histogram", "mask": "multiply"},
        "augmentation": {"flips": "both", "rotation": 0.1, "rotated": 0.5},
        "training": {"epochs": 16, "minimum_steps": 300, "batch_size": 32, "learning_rate": 0.001, "patience": 5},
        "split": {"train": 0.6, "validation": 0.15, "test": 0.25, "seed": 0, "grouping": "group"},
        "resamples": 2000,
        "seed": seed,
        "fold": 0,
        "runtime": {"backend": "tensorflow", "deterministic": False, "threads": None},
    }


def _hex(text: str, seed: int | str, length: int) -> str:
    return f"{random.Random(f'{text}/{seed}').getrandbits(256):064x}"[:length]


def family(reach: float = 0.02, **fields: Any) -> FamilyTest:
    """A test of all rows that says what the records say, plus or minus `reach`; one standard error is half of it.

    Args:
        fields: of every verdict.
    """

    def test(rows: Sequence[Contender], metric: str, reference: int, named: bool) -> Verdicts:
        values = [_mean(row, metric) for row in rows]
        standings = [_standing(row, value, reach) for row, value in zip(rows, values, strict=True)]
        differences = [
            _verdict(value - values[reference], reach, **fields) if i != reference else Verdict()
            for i, value in enumerate(values)
        ]
        count = len(rows)
        return Verdicts(standings, differences, count - 1 if named else count * (count - 1) // 2)

    return test


def _mean(row: Contender, metric: str) -> float:
    estimates = [run.controls[row.rule][metric] if row.rule else run.metrics[metric] for run in row.runs]
    return sum(one.value or 0.0 for one in estimates) / len(estimates)


def _standing(row: Contender, value: float, reach: float) -> Standing:
    several = len(row.runs) > 1
    ends = {
        "low": value - reach,
        "high": value + reach,
        "first_low": value - 1.5 * reach,
        "first_high": value + 1.5 * reach,
    }
    return Standing(**ends, trainings=0 if row.rule else len(row.runs), retrained=several)


def _verdict(gap: float, reach: float, **fields: Any) -> Verdict:
    error = reach / 2
    found = {
        "value": gap, "low": gap - reach, "high": gap + reach, "p": 0.04 if abs(gap) > reach else 0.4, "error": error,
        "image_error": 0.8 * error, "training_error": 0.6 * error, "training_variance": 3 * (0.6 * error) ** 2,
        "critical": 2.0, "quantile": 2.0, "minimum_detectable": 2.842 * error, "n": 300,
    }  # fmt: skip
    return Verdict(**{**found, **fields})
