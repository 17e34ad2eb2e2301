"""Classical heads tried before anything is trained for them."""

from collections.abc import Iterable

from benchmark.execution.protocol import TryOut
from benchmark.execution.slots import Slot
from benchmark.planning.runs import Planned
from benchmark.tasks.spec import ControlsSpec, ImportedSpec, VoteSpec
from registry.options import Scalar


def try_heads(planned: Iterable[Planned], worker: Slot) -> None:
    """Build the classical heads of runs that are to come, so that a wrong parameter costs no training.

    Raises:
        WorkerFailedError: a head cannot be built with its options.
    """
    heads: list[tuple[str, dict[str, Scalar], int]] = []
    for run in planned:
        if isinstance(run.spec, ControlsSpec | ImportedSpec):
            continue
        specs = run.spec.members.values() if isinstance(run.spec, VoteSpec) else [run.spec]
        heads += [
            (spec.head.name, spec.head.options, len(spec.classes))
            for spec in specs
            if run.state != "cached" and spec.classical
        ]
    distinct = [head for place, head in enumerate(heads) if head not in heads[:place]]
    if distinct:
        worker.ask(TryOut(distinct), type(None))
