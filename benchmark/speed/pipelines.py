"""The pipelines of a request, each measured by a worker.  Nothing heavy happens here."""

import msgspec

from benchmark.execution.process import Outcome
from benchmark.execution.protocol import Measure, Watch
from benchmark.execution.session import Session, scheduled, specified
from benchmark.planning.request import components_asked, task_of
from benchmark.planning.resolve import choose
from benchmark.planning.runs import Planned
from benchmark.records.speed import Speed, write
from benchmark.tasks.schema import Split
from benchmark.tasks.spec import RunSpec


def pipelines(session: Session) -> list[Planned]:
    """Each pipeline once, whatever its task trains and joins.

    Raises:
        BenchError: the request, the data or a component cannot be used.
    """
    asked = task_of(session.request)
    task = msgspec.structs.replace(asked.task, scheme="direct", voters=[], split=Split())
    asked = asked._replace(task=task)
    chosen = choose(task, {**components_asked(session.request), "voter": ()}, asked.forced)
    specs, found = specified(session, asked, chosen, seeds=[0])
    return scheduled(session, specs, found.summary, found.described)


def measured(session: Session, planned: Planned, watch: Watch, *, batch: int | None, repeats: int) -> Speed | Outcome:
    """One pipeline's record, written; where it could not be measured, how that ended.

    Args:
        batch: images at once in inference; None takes the usual number.

    Raises:
        StorageError: the record cannot be written.
    """
    session.worker.stop()  # the most memory that a process held is that of all it ever did
    assert isinstance(planned.spec, RunSpec)  # nobody votes
    outcome = session.worker.serve(Measure(planned.spec, planned.pipeline, batch, repeats), watch)
    if outcome.cause:
        return outcome
    speed = msgspec.json.decode(outcome.value, type=Speed)
    write(speed, session.results)
    return speed
