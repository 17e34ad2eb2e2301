"""From a request to the runs that answer it."""

from collections.abc import Sequence

from benchmark.execution.heads import try_heads
from benchmark.execution.networks import check_networks
from benchmark.execution.session import Finished, Session, executed, scheduled, specified
from benchmark.planning.controls import plan_controls
from benchmark.planning.request import components_asked, task_of
from benchmark.planning.resolve import choose
from benchmark.planning.runs import Planned


def planned_runs(session: Session, *, only_failed: bool = False) -> list[Planned]:
    """Every run that a request asks for, what is pooled of them, and last the rules that they must beat.

    What cannot be built is reported before.

    Args:
        only_failed: those runs alone whose last attempt failed; none where none has.

    Raises:
        BenchError: the request, the data or a component cannot be used.
    """
    asked = task_of(session.request)
    chosen = choose(asked.task, components_asked(session.request), asked.forced)
    specs, found = specified(session, asked, chosen, session.request.seeds)
    planned = scheduled(session, specs, found.summary, found.described)
    beside = plan_controls(planned, found.summary, found.described, session.store, session.results, session.index)
    if only_failed:
        planned = failed_before(planned)
    with session.display.working("trying heads"):
        try_heads(planned, session.worker)
    return planned + beside if planned else []


def finished_runs(session: Session, planned: Sequence[Planned]) -> list[Finished]:
    """Every run with its record, once the weights that they begin with are seen to be here.

    Raises:
        BenchError: weights, the data or the disk make every run impossible.
    """
    check_networks(session, planned)
    return executed(session, planned, session.request.timeout_s)


def failed_before(planned: Sequence[Planned]) -> list[Planned]:
    """The runs whose last attempt failed, and what is pooled of them."""
    names = {run.plan.run for run in planned if run.state == "failed"}
    return [run for run in planned if run.plan.run in names or any(name in names for name in run.names.values())]
