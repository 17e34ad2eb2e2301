"""What components say of themselves, kept under their source's digest: the command line need not import them."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmark.planning.description import Description
from benchmark.planning.graph import Traits
from benchmark.storage.code import OWN, CodeIndex, component_text
from benchmark.storage.digests import digest
from benchmark.storage.files import write_whole
from benchmark.storage.refusals import storage_errors
from registry.errors import ConfigError, PluginError
from registry.lookup import find
from registry.options import Option

QUESTION = "benchmark.execution.describe"  # who asks a component
Describing = Callable[[Sequence[tuple[str, str]]], list[Description]]  # pairs of kind and name -> what each says

_DECODER = msgspec.json.Decoder(Description)


class Descriptions:
    """Descriptions of components, from the cache or from whoever asks them.

    Args:
        folder: where they are kept.
        describe: asks components that are not in the cache; see `benchmark.execution.descriptions`.
        index: code as the command sees it.
    """

    def __init__(self, folder: Path, describe: Describing, index: CodeIndex) -> None:
        self.index = index
        self.folder = folder
        self.describe = describe
        self.known: dict[tuple[str, str], Description] = {}
        self.asked = index.byte_digest(QUESTION, OWN) or ""  # other questions have other answers

    def fetch(self, components: Iterable[tuple[str, str]]) -> None:
        """Make sure that these pairs of kind and name are described."""
        unknown = [one for one in dict.fromkeys(components) if one not in self.known]
        found = {(kind, name): self._read(kind, name) for kind, name in unknown}
        self.known |= {one: description for one, description in found.items() if description is not None}
        lacking = [one for one, description in found.items() if description is None]
        for description in self.describe(lacking) if lacking else []:
            self.known[description.kind, description.name] = description
            if not description.error:  # what is broken may be mended without a change of its own code
                self._write(description)
        self.index.keep()

    def get(self, kind: str, name: str) -> Description:
        """The description of a component.

        Raises:
            PluginError: it cannot be imported.
        """
        self.fetch([(kind, name)])
        description = self.known[kind, name]
        if description.error:
            raise PluginError(description.error)
        return description

    def options(self, kind: str, name: str) -> tuple[Option, ...]:
        """A component's options."""
        return self.get(kind, name).options

    def defaults(self, kind: str, name: str) -> dict[str, Any]:
        """A component's options at their defaults."""
        return {option.name: option.default for option in self.options(kind, name)}

    def traits(self, kind: str, name: str) -> Traits:
        """How the pipeline treats a segmenter, a backbone or a head."""
        return msgspec.convert(self.get(kind, name).traits, Traits)

    def _path(self, kind: str, name: str) -> Path | None:
        text = component_text(kind, name, self.index)
        entry = find(kind, name)
        if not text:
            return None
        key = digest(kind, name, entry.module, entry.attribute, entry.distribution, text, self.asked)
        return self.folder / f"{key}.json"

    def _read(self, kind: str, name: str) -> Description | None:
        try:
            path = self._path(kind, name)
        except PluginError as error:
            return Description(kind, name, error=str(error))
        try:
            return _DECODER.decode(path.read_bytes()) if path else None
        except (OSError, ValueError, RecursionError):  # absent, half written, or by another version
            return None

    def _write(self, description: Description) -> None:
        path = self._path(description.kind, description.name)
        if path is None:
            return
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, msgspec.json.encode(description), flush=False)


def without_map(backbone: str, head: str) -> ConfigError:
    """The error of a network as head of a backbone that gives features and no map."""
    return ConfigError(
        f"--backbone {backbone} gives features and no map to learn on, so its head is no network; "
        f"received --head {head}; use --head scikit-learn or --head xgboost"
    )
