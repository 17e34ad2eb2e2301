"""What is tuned, as it travels to the worker of a trial."""

import msgspec

from benchmark.planning.graph import Plan, Traits
from benchmark.planning.keys import plan
from benchmark.records.summary import DatasetSummary
from benchmark.storage.code import CodeIndex
from benchmark.storage.digests import digest
from benchmark.tasks.settings import with_settings
from benchmark.tasks.spec import RunSpec
from benchmark.tuning.space import Values


class TuningTarget(msgspec.Struct, frozen=True):
    """A pipeline with its default settings on its data.

    Attributes:
        segmenter: how its segmenter is treated.
        cache: folder of the artefacts.
    """

    spec: RunSpec
    summary: DatasetSummary
    segmenter: Traits
    cache: str

    def trained(self, values: Values, index: CodeIndex) -> tuple[RunSpec, Plan]:
        """The pipeline with these settings, and the plan of its run.

        Raises:
            ValueError: it cannot have these settings.
        """
        spec = with_settings(self.spec, values)
        return spec, plan(spec, self.summary, lambda name: self.segmenter, index)

    def digest(self, index: CodeIndex) -> str:
        """Of all that scores depend on besides the settings: data, pipeline, code, libraries, seed."""
        step = self.trained({}, index)[1].step("fit")
        assert step  # a pipeline without training is refused before it becomes a target
        return digest(step.key)
