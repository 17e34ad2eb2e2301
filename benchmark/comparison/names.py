"""What pipelines are called in a table, and which one a few letters mean."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from benchmark.comparison.shortening import short_key, short_names, short_value
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
APART = ("members", "reference", *ASIDE)  # tables of a specification that are looked at otherwise, or not at all
IMPLIED = ("kind", "classical", "features_head", "name", "file", "sha256")  # by the components, or by the name
UNTRAINED = ("none", "threshold", "dataset")  # segmenters of ours for which it means nothing how one is trained


class Named(NamedTuple):
    """What a pipeline is called in a table, in full and in short; each is that of no other one there."""

    full: str
    short: str


def unique_names(names: Mapping[str, str], specs: Mapping[str, Mapping[str, Any]]) -> dict[str, Named]:
    """Pipeline digest -> its names; where two share a name, the settings in which they differ are added.

    Args:
        names: pipeline digest -> name.
        specs: pipeline digest -> specification.
    """
    alike: dict[str, list[str]] = {}
    for digest, name in names.items():
        alike.setdefault(name, []).append(digest)
    short = short_names(list(alike))
    named = {
        digest: Named(name + full, short[name] + brief)
        for name, digests in alike.items()
        for digest, (full, brief) in _distinguished(digests, specs)
    }
    taken = Counter(one.short for one in named.values())
    return {digest: one if taken[one.short] == 1 else Named(one.full, one.full) for digest, one in named.items()}


def pipeline_meant(text: str, names: Sequence[str], short: Mapping[str, str] | None = None) -> str | None:
    """The name that is given, in full or in short, or the only one that begins so; None where there is none.

    Args:
        short: name -> short name.

    Raises:
        ConfigError: several begin so.
    """
    if text in names:
        return text
    shown = {name: (short or {}).get(name, name) for name in names}
    exact = [name for name in names if shown[name] == text]
    found = exact or [name for name in names if name.startswith(text) or shown[name].startswith(text)]
    if len(found) > 1:
        few = ", ".join(shown[name] for name in found[:4]) + (", …" if len(found) > 4 else "")
        raise ConfigError(f"{text!r} may be any of {len(found)} pipelines: {few}; give more of the name")
    return found[0] if found else None


def unknown_pipeline(text: str, names: Iterable[str]) -> Exception:
    """The error for a pipeline that no table has."""
    return unknown_name("pipeline", text, set(names), "bench compare without --against")


def differing(digests: Iterable[str], specs: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Setting -> its values, of settings in which those pipelines differ that have it.

    A component's options count among pipelines with that component.
    """
    found = [_trained(_values(spec)) for spec in _unlike([specs.get(one, {}) for one in digests])]
    differ: dict[str, list[str]] = {}
    for key in dict.fromkeys(key for settings in found for key in settings):
        if key in IMPLIED or key.startswith("features_head."):
            continue
        kind, options, _ = key.partition(".options.")
        groups: dict[tuple[str, ...], dict[tuple[str, ...], None]] = {}
        for settings in found:
            if key in settings:
                groups.setdefault(settings.get(f"{kind}.name", ()) if options else (), {})[settings[key]] = None
        own = dict.fromkeys(value for each in groups.values() if len(each) > 1 for values in each for value in values)
        if own:
            differ[key.removesuffix(".name").replace(".options.", ".")] = list(own)
    return differ


def _unlike(specs: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The specifications without the tables that are the same wherever they are, but for those that name segmenters.

    Of thousands of pipelines most differ in a table or two, and taking the others apart is what would take long.
    """
    if any("members" in spec for spec in specs):  # where a setting may stand in a table of a member
        return specs
    met: dict[str, set[bytes]] = {}
    for spec in specs:
        for key, value in spec.items():
            met.setdefault(key, set()).add(msgspec.json.encode(value, enc_hook=str))
    unlike = {key for key, values in met.items() if len(values) > 1} - {*APART} | {"segmenter"}
    return [{key: value for key, value in spec.items() if key in unlike} for spec in specs]


def _trained(settings: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The settings without those of a segmenter's training where there is none."""
    if set(settings.get("segmenter.name", ("",))) <= {*UNTRAINED}:
        return {key: value for key, value in settings.items() if not key.startswith("segmentation.")}
    return settings


def _distinguished(digests: Sequence[str], specs: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, tuple[str, str]]]:
    """Digest -> what is added to the name that they share, in full and in short."""
    if len(digests) == 1:
        return [(digests[0], ("", ""))]
    settings = {digest: _settings(specs.get(digest, {})) for digest in digests}
    keys = dict.fromkeys(key for found in settings.values() for key in found)
    differing = [key for key in keys if len({settings[digest].get(key) for digest in digests}) > 1]
    # That fewer steps than the minimum were meant is no difference of its own where the epochs differ.
    differing = [key for key in differing if not key.endswith(".exact_epochs")] or differing
    if all(found.get("segmenter.name") in UNTRAINED for found in settings.values()):
        differing = [key for key in differing if not key.startswith("segmentation.")] or differing
    brief = {key: short_key(key, differing, keys) for key in differing}
    added = []
    for digest in digests:
        own = {key: str(settings[digest].get(key)) for key in differing}
        full = ", ".join(f"{key}={value}" for key, value in own.items()) or digest[:8]
        short = ", ".join(f"{brief[key]} {short_value(value)}" for key, value in own.items()) or digest[:8]
        added.append((digest, (f" ({full})", f" ({short})")))
    return added


def _settings(spec: Mapping[str, Any]) -> dict[str, str]:
    """Dotted key -> value; what the members of a vote have in common is there once, what they differ in as ``a|b``."""
    return {key: "|".join(found) for key, found in _values(spec).items()}


def _values(spec: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Dotted key -> its values in the pipeline, or in the members of the vote."""
    members = spec.get("members")
    own = {key: value for key, value in spec.items() if key not in APART}
    if not isinstance(members, Mapping):
        return {key: (str(value),) for key, value in _flat(own) if key not in ASIDE}
    values: dict[str, dict[str, None]] = {}
    for part in (own, *({key: value for key, value in one.items() if key not in APART} for one in members.values())):
        for key, value in _flat(part):
            values.setdefault(key, {})[str(value)] = None
    return {key: tuple(found) for key, found in values.items() if key not in ASIDE}


def _flat(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for key, value in settings.items():
        flat += _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else [(prefix + key, value)]
    return flat
