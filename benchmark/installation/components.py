"""Whether components import, and whether the weights that tasks begin with are here."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from benchmark.execution.descriptions import LIMIT, describing
from benchmark.execution.process import Worker
from benchmark.execution.protocol import TryNetworks
from benchmark.installation.findings import Finding
from benchmark.planning.backend import keras_backend
from benchmark.planning.components import Descriptions
from benchmark.storage.code import CodeIndex
from benchmark.storage.places import memory_folder
from benchmark.tasks.places import DEFAULTS, TASKS, task_files
from benchmark.tasks.reading import parse_component, read_task
from registry.contracts import KINDS
from registry.lookup import Entry, entries
from registry.options import Scalar

NOWHERE = "http://127.0.0.1:9"  # nobody listens at this port
OFFLINE = {name: NOWHERE for scheme in ("http_proxy", "https_proxy") for name in (scheme, scheme.upper())} | {
    "no_proxy": "",
    "NO_PROXY": "",
}
ADDRESS = re.compile(r"https?://\S*?([^/\s]+\.(?:h5|keras|pth?|npz))")
SIZE = 64  # pixels a side of the networks that are tried
OWN_WEIGHTS = "offline say --set backbone.weights=none, or weights=FILE of a copy"

Network = tuple[str, str, dict[str, Scalar], int]  # kind, name, options, pixels a side


class Offline(Worker):
    """A worker that downloads nothing."""

    def __init__(self) -> None:
        super().__init__(memory_folder() / "logs", {"KERAS_BACKEND": keras_backend(), **OFFLINE})


def look(worker: Worker) -> Iterator[Finding]:
    """Every entry point by what it says of itself, then weights."""
    cache = memory_folder()
    described = Descriptions(cache / "descriptions", describing(worker), CodeIndex(cache))
    found: list[Entry] = [entry for kind in KINDS for entry in entries(kind).values()]
    described.fetch((entry.kind, entry.name) for entry in found)
    broken = [(entry, described.known[entry.kind, entry.name].error) for entry in found]
    for entry, error in broken:
        if error:
            remedy = f"repair or uninstall {entry.distribution or 'who registers it'}"
            if LIMIT in error:
                remedy = f"wait longer where the machine was busy; else {remedy}"
            yield Finding("components", "wrong", error.removesuffix("; repair or uninstall it"), remedy)
    suppliers = dict.fromkeys(f"{entry.distribution} {entry.version}" for entry in found)
    usable = sum(not error for _, error in broken)
    yield Finding("components", "ok", f"{usable} that import, of {', '.join(suppliers)}")
    yield from _weights(worker, described)


def _weights(worker: Worker, described: Descriptions) -> Iterator[Finding]:
    """Weights with which the pipelines of the tasks begin at the full setting, each told once."""
    wanted = _begun_with(described)
    if not wanted:
        return
    networks = list(wanted.values())
    reasons = worker.ask(TryNetworks(networks), list[str])
    here = []
    for (kind, name, _, _), reason in zip(networks, reasons, strict=True):
        if not reason:
            here.append(name)
            continue
        address = ADDRESS.search(reason)
        what = f" ({address[1]})" if address else f": {reason}"
        yield Finding(
            "weights", "warning", f"those of {kind} {name} are not here and will be downloaded{what}", OWN_WEIGHTS
        )
    if here:
        yield Finding("weights", "ok", f"those of {', '.join(here)} are here")


def lacking(networks: Sequence[Network]) -> str:
    """Which weights these networks would download, or cannot have, in one line; empty where all are here."""
    if not networks:
        return ""
    with Offline() as worker:
        reasons = worker.ask(TryNetworks(list(networks)), list[str])
    found = []
    for (kind, name, _, _), reason in zip(networks, reasons, strict=True):
        address = ADDRESS.search(reason)
        if reason:
            found.append(f"{kind} {name} ({address[1] if address else reason})")
    return (
        f"weights that are not here, and that a run would download: {', '.join(dict.fromkeys(found))}" if found else ""
    )


def _begun_with(described: Descriptions) -> dict[str, Network]:
    """Component as text -> the network, of all that name weights, in the tasks' files or by default."""
    found: dict[str, Network] = {}
    for path in task_files().values():
        for pipeline in read_task(path, TASKS / DEFAULTS, quick=False, overrides={}).pipelines:
            for kind in ("segmenter", "backbone"):
                component = parse_component(getattr(pipeline, kind))
                if described.known[kind, component.name].error:
                    continue
                options: dict[str, Any] = described.defaults(kind, component.name) | component.options
                if any(isinstance(value, str) and value for value in options.values()):
                    found[f"{kind} {component}"] = (kind, component.name, options, SIZE)
    return found
