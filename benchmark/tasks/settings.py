"""The settings of a pipeline by the names that a search gives them: ``training.learning_rate``, ``head.dropout``."""

from collections.abc import Mapping

import msgspec

from benchmark.records.record import Tuned
from benchmark.tasks.components import plain_name
from benchmark.tasks.schema import Component
from benchmark.tasks.spec import RunSpec
from registry.options import Scalar

KINDS = ("segmenter", "backbone", "head")


def setting(spec: RunSpec, name: str) -> Scalar:
    """The value that a pipeline has for a setting; None where it has no such setting."""
    table, _, key = name.partition(".")
    part = getattr(spec, table, None)
    value: Scalar = part.options.get(key) if isinstance(part, Component) else getattr(part, key, None)
    return value


def with_settings(spec: RunSpec, values: Mapping[str, Scalar]) -> RunSpec:
    """The pipeline with these settings.

    Raises:
        ValueError: a table cannot have that value.
    """
    for name, value in values.items():
        table, _, key = name.partition(".")
        part = getattr(spec, table)
        changed = {"options": {**part.options, key: value}} if isinstance(part, Component) else {key: value}
        spec = msgspec.structs.replace(spec, **{table: msgspec.structs.replace(part, **changed)})
    return spec


def found_by(tuned: Tuned | None, spec: RunSpec) -> bool:
    """Whether a search has found the settings that this pipeline has; flags may have changed some since."""
    return (
        tuned is not None
        and tuned.pipeline == plain_name(spec)
        and all(setting(spec, name) == value for name, value in tuned.values.items())
    )
