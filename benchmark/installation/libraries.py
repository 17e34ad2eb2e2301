"""Python, libraries and entry points, as they are installed and as they were declared."""

import platform
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from benchmark.installation.findings import Finding, guarded
from benchmark.planning.backend import keras_backend
from benchmark.planning.chain import BACKEND_LIBRARIES
from benchmark.storage.digests import library_versions
from registry.contracts import GROUPS

OURS = "cxr-bench"
CHECKOUT = Path(__file__).parents[2]
AGAIN = "install it again: pip install -e ."
ABSENT = "absent"


def look() -> Iterator[Finding]:
    """Python, the backend, libraries, extras, and whether an installation in place is up to date."""
    installed = distribution(OURS)
    yield _python(installed)
    yield from guarded("backend", _backend)
    needed = [Requirement(line) for line in installed.requires or []]
    yield from _libraries([one for one in needed if _wanted(one)])
    yield _extras(installed, needed)
    yield from _in_place(installed, CHECKOUT / "pyproject.toml")


def _python(installed: Distribution) -> Finding:
    found, needs = platform.python_version(), installed.metadata["Requires-Python"] or ""
    text = f"Python {found}, {platform.system()} {platform.machine()}, cxr-bench {installed.version}"
    if not SpecifierSet(needs).contains(found, prereleases=True):
        return Finding(
            "python", "wrong", f"{text}; expected Python {needs}", "make the environment with another Python"
        )
    return Finding("python", "ok", text)


def _backend() -> Iterator[Finding]:
    """What computes; where it is not installed, the error of every command."""
    backend = BACKEND_LIBRARIES[keras_backend()]
    keras, computes = (library_versions(name)[name] for name in ("keras", backend))
    yield Finding("backend", "ok", f"Keras {keras} computes with {_named(backend, computes)}")


def _wanted(requirement: Requirement, extra: str = "") -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _libraries(needed: list[Requirement]) -> Iterator[Finding]:
    """One finding for all that are as declared, one for each that is not; whether the backend is there, it says."""
    fitting = []
    for one in sorted(needed, key=lambda one: one.name):
        found = library_versions(one.name)[one.name]
        if found == ABSENT:
            if one.name not in BACKEND_LIBRARIES.values():
                yield Finding("libraries", "wrong", f"{one.name} is not installed", f"pip install '{_asked(one)}'")
        elif not _fits(one, found):
            received = f"{_named(one.name, found)} is installed, declared is {one.specifier}"
            yield Finding("libraries", "wrong", received, f"pip install '{_asked(one)}'")
        else:
            fitting.append(_named(one.name, found))
    yield Finding("libraries", "ok", f"{len(fitting)} as declared: {', '.join(fitting)}")


def _fits(requirement: Requirement, found: str) -> bool:
    """Whether a version, or one of another distribution with the same module, is one that is declared."""
    return requirement.specifier.contains(found.rpartition(" ")[2], prereleases=True)


def _named(name: str, version: str) -> str:
    return version if " " in version else f"{name} {version}"


def _asked(requirement: Requirement) -> str:
    return f"{requirement.name}{requirement.specifier}"


def _extras(installed: Distribution, needed: list[Requirement]) -> Finding:
    """Which extras are installed whole; none is needed by every run, so none is ever wrong."""
    there: list[str] = []
    lacking: list[str] = []
    for extra in installed.metadata.get_all("Provides-Extra") or []:
        own = [one for one in needed if one.marker and not _wanted(one) and _wanted(one, extra)]
        complete = all(_installed(one) for one in own)
        (there if complete else lacking).append(extra)
    text = f"{', '.join(there) or 'none'} installed"
    more = f'for more: pip install "{OURS}[{lacking[0]}]"' if lacking else ""
    return Finding("extras", "ok", f"{text}; not installed: {', '.join(lacking)}" if lacking else text, more)


def _installed(requirement: Requirement) -> bool:
    """Whether it is there, with what its own extras ask for."""
    found = library_versions(requirement.name)[requirement.name]
    if found == ABSENT or not _fits(requirement, found):
        return False
    lines = [Requirement(line) for line in distribution(requirement.name).requires or []] if requirement.extras else []
    return all(
        library_versions(line.name)[line.name] != ABSENT
        for extra in requirement.extras
        for line in lines
        if line.marker and not _wanted(line) and _wanted(line, extra)
    )


def _in_place(installed: Distribution, pyproject: Path) -> Iterator[Finding]:
    """Whether what is installed from a checkout is what its pyproject.toml says by now."""
    declared = _declared(pyproject)
    if declared is None:
        return
    written = {
        (group, name, value)
        for group, names in declared.get("entry-points", {}).items()
        for name, value in names.items()
        if group in GROUPS.values()
    }
    known = {(one.group, one.name, one.value) for one in installed.entry_points if one.group in GROUPS.values()}
    for group, name, value in sorted(written - known):
        yield Finding(
            "entry points", "wrong", f"{name} = {value} of {group} is in pyproject.toml and not installed", AGAIN
        )
    for group, name, value in sorted(known - written):
        yield Finding(
            "entry points", "wrong", f"{name} = {value} of {group} is installed and not in pyproject.toml", AGAIN
        )
    if written == known:
        yield Finding("entry points", "ok", f"{len(known)} of our own, as in {pyproject}")
    asked = {str(Requirement(line)) for line in declared.get("dependencies", [])}
    frozen = {str(one) for one in map(Requirement, installed.requires or []) if one.marker is None}
    if different := sorted(asked ^ frozen):
        yield Finding("libraries", "warning", f"pyproject.toml asks for others by now: {', '.join(different)}", AGAIN)


@cache
def _declared(pyproject: Path) -> dict[str, Any] | None:
    """The project's table in a checkout of ours; None where this is no checkout."""
    try:
        project: dict[str, Any] = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    except (OSError, ValueError, KeyError):
        return None
    return project if project.get("name") == OURS else None
