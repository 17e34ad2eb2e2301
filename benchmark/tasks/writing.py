"""The task file of tuned settings: complete, so that `bench run --task FILE` repeats the run whatever its setting."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

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
    """TOML of nested tables; None is left out, tables of the third level are written in a line."""
    return "\n".join(_table("", content)) + "\n"


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


def _table(path: str, content: Mapping[str, Any]) -> Iterator[str]:
    tables = {}
    for key, value in content.items():
        tabular = isinstance(value, Mapping) or (
            isinstance(value, list) and any(isinstance(one, dict) for one in value)
        )
        if tabular and path.count(".") < 1:
            tables[key] = value
        elif value is not None:
            yield f"{_key(key)} = {_value(value)}"
    for key, value in tables.items():
        place = f"{path}.{_key(key)}" if path else _key(key)
        for table in value if isinstance(value, list) else [value]:
            yield ""
            yield f"[[{place}]]" if isinstance(value, list) else f"[{place}]"
            yield from _table(place, table)


def _key(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else _value(text)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_key(key)} = {_value(one)}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # TOML's only other control character
    return str(value).lower() if isinstance(value, bool) else repr(value)
