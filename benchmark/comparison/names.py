"""What pipelines are called in a table, and which one a few letters mean."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from registry.errors import ConfigError, unknown_name

ASIDE = (
    "seed",
    "fold",
    "task",
    "title",
    "classes",
    "dataset.root",
    "tuned",
)  # in one table these make no two pipelines
UNTRAINED = ("none", "threshold", "dataset")  # segmenters of ours for which it means nothing how one is trained


def unique_names(names: Mapping[str, str], specs: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Pipeline digest -> name; where two share a name, the settings in which they differ are added.

    Args:
        names: pipeline digest -> name.
        specs: pipeline digest -> specification.
    """
    alike: dict[str, list[str]] = {}
    for digest, name in names.items():
        alike.setdefault(name, []).append(digest)
    return {digest: full for name, digests in alike.items() for digest, full in _distinguished(name, digests, specs)}


def pipeline_meant(text: str, names: Sequence[str]) -> str | None:
    """The name that is given, or the only one that begins so; None where there is none.

    Raises:
        ConfigError: several begin so.
    """
    if text in names:
        return text
    found = [name for name in names if name.startswith(text)]
    if len(found) > 1:
        shown = ", ".join([*found[:4], "…"] if len(found) > 4 else found)
        raise ConfigError(f"{text!r} may be any of {len(found)} pipelines: {shown}; give more of the name")
    return found[0] if found else None


def unknown_pipeline(text: str, names: Iterable[str]) -> Exception:
    """The error for a pipeline that no table has."""
    return unknown_name("pipeline", text, set(names), "bench compare without --against")


def _distinguished(name: str, digests: Sequence[str], specs: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    if len(digests) == 1:
        return [(digests[0], name)]
    settings = {digest: _settings(specs.get(digest, {})) for digest in digests}
    keys = dict.fromkeys(key for found in settings.values() for key in found)
    differing = [key for key in keys if len({settings[digest].get(key) for digest in digests}) > 1]
    # That fewer steps than the minimum were meant is no difference of its own where the epochs differ.
    differing = [key for key in differing if not key.endswith(".exact_epochs")] or differing
    if all(found.get("segmenter.name") in UNTRAINED for found in settings.values()):
        differing = [key for key in differing if not key.startswith("segmentation.")] or differing
    labels = {digest: ", ".join(f"{key}={settings[digest].get(key)}" for key in differing) for digest in digests}
    return [(digest, f"{name} ({labels[digest] or digest[:8]})") for digest in digests]


def _settings(spec: Mapping[str, Any]) -> dict[str, str]:
    """Dotted key -> value; what the members of a vote have in common is there once, what they differ in as ``a|b``."""
    members = spec.get("members")
    inner = list(members.values()) if isinstance(members, Mapping) else []
    own = {key: value for key, value in spec.items() if key not in ("members", "reference")}
    values: dict[str, dict[str, None]] = {}
    for part in (own, *inner):
        for key, value in _flat(part):
            values.setdefault(key, {})[str(value)] = None
    return {key: "|".join(found) for key, found in values.items() if not {key, key.partition(".")[0]} & {*ASIDE}}


def _flat(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for key, value in settings.items():
        flat += _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else [(prefix + key, value)]
    return flat
