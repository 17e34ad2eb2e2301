"""Which steps a run is made of, and the key of each: a digest of everything its bytes depend on.

    prepare ─ split ─ segmenter ─ masks ─ inputs ─ fit ─────────────────── predict ─ explain, score ─ draw ─ record
     copies ┘                                  └─ fit with features.head ─ features ─ predict ┘       a classical head
    members/NAME/…, reference/… up to predict ─ vote ─ explain, score ─ draw ─ record             a vote
    folds/N/… up to score ─ score ─ record                                                        pooled
    originals, prepare, split ─ controls ─ record; on masks instead of originals; folds/N/…       controls

A key holds the stage's code, its components' code and options, the settings it reads, the versions of the libraries
that matter to it, and the keys of what it reads.  That of a record holds no code: whoever changes what a record says
raises the schema's number.  Nothing here executes a component.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import cast

import msgspec

from benchmark.planning.graph import MEMBERS, RECORD, Plan, Step, Traits, keys_of
from benchmark.records.record import SCHEMA
from benchmark.records.summary import DatasetSummary
from benchmark.storage.code import OWN, CodeIndex, component_code
from benchmark.storage.digests import canonical, digest, library_versions
from benchmark.tasks.components import components_of, plain_name, run_parts
from benchmark.tasks.schema import Component
from benchmark.tasks.spec import ControlsSpec, RunSpec, Spec, VoteSpec, target_of, with_segmenter_seed
from registry.lookup import find

SEARCH = "benchmark.data.copies"
IMAGES = ("numpy", "opencv-python-headless")
FIGURES = ("matplotlib", "contourpy")
CLASSICAL = ("numpy", "scikit-learn", "xgboost", "skops")
SCORED = ("prepare", "split", "masks", "fit", "predict")  # what logits are judged by
RECORDED = (  # copied or read
    "split", "segmenter", "fit", "features", "predict", "vote", "explain", "score", "draw", "controls",
)  # fmt: skip
JUDGING = ("score", "controls")  # stages that turn outputs into the numbers of a record
BACKEND_LIBRARIES = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}


def plan(spec: Spec, summary: DatasetSummary, traits: Callable[[str], Traits], index: CodeIndex) -> Plan:
    """The steps of a run.

    Args:
        traits: segmenter's name -> how it is treated.
        index: code and weights as the command sees them.
    """
    if isinstance(spec, VoteSpec):
        return _vote(spec, summary, traits, index)
    assert isinstance(spec, RunSpec)  # controls stand on the steps of runs
    chain = Chain(spec, index)
    networks = _trunk(chain, summary, traits(spec.segmenter.name))
    rows = (list(spec.classes), chain.libraries("scipy"))  # its rows bear the names of the classes
    chain.add("explain", spec.seed, networks, *rows, reads=(*SCORED, "inputs", "features"))
    chain.add("score", *scoring(chain), reads=SCORED)
    settings = (list(spec.classes), spec.seed, plain_name(spec), spec.augmentation, spec.training, networks)
    chain.add(
        "draw", *settings, chain.libraries(*FIGURES), reads=("prepare", "split", "masks", "inputs", "fit", "explain")
    )
    return chain.planned(summary)


def pooled(spec: Spec, summary: DatasetSummary, folds: Sequence[Plan], index: CodeIndex) -> Plan:
    """How all folds become one result: of the run itself, nothing is built but the scores and the record."""
    chain = Chain(spec, index)
    for number, fold in enumerate(folds):
        chain.adopt(f"folds/{number}/", fold.steps, fold.uncacheable)
    chain.add("score", *scoring(chain), reads=chain.roles("score"), module="score_folds")
    return chain.planned(summary)


def _vote(spec: VoteSpec, summary: DatasetSummary, traits: Callable[[str], Traits], index: CodeIndex) -> Plan:
    chain = Chain(spec, index)
    members = {f"{MEMBERS}{name}/": member for name, member in spec.members.items()}
    if spec.reference:
        members["reference/"] = spec.reference
    networks = []
    for place, member in members.items():
        own = Chain(member, index)
        networks.append(_trunk(own, summary, traits(member.segmenter.name)))
        chain.adopt(place, own.steps, own.uncacheable)
    _split(chain, summary)
    scored = chain.roles(*SCORED)
    voting = [role for role in scored if not role.startswith("reference/")]
    columns = [(name, spec.column(name)) for name in spec.members]
    fitted_on = (columns, target_of(spec.classes), spec.seed, chain.libraries("numpy", "scikit-learn"))
    chain.add("vote", *fitted_on, reads=voting, components=(("voter", spec.voter),))
    mapped = [role for role in chain.roles(*SCORED, "inputs", "features", "vote") if not role.startswith("reference/")]
    chain.add("explain", spec.seed, networks, list(spec.classes), reads=mapped, module="explain_vote")
    chain.add("score", spec.metric, *scoring(chain), reads=(*scored, "vote"), module="score_vote")
    settings = (list(spec.classes), spec.seed, plain_name(spec), chain.libraries(*FIGURES))
    chain.add("draw", *settings, reads=[*chain.roles("prepare", "masks", "inputs"), "split", "explain"])
    return chain.planned(summary)


def read_steps(spec: Spec, summary: DatasetSummary, index: CodeIndex) -> tuple[Step, Step | None]:
    """What prepares a dataset as a run does, its own or another, and what searches it for copies, where it has files.

    Whatever the run's split kept together, so that all runs are judged on the same images in the same groups.
    """
    split = msgspec.structs.replace(spec.split, copies="search", grouping="group")
    chain = Chain(msgspec.structs.replace(spec, split=split), index)
    _split(chain, summary)
    return chain.steps["prepare"], chain.steps.get("copies")


def scoring(chain: "Chain") -> tuple[object, ...]:
    """Settings of every step that scores."""
    spec, numpy = chain.spec, chain.libraries("numpy")
    return list(spec.classes), target_of(spec.classes), spec.positive, spec.seed, spec.resamples, numpy


def _split(chain: "Chain", summary: DatasetSummary) -> None:
    """The steps that any run begins with."""
    # `lungs` equalises behind the masks (of the whole frame, where that is the mask): the prepared images stay raw.
    spec = chain.spec
    if spec.split.copies == "search" and spec.split.grouping == "group" and summary.files:
        _copies(chain, summary)
    early = "none" if spec.images.equalise == "lungs" else spec.images.equalise
    source = (("dataset", Component(spec.dataset.name, summary.options)),)
    images = (spec.images.size, early, spec.images.fit, spec.images.inverted_masks)
    settings = (summary.digest, spec.dataset.skip_bad, *images, chain.libraries(*IMAGES))
    chain.add("prepare", *settings, components=source)
    chain.add("split", spec.split, spec.fold, reads=("prepare", "copies"))


def _copies(chain: "Chain", summary: DatasetSummary) -> None:
    """The search for copies, which sees the files as they are read, whatever becomes of them later."""
    source = (("dataset", Component(chain.spec.dataset.name, summary.options)),)
    chain.add("copies", summary.digest, chain.libraries(*IMAGES), components=source)
    chain.steps["copies"] = msgspec.structs.replace(chain.steps["copies"], kept=_memory(chain, source[0][1]))


def _memory(chain: "Chain", dataset: Component) -> str:
    """Name of what is remembered of films, which holds for whatever dataset they are in."""
    return digest(chain.code(SEARCH), chain.libraries(*IMAGES), chain.component("dataset", dataset))


def search_memory(dataset: Component, index: CodeIndex) -> str:
    """The same for a search outside of a run.

    Args:
        dataset: with its options resolved.
    """
    return _memory(Chain(cast("Spec", None), index), dataset)


def _trunk(chain: "Chain", summary: DatasetSummary, segmenter: Traits) -> str:
    """The steps up to predictions; gives the versions of what networks are made with."""
    spec = chain.spec
    assert isinstance(spec, RunSpec)
    networks = chain.networks(spec)
    chain.adopt("", *_stem(spec, summary, segmenter, chain.index))
    targets = target_of(spec.classes)
    if spec.trains_network:
        models = (("backbone", spec.backbone), ("head", spec.trained_head))
        settings = (targets, spec.augmentation, spec.training, spec.seed, spec.runtime, networks)
        chain.add("fit", *settings, reads=("prepare", "split", "inputs"), components=models)
    if not spec.classical:
        chain.add("predict", targets, networks, reads=("prepare", "split", "inputs", "fit"))
        return networks
    backbone = () if spec.trains_network else (("backbone", spec.backbone),)
    chain.add("features", spec.runtime, networks, reads=("prepare", "inputs", "fit"), components=backbone)
    own = (targets, spec.training.balance, spec.training.labels, spec.seed, chain.libraries(*CLASSICAL))
    reads, head = ("prepare", "split", "features"), (("head", spec.head),)
    chain.add("predict", *own, reads=reads, components=head, module="classify")
    return networks


def _stem(
    spec: RunSpec, summary: DatasetSummary, segmenter: Traits, index: CodeIndex
) -> tuple[dict[str, Step], list[str]]:
    """The steps up to what the classifier sees, the same for all that see it, whatever is trained on it."""
    spec = with_segmenter_seed(spec)

    def grown() -> "Chain":
        chain = Chain(spec, index)
        _split(chain, summary)
        _inputs(chain, segmenter)
        return chain

    settings = [spec.dataset, spec.images, spec.split, spec.fold, spec.segmenter, spec.segmentation, spec.runtime]
    found = index.once((_stem, segmenter, summary.digest, canonical([*settings, summary.options])), grown)
    found = grown() if found.uncacheable else found  # what cannot be reused is nobody else's either
    return found.steps, found.uncacheable


def _inputs(chain: "Chain", segmenter: Traits) -> None:
    """Masks and what the classifier sees; neither where the frame is kept whole as it was prepared."""
    spec = chain.spec
    assert isinstance(spec, RunSpec)
    chosen = (("segmenter", spec.segmenter),)
    if not segmenter.whole_frame:
        made_with = chain.libraries(*IMAGES)
        if segmenter.trains:
            made_with = chain.networks(spec)
            settings = (spec.segmentation, spec.runtime, made_with)
            chain.add("segmenter", *settings, reads=("prepare", "split"), components=chosen)
        chain.add("masks", made_with, reads=("prepare", "segmenter"), components=chosen)
    late = spec.images.equalise == "lungs"
    if not segmenter.whole_frame or late:
        chain.add("inputs", spec.images.mask, late, chain.libraries(*IMAGES), reads=("prepare", "masks"))


class Chain:
    """The steps of a run in the making."""

    def __init__(self, spec: Spec, index: CodeIndex) -> None:
        self.spec, self.index = spec, index
        self.steps: dict[str, Step] = {}
        self.uncacheable: list[str] = []

    def add(
        self,
        name: str,
        *settings: object,
        reads: Sequence[str] = (),
        components: tuple[tuple[str, Component], ...] = (),
        module: str = "",
    ) -> None:
        """Append a step.

        Args:
            settings: that its artefact depends on besides what it reads.
            reads: roles; those that this run does not have are left out.
            module: below `benchmark.stages`; by default called like the stage.
        """
        path = f"benchmark.stages.{module or name}"
        inputs = keys_of(reads, self.steps)
        parts = [name, self.code(path), canonical(inputs), *map(_text, settings)]
        parts += [self.component(kind, component) for kind, component in components]
        self.steps[name] = Step(name, path, digest(*parts), self.spec, inputs)

    def adopt(self, place: str, steps: Mapping[str, Step], uncacheable: Iterable[str]) -> None:
        """Take over the steps of another chain, their roles below a place."""
        self.steps |= {f"{place}{role}": step for role, step in steps.items()}
        self.uncacheable += uncacheable

    def roles(self, *names: str) -> list[str]:
        """Of the steps of these stages, those of members, reference and folds too."""
        return [role for role in self.steps if role.rpartition("/")[2] in names]

    def planned(self, summary: DatasetSummary, module: str = RECORD) -> Plan:
        """The steps so far, and the record that they end in.

        Args:
            module: that writes it, below `benchmark.stages`.
        """
        spec = self.spec
        inputs = keys_of(self.roles(*RECORDED), self.steps)
        key = digest("record", str(SCHEMA), canonical(inputs), canonical([list(spec.classes), spec.metric]))
        whole = spec.digest(summary.digest)
        fold = "pooled" if spec.fold is None else f"f{spec.fold}"
        place = [] if isinstance(spec, ControlsSpec) else [f"s{spec.seed}", fold]
        return Plan(
            run="-".join([*run_parts(spec), *place, whole[:8]]),
            digest=whole,
            pipeline_digest=spec.pipeline_digest(summary.digest),
            steps=self.steps,
            record=Step(RECORD, f"benchmark.stages.{module}", key, spec, inputs),
            code={name: component_code(kind, part.name, self.index) for name, kind, part in components_of(spec)},
            uncacheable=sorted(set(self.uncacheable)),
            scoring=self._scoring_code(),
        )

    def _scoring_code(self) -> dict[str, str]:
        modules = [self.steps[name].module for name in JUDGING if name in self.steps]
        codes = {module: self.index.code_digest(module, OWN) for module in modules}
        return {module: code for module, code in codes.items() if code}

    def code(self, module: str) -> str:
        """Digest of a stage's code."""
        return self.index.code_digest(module, OWN) or self._never_again(module)

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


def _text(value: object) -> str:
    return value if isinstance(value, str) else canonical(value)
