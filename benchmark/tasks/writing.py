"""The task file of tuned settings: complete, so that `bench run --task FILE` repeats the run whatever its setting."""

from collections.abc import Mapping
from typing import Any

import msgspec
import tomli_w

from benchmark.tasks.reading import parse_component
from benchmark.tasks.schema import Task
from benchmark.tasks.settings import KINDS
from benchmark.tasks.spec import RunSpec
from registry.errors import ConfigError


def task_file(task: Task, spec: RunSpec, dataset: str) -> str:
    """A task with one pipeline, every setting written out, and how it was found.

    Args:
        spec: of the tuned pipeline; its `tuned` says how it was found.
        dataset: what is read without --data, as flags write it.

    Raises:
        ConfigError: an option of a component cannot be written into a task file.
    """
    content = {
        "title": task.title,
        "metric": task.metric,
        "positive": task.positive,
        "dataset": dataset,
        "reader": task.reader,
        "ignore": task.ignore or None,
        "resamples": task.resamples,
        "classes": task.classes,
        "pipelines": [{kind: _component(spec, kind) for kind in KINDS}],
        "images": spec.images,
        "augmentation": spec.augmentation,
        "training": spec.training,
        "segmentation": spec.segmentation,
        "features": task.features,
        "split": spec.split,
        "tuned": spec.tuned,
    }
    return toml(msgspec.to_builtins(content))


def toml(content: Mapping[str, Any]) -> str:
    """TOML of nested tables; None is left out."""
    return tomli_w.dumps(_without_none(content))


def _component(spec: RunSpec, kind: str) -> str:
    component = getattr(spec, kind)
    text = str(component)
    kept = {name: "none" if value is None else value for name, value in component.options.items()}
    if parse_component(text).options != kept:
        raise ConfigError(
            f"the options of {kind} {text} cannot be written into a task file, because of a comma or a bracket in one; "
            "rename the file it names"
        )
    return text


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_none(one) for key, one in value.items() if one is not None}
    return [_without_none(one) for one in value] if isinstance(value, list) else value
