"""What a specification is made of, and what it is called."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from benchmark.tasks.schema import Component
from benchmark.tasks.spec import ControlsSpec, ImportedSpec, RunSpec, Spec, VoteSpec

CONTROLS, IMPORTED = "controls", "imported"
LONGEST = 40  # characters of a name that are in a folder's
Defaults = Callable[[str, str], Mapping[str, Any]]  # kind, name -> the component's options at their defaults


def components_of(spec: Spec) -> list[tuple[str, str, Component]]:
    """What a run is made of: what it is to the run, its kind, and the component."""
    dataset = ("dataset", "dataset", Component(spec.dataset.name, spec.dataset.options))
    if isinstance(spec, VoteSpec):
        return [dataset, ("voter", "voter", spec.voter)]
    if isinstance(spec, ControlsSpec):
        return [dataset, ("segmenter", "segmenter", spec.segmenter)] if spec.segmenter else [dataset]
    if isinstance(spec, ImportedSpec):
        return [dataset]
    parts = [("segmenter", "segmenter", spec.segmenter), ("backbone", "backbone", spec.backbone)]
    features_head = [("features_head", "head", spec.features_head)] if spec.features_head else []
    return [dataset, *parts, ("head", "head", spec.head), *features_head]


def component_name(kind: str, component: Component, defaults: Defaults) -> str:
    """``unet[filters=4]``: a component's name, options that differ from its default in brackets."""
    usual = defaults(kind, component.name)
    changed = {name: value for name, value in component.options.items() if usual.get(name) != value}
    return str(Component(component.name, changed))


def pipeline_name(spec: Spec, defaults: Defaults) -> str:
    """``unet+sepcnn+dense``, options that differ from the component's default in brackets; a vote by its members."""
    if isinstance(spec, ControlsSpec):
        return spec.rule or CONTROLS
    if isinstance(spec, ImportedSpec):
        return spec.name
    if isinstance(spec, VoteSpec):
        names = [pipeline_name(member, defaults) for member in spec.members.values()]
        alike = f"{len(names)} × {names[0]}" if len(set(names)) == 1 else ", ".join(names)
        return f"{component_name('voter', spec.voter, defaults)}({alike})"
    parts = [component_name(kind, getattr(spec, kind), defaults) for kind in ("segmenter", "backbone", "head")]
    if spec.classical and spec.features_head is None:
        parts[1] += " frozen"
    return "+".join(parts)


def run_parts(spec: Spec) -> list[str]:
    """What a run's folder is named after."""
    if isinstance(spec, RunSpec):
        return [spec.segmenter.name, spec.backbone.name, spec.head.name]
    if isinstance(spec, ControlsSpec):
        return [CONTROLS]
    if isinstance(spec, ImportedSpec):
        return [IMPORTED, re.sub(r"[^A-Za-z0-9]+", "-", spec.name).strip("-")[:LONGEST] or "model"]
    models = {tuple(run_parts(member)) for member in spec.members.values()}
    return [spec.voter.name, "vote", *(models.pop() if len(models) == 1 else [f"{len(spec.members)}-pipelines"])]


def plain_name(spec: Spec) -> str:
    """Names of segmenter, backbone and head, whatever their options; of a vote the voter's and its members'."""
    if isinstance(spec, RunSpec):
        return "+".join(component.name for component in (spec.segmenter, spec.backbone, spec.head))
    if isinstance(spec, ControlsSpec):
        return spec.rule or CONTROLS
    if isinstance(spec, ImportedSpec):
        return spec.name
    names = [plain_name(member) for member in spec.members.values()]
    return f"{spec.voter.name}({f'{len(names)} × {names[0]}' if len(set(names)) == 1 else ', '.join(names)})"
