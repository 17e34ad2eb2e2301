"""What components say of themselves, kept under their source's digest: the command line need not import them."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from benchmark.execution.describe import blank
from benchmark.execution.process import Worker
from benchmark.execution.protocol import Describe
from benchmark.planning.graph import Traits
from benchmark.storage.cache import storage_errors
from benchmark.storage.code import OWN, CodeIndex, component_text
from benchmark.storage.digests import digest
from benchmark.storage.files import write_whole
from registry.errors import PluginError
from registry.lookup import find
from registry.options import Option


class Descriptions:
    """Descriptions of components, from the cache or from one worker."""

    def __init__(self, folder: Path, worker: Worker, index: CodeIndex) -> None:
        self.index = index
        self.folder = folder
        self.worker = worker
        self.known: dict[tuple[str, str], dict[str, Any]] = {}
        self.asked = index.byte_digest("benchmark.execution.describe", OWN) or ""  # other questions have other answers

    def fetch(self, components: Iterable[tuple[str, str]]) -> None:
        """Make sure that these pairs of kind and name are described."""
        unknown = [one for one in dict.fromkeys(components) if one not in self.known]
        found = {(kind, name): self._read(kind, name) for kind, name in unknown}
        self.known |= {one: told for one, told in found.items() if told is not None}
        lacking = [one for one, told in found.items() if told is None]
        for told in self._ask(lacking):
            self.known[told["kind"], told["name"]] = told
            if not told.get("error"):  # what is broken may be mended without a change of its own code
                self._write(told)
        self.index.keep()

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """The description of a component.

        Raises:
            PluginError: it cannot be imported.
        """
        self.fetch([(kind, name)])
        told = self.known[kind, name]
        if told.get("error"):
            raise PluginError(told["error"])
        return told

    def options(self, kind: str, name: str) -> tuple[Option, ...]:
        """A component's options."""
        return msgspec.convert(self.get(kind, name)["options"], tuple[Option, ...])

    def defaults(self, kind: str, name: str) -> dict[str, Any]:
        """A component's options at their defaults."""
        return {option.name: option.default for option in self.options(kind, name)}

    def traits(self, kind: str, name: str) -> Traits:
        """How the pipeline treats a segmenter or a head."""
        return msgspec.convert(self.get(kind, name)["traits"], Traits)

    def _ask(self, components: list[tuple[str, str]]) -> list[dict[str, Any]]:
        """All at once; one by one where that ends the worker, so that only the guilty one is broken."""
        if not components:
            return []
        outcome = self.worker.serve(Describe(components))
        if outcome.cause is None:
            return msgspec.json.decode(outcome.value, type=list[dict[str, Any]])
        if len(components) > 1:
            return [told for component in components for told in self._ask([component])]
        kind, name = components[0]
        return [{**blank(kind, name), "error": f"{kind} {name!r} cannot be described: {outcome.message}"}]

    def _path(self, kind: str, name: str) -> Path | None:
        text = component_text(kind, name, self.index)
        entry = find(kind, name)
        if not text:
            return None
        key = digest(kind, name, entry.module, entry.attribute, entry.distribution, text, self.asked)
        return self.folder / f"{key}.json"

    def _read(self, kind: str, name: str) -> dict[str, Any] | None:
        try:
            path = self._path(kind, name)
        except PluginError as error:
            return {**blank(kind, name), "error": str(error)}
        try:
            told: dict[str, Any] | None = json.loads(path.read_bytes()) if path else None
        except (OSError, ValueError):
            return None
        return told

    def _write(self, told: dict[str, Any]) -> None:
        path = self._path(told["kind"], told["name"])
        if path is None:
            return
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps(told).encode(), flush=False)
