"""The steps of a run in the making: each gets its key from its code, its settings, its components and what it reads."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmark.planning.graph import RECORD, Plan, Step, keys_of
from benchmark.records.record import SCHEMA
from benchmark.records.summary import DatasetSummary
from benchmark.storage.code import OWN, CodeIndex, component_code, component_libraries
from benchmark.storage.digests import canonical, digest, library_versions
from benchmark.tasks.components import components_of, run_parts
from benchmark.tasks.schema import Component
from benchmark.tasks.spec import ControlsSpec, RunSpec, Spec
from registry.lookup import find

RECORDED = (  # copied or read
    "split", "segmenter", "fit", "features", "predict", "vote", "familiarity", "explain", "score", "draw",
    "controls",
)  # fmt: skip
JUDGING = ("score", "controls")  # stages that turn outputs into the numbers of a record
BACKEND_LIBRARIES = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}


class Digests:
    """Digests of code, components and libraries, as keys hold them.

    Attributes:
        uncacheable: what has no readable source, so that nothing made with it can be found again.
    """

    def __init__(self, index: CodeIndex) -> None:
        self.index = index
        self.uncacheable: list[str] = []

    def code(self, module: str) -> str:
        """Digest of a stage's code."""
        return self.index.code_digest(module, OWN) or self._never_again(module)

    def component(self, kind: str, component: Component) -> str:
        """Digest of a component's code, libraries and options, and of the files that options name."""
        code = component_code(kind, component.name, self.index) or self._never_again(f"{kind} {component.name}")
        needed = component_libraries(kind, component.name, self.index)
        versions = (self.libraries(*needed),) if needed else ()
        rest = (code, *versions, canonical(component.options), *self._file_digests(kind, component))

        def found() -> str:
            entry = find(kind, component.name)
            return digest(kind, entry.module, entry.attribute, *rest)

        return self.index.once(("component", kind, component.name, *rest), found)

    def libraries(self, *names: str) -> str:
        """Versions of the libraries that matter to a stage."""
        return self.index.once(("libraries", *names), lambda: canonical(library_versions(*names)))

    def networks(self, spec: RunSpec) -> str:
        """Versions of what networks run on."""
        backend = spec.runtime.backend
        return self.libraries("numpy", "keras", BACKEND_LIBRARIES.get(backend, backend))

    def _file_digests(self, kind: str, component: Component) -> list[str]:
        """Of pretrained weights, for instance: another file at the same path is other input."""
        values = [value for _, value in sorted(component.options.items()) if isinstance(value, str) and value]
        return [self.index.file_digest(str(path)) for value in values for path in _named(kind, Path(value))]

    def _never_again(self, what: str) -> str:
        """In place of a digest of code that cannot be read: what is made with it is not found again."""
        self.uncacheable.append(what)
        return os.urandom(16).hex()


class Chain(Digests):
    """The steps of a run in the making."""

    def __init__(self, spec: Spec, index: CodeIndex) -> None:
        super().__init__(index)
        self.spec = spec
        self.steps: dict[str, Step] = {}

    def add(
        self,
        name: str,
        *settings: object,
        reads: Sequence[str] = (),
        components: tuple[tuple[str, Component], ...] = (),
        module: str = "",
    ) -> None:
        """Append a step.

        Args:
            settings: that its artefact depends on besides what it reads.
            reads: roles; those that this run does not have are left out.
            module: below `benchmark.stages`; by default called like the stage.
        """
        path = f"benchmark.stages.{module or name}"
        inputs = keys_of(reads, self.steps)
        parts = [name, self.code(path), canonical(inputs), *map(_text, settings)]
        parts += [self.component(kind, component) for kind, component in components]
        self.steps[name] = Step(name, path, digest(*parts), self.spec, inputs)

    def adopt(self, place: str, steps: Mapping[str, Step], uncacheable: Iterable[str]) -> None:
        """Take over the steps of another chain, their roles below a place."""
        self.steps |= {f"{place}{role}": step for role, step in steps.items()}
        self.uncacheable += uncacheable

    def roles(self, *names: str) -> list[str]:
        """Of the steps of these stages, those of members, reference and folds too."""
        return [role for role in self.steps if role.rpartition("/")[2] in names]

    def planned(self, summary: DatasetSummary, module: str = RECORD) -> Plan:
        """The steps so far, and the record that they end in.

        Args:
            module: that writes it, below `benchmark.stages`.
        """
        spec = self.spec
        inputs = keys_of(self.roles(*RECORDED), self.steps)
        key = digest("record", str(SCHEMA), canonical(inputs), canonical([list(spec.classes), spec.metric]))
        whole = spec.digest(summary.digest)
        fold = "pooled" if spec.fold is None else f"f{spec.fold}"
        place = [] if isinstance(spec, ControlsSpec) else [f"s{spec.seed}", fold]
        return Plan(
            run="-".join([*run_parts(spec), *place, whole[:8]]),
            digest=whole,
            pipeline_digest=spec.pipeline_digest(summary.digest),
            steps=self.steps,
            record=Step(RECORD, f"benchmark.stages.{module}", key, spec, inputs),
            code={name: component_code(kind, part.name, self.index) for name, kind, part in components_of(spec)},
            uncacheable=sorted(set(self.uncacheable)),
            scoring=self._scoring_code(),
        )

    def _scoring_code(self) -> dict[str, str]:
        modules = [self.steps[name].module for name in JUDGING if name in self.steps]
        codes = {module: self.index.code_digest(module, OWN) for module in modules}
        return {module: code for module, code in codes.items() if code}


def _named(kind: str, path: Path) -> list[Path]:
    """The file that an option names; of a folder, which no dataset's option is, the files in it but hidden ones."""
    if path.is_dir() and kind != "dataset":
        return sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
    return [path] if path.is_file() else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else canonical(value)
