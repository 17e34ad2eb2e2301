"""Digests of settings, one text for one value, and the versions of libraries that go into keys."""

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
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
    """Distribution -> installed version, ``absent`` where it is not installed."""
    return {name: _version(name) for name in distributions}


@cache
def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "absent"
