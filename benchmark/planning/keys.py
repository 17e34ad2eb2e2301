"""Which steps a run is made of, and the key of each: a digest of everything its bytes depend on.

    prepare ─ split ─ segmenter ─ masks ─ inputs ─ fit ─────────────────── predict ─ explain, score ─ draw ─ record
     copies ┘                                  └─ fit with features.head ─ features ─ predict ┘       a classical head
    members/NAME/…, reference/… up to predict ─ vote ─ explain, score ─ draw ─ record             a vote
    folds/N/… up to score ─ score ─ record                                                        pooled
    prepare, split ─ familiarity ─ record          of any single run
    originals, prepare, split ─ controls ─ record; on masks instead of originals; folds/N/…       controls
    prepare, split ─ predict ─ score ─ record      imported, see `benchmark.planning.imported`

A key holds the stage's code, its components' code and options, the settings it reads, the versions of the libraries
that matter to it, and the keys of what it reads.  That of a record holds no code: whoever changes what a record says
raises the schema's number.  Nothing here executes a component.
"""

from collections.abc import Callable, Sequence

import msgspec

from benchmark.planning.chain import Chain, Digests
from benchmark.planning.graph import MEMBERS, Plan, Step, Traits
from benchmark.records.summary import DatasetSummary
from benchmark.storage.code import CodeIndex
from benchmark.storage.digests import canonical, digest
from benchmark.tasks.components import plain_name
from benchmark.tasks.schema import Component
from benchmark.tasks.spec import RunSpec, Spec, VoteSpec, target_of, with_segmenter_seed

SEARCH = "benchmark.data.copies"
IMAGES = ("numpy", "opencv-python-headless")
FIGURES = ("matplotlib", "contourpy")
FAMILIAR = ("numpy", "opencv-python-headless", "scikit-learn", "scipy")
CLASSICAL = ("numpy", "scikit-learn", "xgboost", "skops")
SCORED = ("prepare", "split", "masks", "fit", "predict")  # what logits are judged by


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
    chain.add("familiarity", chain.libraries(*FAMILIAR), reads=("prepare", "split"))
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


def split_steps(spec: Spec, summary: DatasetSummary, index: CodeIndex) -> tuple[dict[str, Step], list[str]]:
    """The steps that any run begins with, up to its split, and what of them cannot be found again."""
    chain = Chain(spec, index)
    _split(chain, summary)
    return chain.steps, chain.uncacheable


def scoring(chain: Chain) -> tuple[object, ...]:
    """Settings of every step that scores."""
    spec, numpy = chain.spec, chain.libraries("numpy")
    return list(spec.classes), target_of(spec.classes), spec.positive, spec.seed, spec.resamples, numpy


def _split(chain: Chain, summary: DatasetSummary) -> None:
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


def _copies(chain: Chain, summary: DatasetSummary) -> None:
    """The search for copies, which sees the files as they are read, whatever becomes of them later."""
    source = (("dataset", Component(chain.spec.dataset.name, summary.options)),)
    chain.add("copies", summary.digest, chain.libraries(*IMAGES), components=source)
    chain.steps["copies"] = msgspec.structs.replace(chain.steps["copies"], kept=_memory(chain, source[0][1]))


def _memory(digests: Digests, dataset: Component) -> str:
    """Name of what is remembered of films, which holds for whatever dataset they are in."""
    return digest(digests.code(SEARCH), digests.libraries(*IMAGES), digests.component("dataset", dataset))


def search_memory(dataset: Component, index: CodeIndex) -> str:
    """The same for a search outside of a run.

    Args:
        dataset: with its options resolved.
    """
    return _memory(Digests(index), dataset)


def _trunk(chain: Chain, summary: DatasetSummary, segmenter: Traits) -> str:
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


def _inputs(chain: Chain, segmenter: Traits) -> None:
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
