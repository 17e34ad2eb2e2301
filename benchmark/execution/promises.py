"""Tries what a component promises in a worker, from the command's side."""

from pathlib import Path

from benchmark.execution.descriptions import check_ends
from benchmark.execution.process import Worker, WorkerFailedError
from benchmark.execution.protocol import Event, Progress, TryPromises, Watch
from benchmark.planning.backend import keras_backend
from benchmark.tasks.schema import Component
from registry.checks.promises import Promise


def try_promises(logs: Path, kind: str, component: Component, data: str, watch: Watch) -> list[Promise]:
    """Every promise of a component, kept or not.

    Args:
        data: folder of a dataset's files; empty for none.

    Raises:
        BenchError: it has no such option, what it reads cannot be used, or its import does not end.
        WorkerFailedError: it ended the process in which it was tried; the message says during which promise.
    """
    tried = ""

    def watching(event: Event) -> None:
        nonlocal tried
        tried = event.what if isinstance(event, Progress) else tried
        watch(event)

    with Worker(logs, {"KERAS_BACKEND": keras_backend()}) as worker:
        check_ends(worker, kind, component.name)
        try:
            return worker.ask(TryPromises((kind, component.name, component.options), data), list[Promise], watching)
        except WorkerFailedError as error:
            if error.outcome.exit_code is None:
                error.args = (f"{kind} {component.name!r} broke off while this was tried: {tried}: {error}",)
            raise
