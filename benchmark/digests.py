"""Digests of settings, and the versions of libraries that go into them."""

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version


def digest(*parts: object) -> str:
    """Hexadecimal SHA-256 of strings, unambiguous about where one ends."""
    encoded = [str(part).encode() for part in parts]
    return hashlib.sha256(b"".join([len(data).to_bytes(8, "little") + data for data in encoded])).hexdigest()


def library_versions(*distributions: str) -> dict[str, str]:
    """Distribution -> installed version, ``absent`` where it is not installed."""
    return {name: _version(name) for name in distributions}


@cache
def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "absent"
