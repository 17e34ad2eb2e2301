"""From what the user asked for to planned runs, and from planned runs to records.  Nothing heavy happens here."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from benchmark.config import Component, DatasetChoice, PipelineFile, RunSpec, Runtime, Task
from benchmark.descriptions import Descriptions
from benchmark.executor import Outcome, Worker
from benchmark.plan import Plan, Survey, Traits, missing, pipeline_name, plan
from benchmark.records import SCHEMA, DatasetInfo, Failure, Record, SplitInfo, verify, write
from benchmark.records import read as read_record
from benchmark.store import Store
from benchmark.tasks import parse_component, resolve_classes
from registry.errors import BenchError, ConfigError, DataError, OptionError, RefusedError, StorageError, unknown_name
from registry.lookup import find
from registry.options import Option, resolve_options

KINDS = ("segmenter", "backbone", "head")
PARTS = 4  # training, the two halves of validation, test: a class needs a group in each
METRICS = ("accuracy", "balanced-accuracy", "macro-f1", "mcc", "auroc", "auprc", "log-loss", "brier", "ece")
SHARED_STAGES = ("", "prepare", "split")  # what fails here fails for every run


class Planned(msgspec.Struct, frozen=True):
    """A run that is ready to start.

    Attributes:
        folder: where its record belongs.
        state: "cached" when a sealed record with the same key is there, else "to run".
        to_build: stages without an artefact.
    """

    spec: RunSpec
    plan: Plan
    survey: Survey
    pipeline: str
    folder: Path
    state: str
    to_build: list[str]


def choose_pipelines(
    task: Task, flags: Mapping[str, Sequence[str]], forced: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Component]]:
    """The task's pipelines with the flags' components put in; a flag given twice asks for both.

    Args:
        forced: kind -> options from --set, which beat those in the task file's brackets but not those in a flag's.
    """
    chosen: list[dict[str, Component]] = []
    lacking = [kind for kind in KINDS if not flags[kind]]
    if not task.pipelines and lacking:
        raise ConfigError(
            f"the task has no [[pipelines]], so say which {' and which '.join(lacking)}: "
            f"{' '.join(f'--{kind} NAME' for kind in lacking)}; see: bench list"
        )
    for pipeline in task.pipelines or [PipelineFile("", "", "")]:
        asked = [
            [parse_component(name) for name in flags[kind]]
            or [_without(parse_component(getattr(pipeline, kind)), forced.get(kind, {}))]
            for kind in KINDS
        ]
        for components in itertools.product(*asked):
            parts = dict(zip(KINDS, components, strict=True))
            if parts not in chosen:
                chosen.append(parts)
    for kind, component in itertools.chain.from_iterable(parts.items() for parts in chosen):
        find(kind, component.name)
    return chosen


def look(
    worker: Worker, choice: DatasetChoice, seed: int, cache: Path, watch: Callable[[dict[str, Any]], None]
) -> tuple[DatasetChoice, Survey]:
    """The dataset, recognised where it was not named, and what a look at it tells."""
    request = {"op": "survey", "dataset": msgspec.to_builtins(choice), "seed": seed, "cache": str(cache)}
    told = worker.ask(request, watch)
    return msgspec.convert(told["dataset"], DatasetChoice), msgspec.convert(told["survey"], Survey)


def resolve(
    task: Task,
    name: str,
    chosen: Iterable[Mapping[str, Component]],
    choice: DatasetChoice,
    survey: Survey,
    described: Descriptions,
    *,
    forced: Mapping[str, Mapping[str, Any]],
    seeds: Sequence[int],
    runtime: Runtime,
) -> list[RunSpec]:
    """One specification per pipeline and seed, every option in it.

    Args:
        forced: kind -> options from --set, which at least one chosen component must have.

    Raises:
        UnknownNameError: nobody measures the task's metric.
        DataError: a class has too few groups to be in every part.
        OptionError: an option that no chosen component has, or a value that does not fit.
        RefusedError: the dataset's own masks would give the class away.
    """
    chosen = list(chosen)
    classes = resolve_classes(task, survey.labels)
    _check_metric(task, classes)
    grouped = task.split.grouping == "group"
    patients = grouped and sum(survey.groups.values()) < survey.images
    _check_parts(classes, survey.groups if grouped else survey.counts, "patients" if patients else "images")
    for kind, options in forced.items():
        _check_forced(kind, options, {parts[kind].name for parts in chosen}, described)
    specs = []
    pipelines: list[dict[str, Component]] = []
    for parts in chosen:
        resolved = {kind: _resolved(kind, parts[kind], task, described) for kind in KINDS}
        if resolved in pipelines:  # a default written out is the same pipeline
            continue
        pipelines.append(resolved)
        _check_masks(parts["segmenter"].name, described.traits(parts["segmenter"].name), survey)
        if described.traits(parts["segmenter"].name).reads_dataset_masks and survey.masks_leak:
            raise RefusedError(
                f"--segmenter {parts['segmenter'].name} would give the class away: {survey.masks_leak}; "
                "use --segmenter unet, which sees every class alike"
            )
        specs += [
            RunSpec(
                task=name,
                title=task.title,
                scheme=task.scheme,
                metric=task.metric,
                classes=classes,
                positive=task.positive,
                dataset=choice,
                images=task.images,
                augmentation=task.augmentation,
                training=task.training,
                segmentation=task.segmentation,
                split=task.split,
                resamples=task.resamples,
                seed=seed,
                fold=0,
                runtime=runtime,
                **resolved,
            )
            for seed in seeds
        ]
    return specs


def schedule(
    specs: Iterable[RunSpec], survey: Survey, described: Descriptions, store: Store, results: Path
) -> list[Planned]:
    """Each run with its plan, and whether its record or its artefacts are there already."""
    planned = []
    for spec in specs:
        steps = plan(spec, survey, described.traits(spec.segmenter.name))
        folder = results / spec.task / steps.run
        usual = {kind: described.defaults(kind, getattr(spec, kind).name) for kind in KINDS}
        state = "cached" if _is_current(folder / "result.json", steps.key) else "to run"
        to_build = missing(steps, lambda stage, key: store.find(stage, key) is not None)
        planned.append(Planned(spec, steps, survey, pipeline_name(spec, usual), folder, state, to_build))
    return planned


def execute(
    run: Planned, worker: Worker, store: Store, watch: Callable[[dict[str, Any]], None], timeout_s: float | None = None
) -> Record:
    """Run one plan in the worker; gives its record, which says why where it failed.

    Raises:
        BenchError: the data or the disk make every run impossible.
    """
    request = {
        "op": "run",
        "spec": msgspec.to_builtins(run.spec),
        "plan": msgspec.to_builtins(run.plan),
        "survey": msgspec.to_builtins(run.survey),
        "pipeline": run.pipeline,
        "cache": str(store.root),
        "folder": str(run.folder.absolute()),
    }
    outcome = worker.serve(request, watch, timeout_s)
    if outcome.cause is None:
        return read_record(run.folder / "result.json")
    if outcome.cause == "storage":
        raise StorageError(outcome.message)
    if outcome.exit_code == 2 and outcome.stage in SHARED_STAGES:
        raise ConfigError(outcome.message)
    record = failed(run, outcome, store)
    write(record, run.folder)
    return record


def failed(run: Planned, outcome: Outcome, store: Store) -> Record:
    """The record of a run that did not end well."""
    spec, survey, table = run.spec, run.survey, run.spec.split
    return Record(
        schema=SCHEMA,
        status="failed",
        task=spec.task,
        run=run.plan.run,
        pipeline=run.pipeline,
        pipeline_digest=run.plan.pipeline_digest,
        seed=spec.seed,
        fold=spec.fold,
        digest=run.plan.digest,
        key=run.plan.key,
        spec=msgspec.to_builtins(spec),
        metric=spec.metric,
        classes=list(spec.classes),
        positive=spec.positive,
        dataset=DatasetInfo(
            survey.name,
            survey.digest,
            survey.counts,
            survey.sources,
            licence=survey.licence,
            origin=survey.origin,
            notices=survey.notices,
        ),
        split=SplitInfo(
            _split_digest(run.plan, store),
            table.grouping,
            table.seed,
            {"train": table.train, "validation": table.validation, "test": table.test},
        ),
        failure=Failure(outcome.cause or "exception", outcome.stage, outcome.message, outcome.log),  # type: ignore[arg-type]
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _split_digest(plan: Plan, store: Store) -> str:
    """Who is where, so that a failed run stands in the table of those that it was to be compared with."""
    stage = plan.stage("split")
    folder = stage and store.find(stage.name, stage.key)
    return (folder / "digest").read_text() if folder else ""


def _check_metric(task: Task, classes: Mapping[str, Sequence[str]]) -> None:
    binary = len(classes) == 2
    of_class = ("precision", "recall", "f1") if binary else ("precision", "recall", "f1", "specificity", "auroc")
    of_positive = ("sensitivity", "specificity") if binary and task.positive is not None else ()
    known = [*METRICS, *of_positive, *(f"{metric}/{name}" for metric in of_class for name in classes)]
    if task.metric not in known:
        raise unknown_name("metric", task.metric, known, "the task's metric")


def _check_masks(name: str, traits: Traits, survey: Survey) -> None:
    if survey.masks == 0 and (traits.trains or traits.reads_dataset_masks):
        raise ConfigError(
            f"--segmenter {name} needs lung masks, and dataset {survey.name!r} has none; "
            "use --segmenter none or --segmenter threshold, or add a masks folder beside the images of each label"
        )


def _check_parts(classes: Mapping[str, Sequence[str]], counts: Mapping[str, int], unit: str) -> None:
    found = {name: sum(counts.get(label, 0) for label in taken) for name, taken in classes.items()}
    scarce = [f"{name} has {count}" for name, count in found.items() if count < PARTS]
    if scarce:
        raise DataError(
            f"too few {unit}: {', '.join(scarce)}; every class needs one in training, one in each half of "
            f"validation and one in test, so {PARTS} or more; add images or raise --limit"
        )


def _is_current(path: Path, key: str) -> bool:
    if not path.is_file():
        return False
    try:
        record = verify(path)
    except BenchError:  # unreadable, or edited after it was sealed: what it says is worth nothing
        return False
    return record.status == "ok" and record.key == key


def _without(component: Component, options: Mapping[str, Any]) -> Component:
    return Component(component.name, {name: value for name, value in component.options.items() if name not in options})


def _resolved(kind: str, component: Component, task: Task, described: Descriptions) -> Component:
    options = described.options(kind, component.name)
    names = {option.name for option in options}
    shared = {name: value for name, value in task.options.get(kind, {}).items() if name in names}  # type: ignore[call-overload]
    given = {**shared, **component.options}
    return Component(component.name, resolve_options(f"{kind} {component.name!r}", options, given))


def _check_forced(kind: str, options: Mapping[str, Any], names: set[str], described: Descriptions) -> None:
    known: dict[str, Option] = {}
    for name in names:
        known |= {option.name: option for option in described.options(kind, name)}
    for option in options:
        if option not in known:
            raise OptionError(
                f"no chosen {kind} ({', '.join(sorted(names))}) has an option {option!r}; "
                f"they have: {', '.join(sorted(known)) or 'none'}"
            )
