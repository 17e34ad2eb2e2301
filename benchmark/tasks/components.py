"""What a specification is made of, and what it is called."""

from collections.abc import Callable, Mapping
from typing import Any

from benchmark.tasks.schema import Component
from benchmark.tasks.spec import RunSpec, Spec, VoteSpec


def components_of(spec: Spec) -> list[tuple[str, str, Component]]:
    """What a run is made of: what it is to the run, its kind, and the component."""
    dataset = ("dataset", "dataset", Component(spec.dataset.name, spec.dataset.options))
    if isinstance(spec, VoteSpec):
        return [dataset, ("voter", "voter", spec.voter)]
    parts = [("segmenter", "segmenter", spec.segmenter), ("backbone", "backbone", spec.backbone)]
    features_head = [("features_head", "head", spec.features_head)] if spec.features_head else []
    return [dataset, *parts, ("head", "head", spec.head), *features_head]


def pipeline_name(spec: Spec, defaults: Callable[[str, str], Mapping[str, Any]]) -> str:
    """``unet+sepcnn+dense``, options that differ from the component's default in brackets; a vote by its members.

    Args:
        defaults: kind, name -> the component's options at their defaults.
    """

    def shown(kind: str, component: Component) -> str:
        usual = defaults(kind, component.name)
        changed = {name: value for name, value in component.options.items() if usual.get(name) != value}
        return str(Component(component.name, changed))

    if isinstance(spec, VoteSpec):
        names = [pipeline_name(member, defaults) for member in spec.members.values()]
        alike = f"{len(names)} × {names[0]}" if len(set(names)) == 1 else ", ".join(names)
        return f"{shown('voter', spec.voter)}({alike})"
    parts = [shown(kind, getattr(spec, kind)) for kind in ("segmenter", "backbone", "head")]
    if spec.classical and spec.features_head is None:
        parts[1] += " frozen"
    return "+".join(parts)


def run_parts(spec: Spec) -> list[str]:
    """What a run's folder is named after."""
    if isinstance(spec, RunSpec):
        return [spec.segmenter.name, spec.backbone.name, spec.head.name]
    models = {tuple(run_parts(member)) for member in spec.members.values()}
    return [spec.voter.name, "vote", *(models.pop() if len(models) == 1 else [f"{len(spec.members)}-pipelines"])]


def plain_name(spec: Spec) -> str:
    """Names of segmenter, backbone and head, whatever their options; of a vote the voter's and its members'."""
    if isinstance(spec, RunSpec):
        return "+".join(component.name for component in (spec.segmenter, spec.backbone, spec.head))
    names = [plain_name(member) for member in spec.members.values()]
    return f"{spec.voter.name}({f'{len(names)} × {names[0]}' if len(set(names)) == 1 else ', '.join(names)})"
