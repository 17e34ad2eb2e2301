"""Steps, each with its key and what it stands on, and the plan of a run: its steps by role, in their order."""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from benchmark.tasks.components import plain_name
from benchmark.tasks.spec import RunSpec, Spec

RECORD = "record"
FIT, PREDICT = "fit", "predict"
REFERENCE = "reference"  # the place of the model that a vote is compared with
MEMBERS = "members/"  # before the roles of a vote's members


class Traits(msgspec.Struct, frozen=True):
    """How the pipeline treats a component, as its description says.

    Attributes:
        trains: a segmenter that is a network.
        whole_frame: a segmenter that keeps everything.
        reads_dataset_masks: a segmenter that hands on the dataset's masks.
        classical: a head that is no network.
        untrained: a backbone that is no network.
    """

    trains: bool = False
    whole_frame: bool = False
    reads_dataset_masks: bool = False
    classical: bool = False
    untrained: bool = False


class Step(msgspec.Struct, frozen=True):
    """One artefact to be.

    Attributes:
        name: of its stage, which is its place in the store.
        module: that makes it.
        key: digest of everything that its bytes depend on.
        spec: of the run that asks for it; others that share the step say the same as far as it is concerned.
        inputs: role -> key of what it reads.  A role ends in the name of the stage; see `benchmark.stages.context`.
        kept: name of what the stage keeps from one artefact to the next; empty where it keeps nothing.
    """

    name: str
    module: str
    key: str
    spec: Spec
    inputs: dict[str, str] = {}
    kept: str = ""


class Plan(msgspec.Struct, frozen=True):
    """The steps of one run.

    Attributes:
        steps: role -> step, each after what it stands on; those of members, reference and folds too.
        record: the step that writes the run's folder, whose key is everything that the result depends on.
        code: component -> digest of its code.
        uncacheable: what has no readable source, so that nothing made with it can be found again.
        scoring: module that scores -> digest of its code.
    """

    run: str
    digest: str
    pipeline_digest: str
    steps: dict[str, Step]
    record: Step
    code: dict[str, str]
    uncacheable: list[str] = []
    scoring: dict[str, str] = {}

    @property
    def key(self) -> str:
        """Of the record."""
        return self.record.key

    @property
    def trainings(self) -> list[str]:
        """Keys of the trainings of classifiers: of the run, of a vote's members, of the folds, each once.

        Of a network, whatever learns from its features afterwards; where none is trained, of the classical head.
        """
        found: dict[str, str] = {}
        for role, step in self.steps.items():
            place, _, stage = role.rpartition("/")
            if stage == FIT or (stage == PREDICT and place not in found):
                found[place] = step.key
        found = {place: key for place, key in found.items() if not _is_reference(place)}
        return sorted(set(found.values()))

    def step(self, role: str) -> Step | None:
        """The step of that role, where this run has it."""
        return self.steps.get(role)

    def roles(self) -> dict[str, str]:
        """Key -> the first role under which this run knows the step, as people read it."""
        found: dict[str, str] = {}
        for role, step in self.steps.items():
            found.setdefault(step.key, role.removeprefix(MEMBERS))
        return found


def _is_reference(place: str) -> bool:
    """Whether that is the place of the model that a vote is compared with, and not of a member of that name."""
    return place.rpartition("/")[2] == REFERENCE and not place.endswith(MEMBERS + REFERENCE)


def missing(plan: Plan, has: Callable[[str, str], bool], end: Step | None = None) -> dict[str, Step]:
    """Key -> step of what must be built for the record, each after what it stands on.

    What is there already is not asked for what it was made from.

    Args:
        end: another step than the record, for which it must be built.
    """
    known = {step.key: step for step in plan.steps.values()}
    lacking: dict[str, Step] = {}

    def visit(step: Step) -> None:
        for key in step.inputs.values():
            if key not in lacking and not has(known[key].name, key):
                visit(known[key])
                lacking[key] = known[key]

    visit(end or plan.record)
    return lacking


def subject(step: Step) -> str:
    """What a step is about, whatever the seed: a dataset, a segmenter, a network, a pipeline."""
    spec = step.spec
    if step.name in ("prepare", "copies", "split", "paths", "originals", "familiarity"):
        return spec.dataset.name
    if not isinstance(spec, RunSpec) or step.name not in SUBJECTS:
        return plain_name(spec)
    return "+".join(getattr(spec, part).name for part in SUBJECTS[step.name])


SUBJECTS = {  # stage -> attributes of a specification
    "segmenter": ("segmenter",),
    "masks": ("segmenter",),
    "inputs": ("segmenter",),
    "fit": ("segmenter", "backbone", "trained_head"),
    "features": ("segmenter", "backbone"),
}


def keys_of(roles: Iterable[str], steps: Mapping[str, Step]) -> dict[str, str]:
    """Role -> key of those of these roles that a run has."""
    return {role: steps[role].key for role in roles if role in steps}
