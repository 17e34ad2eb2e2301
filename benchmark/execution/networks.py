"""Networks with weights of their own, built before anything is prepared or trained for them."""

from collections.abc import Iterable, Sequence

from benchmark.execution.protocol import TryNetworks
from benchmark.execution.session import Session
from benchmark.planning.graph import FIT, Step
from benchmark.planning.runs import Planned
from benchmark.tasks.spec import RunSpec
from registry.errors import WeightsError
from registry.options import Scalar

BUILDING = {  # stage -> kind of the component that it builds
    FIT: "backbone",
    "features": "backbone",
    "segmenter": "segmenter",
}
Network = tuple[str, str, dict[str, Scalar], int]  # kind, name, options, pixels a side


def check_networks(session: Session, planned: Iterable[Planned]) -> None:
    """See that the weights with which networks begin are here; those that are published are downloaded.

    Of what only some runs lack a line is shown: they will fail, and the others go on.

    Raises:
        WeightsError: every run lacks some.
    """
    check_steps(session, [run.missing.values() for run in planned if run.record is None and not run.of_controls])


def networks_of(planned: Iterable[Planned]) -> list[Network]:
    """The networks that runs would build with weights that a text names, each once."""
    steps = (step for run in planned if run.record is None and not run.of_controls for step in run.missing.values())
    found: list[Network] = []
    found += [one for step in steps for one in _networks(step) if one not in found]
    return found


def check_steps(session: Session, runs: Sequence[Iterable[Step]]) -> None:
    """The same of the steps that each run has to build."""
    wanted = [[network for step in steps for network in _networks(step)] for steps in runs]
    distinct: list[Network] = []
    distinct += [one for networks in wanted for one in networks if one not in distinct]
    if not distinct:
        return
    with session.display.working("looking for weights") as watch:
        reasons = session.worker.ask(TryNetworks(distinct), list[str], watch)
    if session.request.deterministic:
        session.worker.stop()  # a backend that has computed takes no other number of threads
    lacking = [network for network, reason in zip(distinct, reasons, strict=True) if reason]
    if lacking and all(any(one in lacking for one in networks) for networks in wanted):
        raise WeightsError(next(filter(None, reasons)))
    for reason in filter(None, reasons):
        session.display.say(f"what needs it will fail: {reason}")


def _networks(step: Step) -> list[Network]:
    """What a step builds with weights that a text names: a file, or published ones."""
    kind = BUILDING.get(step.name)
    if kind is None or not isinstance(step.spec, RunSpec):
        return []
    component = getattr(step.spec, kind)
    named = any(isinstance(value, str) and value for value in component.options.values())
    return [(kind, component.name, component.options, step.spec.images.size)] if named else []
