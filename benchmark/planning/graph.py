"""What a run will do, as it travels from the command line to a worker: stages and their keys."""

from collections.abc import Callable, Iterator

import msgspec

REFERENCE = "reference"


class Traits(msgspec.Struct, frozen=True):
    """What describing a component told: its options and how the pipeline treats it.

    Attributes:
        trains: a segmenter that is a network.
        whole_frame: a segmenter that keeps everything.
        reads_dataset_masks: a segmenter that hands on the dataset's masks.
        classical: a head that is no network.
    """

    trains: bool = False
    whole_frame: bool = False
    reads_dataset_masks: bool = False
    classical: bool = False


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
        members, reference: of a vote: the runs, up to their predictions, that come before its own stages.
        recorder: the module that writes the record.
    """

    run: str
    digest: str
    pipeline_digest: str
    key: str
    stages: list[Stage]
    code: dict[str, str]
    uncacheable: list[str] = []
    members: dict[str, "Plan"] = {}
    reference: "Plan | None" = None
    recorder: str = ""

    def stage(self, name: str) -> Stage | None:
        """The stage of that name, where this run has it."""
        return next((stage for stage in self.stages if stage.name == name), None)

    def every_stage(self) -> Iterator[tuple[str, Stage]]:
        """Whose, and which: the members' stages first; whose is empty for the run's own."""
        for name, member in self.members.items():
            yield from ((name, stage) for stage in member.stages)
        if self.reference:
            yield from ((REFERENCE, stage) for stage in self.reference.stages)
        yield from (("", stage) for stage in self.stages)


def missing(plan: Plan, has: Callable[[str, str], bool]) -> list[str]:
    """The stages that would be built, those without an artefact, each once; of a member as ``NAME/stage``."""
    lacking: dict[str, str] = {}
    for owner, stage in plan.every_stage():
        if not has(stage.name, stage.key):
            lacking.setdefault(stage.key, f"{owner}/{stage.name}" if owner else stage.name)
    return list(lacking.values())
