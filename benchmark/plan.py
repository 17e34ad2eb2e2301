"""Which artefacts a run is made of, and the key of each: a digest of everything its bytes depend on.

    prepare ─ split ─ segmenter ─ masks ─ inputs ─ fit ─ predict ─ explain ─ (record)

A key holds the stage's code, its components' code and options, the settings it reads, the versions of the libraries
that matter to it, and the keys upstream.  Nothing here executes a component.
"""

import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from benchmark.config import Component, RunSpec, canonical, target_of
from benchmark.provenance import code_digest, digest, file_digest, library_versions, packages_of
from registry.lookup import find

OWN = ("benchmark", "registry")
BACKEND_LIBRARIES = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}


class Survey(msgspec.Struct, frozen=True):
    """What a look at the dataset told, before any image was decoded.

    Attributes:
        digest: of the selected samples: ids, labels, sources, groups and file bytes.
        labels: all of the dataset's labels, in its order.
        masks_leak: why the dataset's own masks would give the class away; None where they do not.
        groups: label -> groups with an image of it, which is what a split divides.
        masks: images that have a lung mask; None where nobody counted.
    """

    name: str
    options: dict[str, Any]
    digest: str
    labels: list[str]
    counts: dict[str, int]
    sources: dict[str, int]
    notices: list[str]
    licence: str
    origin: str
    images: int
    masks_leak: str | None
    groups: dict[str, int] = {}
    masks: int | None = None


class Traits(msgspec.Struct, frozen=True):
    """What describing a component told: its options and how the pipeline treats it.

    Attributes:
        trains: a segmenter that is a network.
        whole_frame: a segmenter that keeps everything.
        reads_dataset_masks: a segmenter that hands on the dataset's masks.
    """

    trains: bool = False
    whole_frame: bool = False
    reads_dataset_masks: bool = False


class Stage(msgspec.Struct, frozen=True):
    """One step of a run: the module that makes its artefact, and the artefact's key."""

    name: str
    module: str
    key: str


class Plan(msgspec.Struct, frozen=True):
    """The stages of one run in the order of the data.

    Attributes:
        key: of the record: everything the result depends on.
        code: kind -> digest of that component's code.
        uncacheable: what has no readable source, so that nothing made with it can be reused.
    """

    run: str
    digest: str
    pipeline_digest: str
    key: str
    stages: list[Stage]
    code: dict[str, str]
    uncacheable: list[str] = []

    def stage(self, name: str) -> Stage | None:
        """The stage of that name, where this run has it."""
        return next((stage for stage in self.stages if stage.name == name), None)


def plan(spec: RunSpec, survey: Survey, segmenter: Traits) -> Plan:
    """The stages of a run and their keys."""
    stages: list[Stage] = []
    uncacheable: list[str] = []

    def add(name: str, *inputs: object, components: tuple[tuple[str, Component], ...] = ()) -> str:
        module = f"benchmark.stages.{name}"
        parts = [name, _code(module, uncacheable), *map(_text, inputs)]
        parts += [_component(kind, component, uncacheable) for kind, component in components]
        stages.append(Stage(name, module, digest(*parts)))
        return stages[-1].key

    images = library_versions("numpy", "opencv-python-headless")
    networks = library_versions("numpy", "keras", BACKEND_LIBRARIES.get(spec.runtime.backend, spec.runtime.backend))
    # `lungs` equalises behind the masks (of the whole frame, where that is the mask): the prepared images stay raw.
    late = spec.images.equalise == "lungs"
    early = "none" if late else spec.images.equalise
    source = (("dataset", Component(spec.dataset.name, survey.options)),)
    prepared = add("prepare", survey.digest, spec.dataset.skip_bad, spec.images.size, early, images, components=source)
    parts = add("split", prepared, spec.split, spec.fold)
    inputs = prepared
    masks = ""
    chosen = (("segmenter", spec.segmenter),)
    if not segmenter.whole_frame:
        if segmenter.trains:
            settings = (spec.segmentation, spec.runtime, networks)
            trained = add("segmenter", prepared, parts, *settings, components=chosen)
            masks = add("masks", prepared, trained, networks, components=chosen)
        else:
            masks = add("masks", prepared, images, components=chosen)
    if masks or late:
        inputs = add("inputs", prepared, masks, spec.images.mask, late, images)
    targets = target_of(spec.classes)
    models = (("backbone", spec.backbone), ("head", spec.head))
    settings_of_fit = (spec.augmentation, spec.training, spec.seed, spec.runtime, networks)
    fitted = add("fit", inputs, parts, targets, *settings_of_fit, components=models)
    predicted = add("predict", fitted, inputs, networks)
    statistics = (list(spec.classes), library_versions("scipy"))  # its rows bear the names of the classes
    explained = add("explain", fitted, predicted, inputs, masks, spec.seed, networks, *statistics)
    key = digest(
        "record",
        _code("benchmark.recording", uncacheable),
        predicted,
        explained,
        _text([spec.classes, spec.positive, spec.metric, spec.resamples]),
        _text(library_versions("numpy", "scipy", "matplotlib")),
    )
    whole = spec.digest(survey.digest)
    run = f"{spec.segmenter.name}-{spec.backbone.name}-{spec.head.name}-s{spec.seed}-f{spec.fold}-{whole[:8]}"
    code = {
        kind: component_code(kind, getattr(spec, kind).name) for kind in ("dataset", "segmenter", "backbone", "head")
    }
    return Plan(run, whole, spec.pipeline_digest(survey.digest), key, stages, code, sorted(set(uncacheable)))


def missing(plan: Plan, has: Callable[[str, str], bool]) -> list[str]:
    """Names of the stages that would be built: those without an artefact."""
    return [stage.name for stage in plan.stages if not has(stage.name, stage.key)]


def pipeline_name(spec: RunSpec, defaults: Mapping[str, Mapping[str, Any]]) -> str:
    """``unet+sepcnn+dense``, options that differ from the component's default in brackets."""
    names = []
    for kind in ("segmenter", "backbone", "head"):
        component: Component = getattr(spec, kind)
        usual = defaults[kind]
        changed = {name: value for name, value in component.options.items() if usual.get(name) != value}
        names.append(str(Component(component.name, changed)))
    return "+".join(names)


def component_code(kind: str, name: str) -> str:
    """Digest of a component's source closure, or its distribution's version where the source cannot be read."""
    entry = find(kind, name)
    code = code_digest(entry.module, packages_of(entry.distribution))
    return code or f"version {entry.distribution} {entry.version}" * bool(entry.version)


def _component(kind: str, component: Component, uncacheable: list[str]) -> str:
    code = component_code(kind, component.name)
    if not code:
        uncacheable.append(f"{kind} {component.name}")
        code = uuid.uuid4().hex
    entry = find(kind, component.name)
    options = canonical(component.options)
    return digest(kind, entry.module, entry.attribute, code, options, *_file_digests(component))


def _file_digests(component: Component) -> list[str]:
    """Of the files that options name, pretrained weights for instance: another file at the same path is other input."""
    values = [value for _, value in sorted(component.options.items()) if isinstance(value, str)]
    return [file_digest(value) for value in values if value and Path(value).is_file()]


def _code(module: str, uncacheable: list[str]) -> str:
    code = code_digest(module, OWN)
    if code is None:
        uncacheable.append(module)
        return uuid.uuid4().hex
    return code


def _text(value: object) -> str:
    return value if isinstance(value, str) else canonical(value)
