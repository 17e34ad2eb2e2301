"""Which artefacts a run is made of, and the key of each: a digest of everything its bytes depend on.

    prepare ─ split ─ segmenter ─ masks ─ inputs ─ fit ─────────────────── predict ─ explain ─ (record)
                                               └─ fit of the carrier ─ features ─ predict ┘       a classical head
    each member up to predict ─ vote ─ (record)                                                   a vote
    the records of all folds ─ (record)                                                           pooled

A key holds the stage's code, its components' code and options, the settings it reads, the versions of the libraries
that matter to it, and the keys upstream.  Nothing here executes a component.
"""

import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmark.config import RunSpec, Setting, Spec, VoteSpec, canonical, target_of
from benchmark.digests import digest, library_versions
from benchmark.parts import components_of, run_parts
from benchmark.plan import Plan, Stage, Survey, Traits
from benchmark.provenance import CodeIndex
from benchmark.tables import Component
from registry.lookup import find, packages_of

OWN = ("benchmark", "registry")
IMAGES = ("numpy", "opencv-python-headless")
CLASSICAL = ("numpy", "scikit-learn", "xgboost", "skops")
BACKEND_LIBRARIES = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}


def plan(spec: Spec, survey: Survey, traits: Callable[[str], Traits], index: CodeIndex) -> Plan:
    """The stages of a run and their keys.

    Args:
        traits: segmenter's name -> how it is treated.
        index: code and weights as the command sees them.
    """
    if isinstance(spec, VoteSpec):
        return _vote(spec, survey, traits, index)
    chain = _Chain(index)
    ends = _trunk(chain, spec, survey, traits(spec.segmenter.name))
    statistics = (list(spec.classes), chain.libraries("scipy"))  # its rows bear the names of the classes
    seen = (ends.seen, ends.predicted, ends.inputs, ends.masks, spec.seed, ends.networks, *statistics)
    explained = chain.add("explain", *seen)
    return chain.planned(spec, survey, "benchmark.recording.model", ends.predicted, explained)


def pooled(spec: Spec, survey: Survey, folds: list[Plan], index: CodeIndex) -> Plan:
    """How the records of all folds become one: nothing is built but the record."""
    return _Chain(index).planned(spec, survey, "benchmark.recording.folds", *(fold.key for fold in folds))


def _vote(spec: VoteSpec, survey: Survey, traits: Callable[[str], Traits], index: CodeIndex) -> Plan:
    chain = _Chain(index)
    split = _split(chain, spec, survey)[1]

    def member(one: RunSpec) -> tuple[str, Plan]:
        own = _Chain(index)
        ends = _trunk(own, one, survey, traits(one.segmenter.name))
        return ends.predicted, own.planned(one, survey, "", ends.predicted)

    members = {name: member(one) for name, one in spec.members.items()}
    reference = member(spec.reference) if spec.reference else None
    votes = [(name, spec.column(name), key) for name, (key, _) in members.items()]
    settings = (split, votes, target_of(spec.classes), spec.seed, chain.libraries("numpy", "scikit-learn"))
    voted = chain.add("vote", *settings, components=(("voter", spec.voter),))
    told = chain.planned(spec, survey, "benchmark.recording.vote", voted, reference[0] if reference else "")
    return msgspec.structs.replace(
        told,
        members={name: one for name, (_, one) in members.items()},
        reference=reference[1] if reference else None,
        uncacheable=sorted({*told.uncacheable, *(name for _, one in members.values() for name in one.uncacheable)}),
    )


class _Ends(NamedTuple):
    """Keys at which the trunk of a run ends; `seen` is what gives evidence of images."""

    inputs: str
    masks: str
    seen: str
    predicted: str
    networks: str


def _split(chain: "_Chain", spec: Setting, survey: Survey) -> tuple[str, str]:
    # `lungs` equalises behind the masks (of the whole frame, where that is the mask): the prepared images stay raw.
    early = "none" if spec.images.equalise == "lungs" else spec.images.equalise
    source = (("dataset", Component(spec.dataset.name, survey.options)),)
    settings = (survey.digest, spec.dataset.skip_bad, spec.images.size, early, chain.libraries(*IMAGES))
    prepared = chain.add("prepare", *settings, components=source)
    return prepared, chain.add("split", prepared, spec.split, spec.fold)


def _trunk(chain: "_Chain", spec: RunSpec, survey: Survey, segmenter: Traits) -> _Ends:
    """The stages up to predictions."""
    networks = chain.networks(spec)
    parts, inputs, masks = chain.go_on(_stem(spec, survey, segmenter, chain.index))
    targets = target_of(spec.classes)
    fitted = ""
    if spec.trains_network:
        models = (("backbone", spec.backbone), ("head", spec.trained_head))
        settings = (spec.augmentation, spec.training, spec.seed, spec.runtime, networks)
        fitted = chain.add("fit", inputs, parts, targets, *settings, components=models)
    if not spec.classical:
        return _Ends(inputs, masks, fitted, chain.add("predict", fitted, inputs, networks), networks)
    backbone = () if fitted else (("backbone", spec.backbone),)
    features = chain.add("features", fitted, inputs, spec.runtime, networks, components=backbone)
    settings_of_head = (spec.training.balance, spec.training.labels, spec.seed, chain.libraries(*CLASSICAL))
    predicted = chain.add(
        "predict", features, parts, targets, *settings_of_head, components=(("head", spec.head),), module="classify"
    )
    return _Ends(inputs, masks, f"{features} {predicted}", predicted, networks)


class _Stem(NamedTuple):
    """The stages up to what the classifier sees, and the keys that go on from there."""

    chain: "_Chain"
    parts: str
    inputs: str
    masks: str


def _stem(spec: RunSpec, survey: Survey, segmenter: Traits, index: CodeIndex) -> _Stem:
    """The stem of a run, the same for all that see the same images, whatever is trained on them."""

    def grown() -> _Stem:
        chain = _Chain(index)
        prepared, parts = _split(chain, spec, survey)
        return _Stem(chain, parts, *_inputs(chain, spec, segmenter, prepared, parts, chain.networks(spec)))

    settings = [spec.dataset, spec.images, spec.split, spec.fold, spec.segmenter, spec.segmentation, spec.runtime]
    found = index.once((_Stem, segmenter, survey.digest, canonical([*settings, survey.options])), grown)
    return grown() if found.chain.uncacheable else found  # what cannot be reused is nobody else's either


def _inputs(
    chain: "_Chain", spec: RunSpec, segmenter: Traits, prepared: str, parts: str, networks: str
) -> tuple[str, str]:
    """Keys of what the classifier sees and of the masks, empty where the frame is kept whole."""
    masks, chosen = "", (("segmenter", spec.segmenter),)
    if not segmenter.whole_frame:
        if segmenter.trains:
            settings = (spec.segmentation, spec.runtime, networks)
            trained = chain.add("segmenter", prepared, parts, *settings, components=chosen)
            masks = chain.add("masks", prepared, trained, networks, components=chosen)
        else:
            masks = chain.add("masks", prepared, chain.libraries(*IMAGES), components=chosen)
    late = spec.images.equalise == "lungs"
    if not masks and not late:
        return prepared, masks
    return chain.add("inputs", prepared, masks, spec.images.mask, late, chain.libraries(*IMAGES)), masks


class _Chain:
    """Stages in the making."""

    def __init__(self, index: CodeIndex) -> None:
        self.index = index
        self.stages: list[Stage] = []
        self.uncacheable: list[str] = []

    def add(
        self, name: str, *inputs: object, components: tuple[tuple[str, Component], ...] = (), module: str = ""
    ) -> str:
        """Append a stage; gives its key.

        Args:
            module: below `benchmark.stages`; by default called like the stage.
        """
        path = f"benchmark.stages.{module or name}"
        parts = [name, self.code(path), *map(_text, inputs)]
        parts += [self.component(kind, component) for kind, component in components]
        self.stages.append(Stage(name, path, digest(*parts)))
        return self.stages[-1].key

    def go_on(self, stem: _Stem) -> tuple[str, str, str]:
        """Take over the stages of a stem; gives its keys."""
        self.stages += stem.chain.stages
        self.uncacheable += stem.chain.uncacheable
        return stem.parts, stem.inputs, stem.masks

    def planned(self, spec: Spec, survey: Survey, recorder: str, *ends: str) -> Plan:
        """The stages so far, and the record that their ends make."""
        key = digest(
            "record",
            self.code(recorder) if recorder else "",
            *ends,
            _text([spec.classes, spec.positive, spec.metric, spec.resamples]),
            self.libraries("numpy", "scipy", "matplotlib"),
        )
        whole = spec.digest(survey.digest)
        fold = "pooled" if spec.fold is None else f"f{spec.fold}"
        return Plan(
            run=f"{'-'.join(run_parts(spec))}-s{spec.seed}-{fold}-{whole[:8]}",
            digest=whole,
            pipeline_digest=spec.pipeline_digest(survey.digest),
            key=key,
            stages=self.stages,
            code={name: component_code(kind, part.name, self.index) for name, kind, part in components_of(spec)},
            uncacheable=sorted(set(self.uncacheable)),
            recorder=recorder,
        )

    def code(self, module: str) -> str:
        """Digest of a stage's code."""
        found = self.index.code_digest(module, OWN)
        return found or self._never_again(module)

    def component(self, kind: str, component: Component) -> str:
        """Digest of a component's code and options, and of the files that options name."""
        code = component_code(kind, component.name, self.index) or self._never_again(f"{kind} {component.name}")
        rest = (code, canonical(component.options), *self._file_digests(component))

        def found() -> str:
            entry = find(kind, component.name)
            return digest(kind, entry.module, entry.attribute, *rest)

        return self.index.once(("component", kind, component.name, *rest), found)

    def libraries(self, *names: str) -> str:
        """Versions of the libraries that matter to a stage."""
        return self.index.once(("libraries", *names), lambda: canonical(library_versions(*names)))

    def networks(self, spec: RunSpec) -> str:
        """Versions of what networks run on."""
        backend = spec.runtime.backend
        return self.libraries("numpy", "keras", BACKEND_LIBRARIES.get(backend, backend))

    def _file_digests(self, component: Component) -> list[str]:
        """Of pretrained weights, for instance: another file at the same path is other input."""
        values = [value for _, value in sorted(component.options.items()) if isinstance(value, str)]
        return [self.index.file_digest(value) for value in values if value and Path(value).is_file()]

    def _never_again(self, what: str) -> str:
        """In place of a digest of code that cannot be read: what is made with it is not found again."""
        self.uncacheable.append(what)
        return os.urandom(16).hex()


def component_code(kind: str, name: str, index: CodeIndex) -> str:
    """Digest of what a component's source closure does, or its distribution's version where that cannot be read."""
    return index.once((component_code, kind, name), lambda: _of_component(kind, name, index.code_digest))


def component_text(kind: str, name: str, index: CodeIndex) -> str:
    """The same of the files as they are written: a component describes itself in its docstrings."""
    return _of_component(kind, name, index.byte_digest)


def _of_component(kind: str, name: str, digest_of: Callable[[str, Collection[str]], str | None]) -> str:
    entry = find(kind, name)
    version = f"version {entry.distribution} {entry.version}" if entry.version else ""
    return digest_of(entry.module, packages_of(entry.distribution)) or version


def _text(value: object) -> str:
    return value if isinstance(value, str) else canonical(value)
