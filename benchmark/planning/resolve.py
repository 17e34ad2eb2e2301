"""From a request and the dataset's summary to specifications, without any heavy import."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from benchmark.planning.components import Descriptions, without_map
from benchmark.planning.graph import Traits
from benchmark.planning.split_checks import check_split
from benchmark.records.metrics import metrics_of
from benchmark.records.summary import DatasetSummary
from benchmark.records.telling import check_format
from benchmark.tasks.components import pipeline_name
from benchmark.tasks.reading import parse_component, resolve_classes
from benchmark.tasks.schema import Component, PipelineFile, Task
from benchmark.tasks.settings import KINDS, found_by
from benchmark.tasks.spec import DatasetChoice, RunSpec, Runtime, Spec, VoteSpec
from registry.errors import ConfigError, OptionError, RefusedError, unknown_name
from registry.lookup import entries, find
from registry.options import Option, resolve_options

UNTRAINED = "none"


class Chosen(msgspec.Struct, frozen=True):
    """The pipelines to compare, and the voters that join them."""

    pipelines: list[dict[str, Component]]
    voters: list[Component] = []

    def components(self) -> Iterator[tuple[str, str]]:
        """Kind and name of everything that was chosen."""
        for parts in self.pipelines:
            yield from ((kind, component.name) for kind, component in parts.items())
        yield from (("voter", voter.name) for voter in self.voters)


def choose(task: Task, asked: Mapping[str, Sequence[str]], forced: Mapping[str, Mapping[str, Any]]) -> Chosen:
    """The task's pipelines and voters with the components put in that are asked for, all of each kind.

    Args:
        asked: kind -> components as ``name[option=value,…]``.
        forced: kind -> options of the settings, which beat those in the task file's brackets but not those asked for.

    Raises:
        ConfigError: a component is missing, or there is nothing to join.
        UnknownNameError: no component of that name is registered.
    """
    pipelines = _pipelines(task, asked, forced)
    voters = [parse_component(name) for name in asked["voter"]]
    voters = voters or [_without(parse_component(name), forced.get("voter", {})) for name in task.voters]
    if task.scheme == "one-vs-all" and not voters:
        raise ConfigError(
            "scheme one-vs-all trains a model per class, and nothing says how they vote; "
            'add voters = ["soft"] to the task, or --voter soft; see: bench list voters'
        )
    if task.scheme == "direct" and voters and len(pipelines) < 2:
        raise ConfigError(
            f"a vote ({voters[0]}) joins two pipelines or more, received one; "
            'give --backbone or --head twice, or a task with scheme = "one-vs-all"'
        )
    chosen = Chosen(pipelines, voters)
    for kind, name in chosen.components():
        find(kind, name)
    return chosen


def _pipelines(
    task: Task, asked: Mapping[str, Sequence[str]], forced: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Component]]:
    chosen: list[dict[str, Component]] = []
    lacking = [kind for kind in KINDS if not asked[kind]]
    if not task.pipelines and lacking:
        raise ConfigError(
            f"the task has no [[pipelines]], so say which {' and which '.join(lacking)}: "
            f"{' '.join(f'--{kind} NAME' for kind in lacking)}; see: bench list"
        )
    for pipeline in task.pipelines or [PipelineFile("", "", "")]:
        every = [
            [parse_component(name) for name in asked[kind]]
            or [_without(parse_component(getattr(pipeline, kind)), forced.get(kind, {}))]
            for kind in KINDS
        ]
        for components in itertools.product(*every):
            parts = dict(zip(KINDS, components, strict=True))
            if parts not in chosen:
                chosen.append(parts)
    return chosen


def resolve(
    task: Task,
    name: str,
    chosen: Chosen,
    choice: DatasetChoice,
    summary: DatasetSummary,
    described: Descriptions,
    *,
    forced: Mapping[str, Mapping[str, Any]],
    seeds: Sequence[int],
    runtime: Runtime,
    allow_format_differences: bool = False,
) -> list[Spec]:
    """One specification per pipeline or vote, seed and fold, every option in it; pooled ones are not among them.

    Args:
        forced: kind -> options of the settings, which at least one chosen component must have.
        allow_format_differences: go on where the files' format alone tells a class.

    Raises:
        UnknownNameError: the task's metric is unknown.
        DataError: a class has too few groups to be in every subset.
        OptionError: an option that no chosen component has, or a value that does not fit.
        RefusedError: the dataset's own masks, or its files' format, would give the class away.
    """
    settings = resolved_setting(task, name, choice, summary, runtime, allow_format_differences)
    _check_components(chosen, forced, summary, described)
    pipelines = _distinct([_Pipeline.of(parts, task, described) for parts in chosen.pipelines])
    voters = _distinct([_resolved("voter", voter, task, described) for voter in chosen.voters])
    specs: list[Spec] = []
    for seed, fold in itertools.product(seeds, range(task.split.folds)):
        own = {**settings, "seed": seed, "fold": fold}
        direct = [pipeline.spec(task, own) for pipeline in pipelines]
        specs += direct
        specs += [vote for voter in voters for vote in _votes(task.scheme, direct, voter, own, described)]
    return specs


def resolved_setting(
    task: Task,
    name: str,
    choice: DatasetChoice,
    summary: DatasetSummary,
    runtime: Runtime,
    allow_format_differences: bool,
) -> dict[str, Any]:
    """Fields of `Setting` but for seed and fold: what is asked of which images, whoever answers.

    Raises:
        BenchError: as of `resolve`, for task and data.
    """
    classes = resolve_classes(task, summary.labels, choice.ignore, summary.separator)
    if not allow_format_differences:
        check_format(summary.facts, summary.counts, classes)
    _check_metric(task, classes)
    check_split(task.split, classes, summary)
    return {
        "task": name,
        "title": task.title,
        "metric": task.metric,
        "classes": classes,
        "positive": task.positive,
        "dataset": choice,
        "images": task.images,
        "split": task.split,
        "resamples": task.resamples,
        "runtime": runtime,
    }


class _Pipeline(msgspec.Struct, frozen=True):
    """A pipeline with every option in it."""

    segmenter: Component
    backbone: Component
    head: Component
    classical: bool
    features_head: Component | None
    pretrained: dict[str, float]

    @classmethod
    def of(cls, parts: Mapping[str, Component], task: Task, described: Descriptions) -> "_Pipeline":
        resolved = {kind: _resolved(kind, parts[kind], task, described) for kind in KINDS}
        classical = described.traits("head", parts["head"].name).classical
        untrained = described.traits("backbone", parts["backbone"].name).untrained
        if untrained and not classical:
            raise without_map(parts["backbone"].name, parts["head"].name)
        return cls(
            **resolved,
            classical=classical,
            features_head=_features_head(task, described) if classical and not untrained else None,
            pretrained=described.get("backbone", parts["backbone"].name).pretrained,
        )

    def fine_tuning(self, task: Task) -> dict[str, Any]:
        """What the backbone says of training its published weights, where nobody says otherwise."""
        if "weights" in self.backbone.options and self.backbone.options["weights"] is None:
            return {}
        return {name: value for name, value in self.pretrained.items() if name not in task.overridden}

    def spec(self, task: Task, settings: Mapping[str, Any]) -> RunSpec:
        parts = msgspec.structs.asdict(self)
        del parts["pretrained"]
        spec = RunSpec(
            **parts,
            **settings,
            augmentation=task.augmentation,
            training=msgspec.structs.replace(task.training, **self.fine_tuning(task)),
            segmentation=task.segmentation,
        )
        return msgspec.structs.replace(spec, tuned=task.tuned if found_by(task.tuned, spec) else None)


def _features_head(task: Task, described: Descriptions) -> Component | None:
    features_head = parse_component(task.features.head)
    if features_head.name == UNTRAINED:
        return None
    known = features_head.name in entries("head")
    if not known or described.traits("head", features_head.name).classical:
        raise ConfigError(
            f"features.head is the head, a network, that a backbone is trained with; {features_head.name!r} is none; "
            f"use a head such as dense, or {UNTRAINED} for the backbone's own weights"
        )
    return _resolved("head", features_head, task, described)


def _votes(
    scheme: str, direct: Sequence[RunSpec], voter: Component, settings: Mapping[str, Any], described: Descriptions
) -> Iterator[VoteSpec]:
    """Of all pipelines, or of each pipeline's models of one class against the rest."""
    if scheme == "direct":
        names = [pipeline_name(member, described.defaults) for member in direct]
        yield VoteSpec(**settings, voter=voter, members=dict(zip(names, direct, strict=True)))
        return
    for reference in direct:
        yield VoteSpec(**settings, voter=voter, members=_one_vs_all(reference), reference=reference)


def _one_vs_all(reference: RunSpec) -> dict[str, RunSpec]:
    """Class -> the same pipeline on that class against all others."""
    members = {}
    for name, labels in reference.classes.items():
        rest = [label for other, taken in reference.classes.items() if other != name for label in taken]
        classes = {f"not {name}": rest, name: labels}
        members[name] = msgspec.structs.replace(reference, classes=classes, positive=name)
    return members


def _check_metric(task: Task, classes: Mapping[str, Sequence[str]]) -> None:
    known = metrics_of(list(classes), task.positive)
    if task.metric not in known:
        raise unknown_name("metric", task.metric, known, "the task's metric")


def _check_components(
    chosen: Chosen, forced: Mapping[str, Mapping[str, Any]], summary: DatasetSummary, described: Descriptions
) -> None:
    for kind, options in forced.items():
        _check_forced(kind, options, {name for of, name in chosen.components() if of == kind}, described)
    for parts in chosen.pipelines:
        _check_masks(parts["segmenter"].name, described.traits("segmenter", parts["segmenter"].name), summary)


def _check_masks(name: str, traits: Traits, summary: DatasetSummary) -> None:
    if summary.masks == 0 and (traits.trains or traits.reads_dataset_masks):
        raise ConfigError(
            f"--segmenter {name} needs lung masks, and dataset {summary.name!r} has none; "
            "use --segmenter none or --segmenter threshold, or add a masks folder beside the images of each label"
        )
    if traits.reads_dataset_masks and summary.masks_leak:
        raise RefusedError(
            f"--segmenter {name} would give the class away: {summary.masks_leak}; "
            "use --segmenter unet, which sees every class alike"
        )


def _distinct(items: Iterable[Any]) -> list[Any]:
    """Each once: a default written out is the same component."""
    kept: list[Any] = []
    for item in items:
        if item not in kept:
            kept.append(item)
    return kept


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
