"""Digests of settings, one text for one value, and the versions of libraries that go into keys."""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from typing import Any

import msgspec


def digest(*parts: object) -> str:
    """Hexadecimal SHA-256 of strings, unambiguous about where one ends."""
    encoded = [str(part).encode() for part in parts]
    return hashlib.sha256(b"".join([len(data).to_bytes(8, "little") + data for data in encoded])).hexdigest()


def canonical(value: Any) -> str:
    """JSON with sorted keys."""
    return msgspec.json.encode(value, order="deterministic").decode()


def library_versions(*distributions: str) -> dict[str, str]:
    """Distribution -> installed version, ``absent`` where nobody provides its module.

    Where another distribution does (``tensorflow-cpu`` in place of ``tensorflow``), it is named before its version.
    """
    return {name: _version(name) for name in distributions}


MODULES = {  # of distributions that are not called like their module
    "opencv-python-headless": "cv2",
    "scikit-learn": "sklearn",
}


@cache
def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        others = _providers().get(MODULES.get(distribution, distribution.replace("-", "_")), [])
        return ", ".join(f"{other} {version(other)}" for other in sorted(set(others))) or "absent"


@cache
def _providers() -> Mapping[str, list[str]]:
    """Top-level module -> distributions that provide it; asked only where one is lacking, as all have to be read."""
    return packages_distributions()
