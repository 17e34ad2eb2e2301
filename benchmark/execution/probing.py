"""What a node must have in common with the machine that gives out steps: code, Python, libraries, backend, folders.

Keys are that machine's: what another TensorFlow made would be found under a key that says something else.  A node that
differs is refused before anything runs on it.
"""

import contextlib
import hashlib
import os
import platform
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import msgspec
from packaging.requirements import Requirement

from benchmark.planning.chain import BACKEND_LIBRARIES
from benchmark.planning.request import Request, runtime_of
from benchmark.storage.code import OWN, CodeIndex, component_text
from benchmark.storage.digests import digest, library_versions
from benchmark.storage.refusals import storage_errors
from benchmark.tasks.places import TASKS
from registry.contracts import KINDS
from registry.errors import BenchError
from registry.lookup import entries

DISTRIBUTION = "cxr-bench"
MOST_FILES = 2000  # of the data, whose names and sizes are compared
APPEARS_S = 5.0  # in which a file that another node has just made must be seen: NFS keeps names for some seconds
LOOK_EVERY_S = 0.25
CPU = Path("/proc/cpuinfo")
CARDS = Path("/proc/driver/nvidia/gpus")
PROBE = ".bench-probe-"  # begins the names of files that nodes look for
CACHE = "the cache"
RESULTS = "the folder of results"


class Facts(msgspec.Struct, frozen=True):
    """What of a node decides results.

    Attributes:
        plugins: distribution of components -> digest of its code.
    """

    code: str
    python: str
    libraries: dict[str, str]
    plugins: dict[str, str]
    processor: str


class Wanted(msgspec.Struct, frozen=True):
    """What a node is compared with.

    Attributes:
        folder: in which the command was given.
        tokens: what a folder is for -> a file that was put there for this.
        data: folder of the X-rays, empty for none, and a digest of the names and sizes of its files.
        same_processor: whether bits must repeat.
    """

    facts: Facts
    backend: str
    folder: str
    tokens: dict[str, str]
    data: str
    listing: str
    same_processor: bool


def facts_of(backend: str) -> Facts:
    """Those of this machine."""
    libraries = library_versions(*sorted({*_declared(), BACKEND_LIBRARIES.get(backend, backend)}))
    return Facts(_code(), platform.python_version(), libraries, _plugins(), processor())


def wanted(request: Request, tokens: Mapping[str, str]) -> Wanted:
    """What nodes are compared with.

    Args:
        tokens: what a folder is for -> a file that lies there; see `shown`.
    """
    runtime = runtime_of(request)
    data = str(Path(request.data).absolute()) if request.data else ""
    return Wanted(
        facts_of(runtime.backend), runtime.backend, str(Path.cwd()), dict(tokens), data, listing(data),
        runtime.deterministic,
    )  # fmt: skip


@contextlib.contextmanager
def shown(request: Request) -> Iterator[dict[str, str]]:
    """Files in the folders that nodes must see, what each is for -> file, which are gone again after that.

    Raises:
        StorageError: a folder cannot be written.
    """
    places = {CACHE: Path(request.cache).absolute(), RESULTS: nearest(Path(request.results))}
    name = f"{PROBE}{os.urandom(8).hex()}"
    tokens = {what: folder / name for what, folder in places.items()}
    try:
        for path in tokens.values():
            put(path)
        yield {what: str(path) for what, path in tokens.items()}
    finally:
        for path in tokens.values():
            path.unlink(missing_ok=True)


def put(token: Path) -> None:
    """Make a file that nodes can look for.

    Raises:
        StorageError: its folder cannot be written.
    """
    with storage_errors(token):
        token.parent.mkdir(parents=True, exist_ok=True)
        token.write_text(token.name)


def differences(wanted: Wanted, appears_s: float = APPEARS_S) -> list[str]:
    """In what this node differs from what is wanted, in words; for whoever is about to serve there."""
    here, there = facts_of(wanted.backend), wanted.facts
    found = ["other code of bench"] if here.code != there.code else []
    found += [f"Python {here.python}, expected {there.python}"] if here.python != there.python else []
    for name in sorted(here.libraries.keys() | there.libraries.keys()):
        mine, theirs = here.libraries.get(name, "absent"), there.libraries.get(name, "absent")
        found += [f"{name} {mine}, expected {theirs}"] if mine != theirs else []
    for name in sorted(here.plugins.keys() | there.plugins.keys()):
        if here.plugins.get(name) != there.plugins.get(name):
            found.append(f"other code of {name}" if name in here.plugins else f"no {name}")
    if wanted.same_processor and here.processor != there.processor:
        found.append(f"processor {here.processor}, expected {there.processor} (--deterministic)")
    return found + _unseen(wanted, appears_s)


def processor() -> str:
    """What computes here, and which instructions it has: libraries choose their code by them."""
    text = CPU.read_text() if CPU.exists() else ""
    lines = [line.partition(":")[::2] for line in text.splitlines()]
    values = {name.strip(): value.strip() for name, value in reversed(lines)}
    name = values.get("model name") or platform.processor() or platform.machine()
    flags = digest(*sorted(values.get("flags", values.get("Features", "")).split()))[:8]
    cards = [path.read_text() for path in sorted(CARDS.glob("*/information"))]
    models = [
        line.partition(":")[2].strip() for text in cards for line in text.splitlines() if line.startswith("Model")
    ]
    return ", ".join([f"{name} (instructions {flags})", *dict.fromkeys(models)])


def listing(folder: str) -> str:
    """Digest of the names and sizes of the first files of a folder; empty without one or where it cannot be read."""
    if not folder or not Path(folder).is_dir():
        return ""
    found: list[str] = []
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(place, name)
            with contextlib.suppress(OSError):
                found.append(f"{path.relative_to(folder)} {path.stat().st_size}")
        if len(found) >= MOST_FILES:
            break
    return digest(*found[:MOST_FILES])


def _unseen(wanted: Wanted, appears_s: float) -> list[str]:
    """The folders that this node does not see, or cannot write."""
    found = [] if Path(wanted.folder).is_dir() else [f"there is no folder {wanted.folder}"]
    for what, token in wanted.tokens.items():
        path = Path(token)
        if not _appears(path, appears_s):
            found.append(f"does not see {what} {path.parent}")
            continue
        mine = path.with_name(f"{path.name}-{os.urandom(4).hex()}")
        try:
            mine.write_text("")
            mine.unlink()
        except OSError as error:
            found.append(f"cannot write {what} {path.parent} ({error.strerror})")
    if wanted.data and listing(wanted.data) != wanted.listing:
        found.append(f"does not see the data {wanted.data}, or others")
    return found


def _appears(token: Path, within_s: float) -> bool:
    """Whether a file can be read, and says what it should."""
    until = time.monotonic() + within_s
    while True:
        with contextlib.suppress(OSError):
            list(token.parent.iterdir())  # NFS: ask the server anew
            if token.read_text() == token.name:
                return True
        if time.monotonic() >= until:
            return False
        time.sleep(LOOK_EVERY_S)


def nearest(folder: Path) -> Path:
    """A folder, or the nearest one above it that is there: that of results is made with the first of them."""
    absolute = folder.absolute()
    return next(place for place in (absolute, *absolute.parents) if place.is_dir())


def _code() -> str:
    """Digest of the source of this distribution and of the task files, as they are written."""
    top = Path(__file__).parent.parent.parent
    files = [path for package in OWN for path in sorted((top / package).rglob("*.py"))] + sorted(TASKS.rglob("*.toml"))
    return digest(*(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files))


def _plugins() -> dict[str, str]:
    """Distribution -> digest of the code of its components, of those that are not ours."""
    index = CodeIndex()
    found: dict[str, list[str]] = {}
    for kind in KINDS:
        for entry in entries(kind).values():
            if entry.distribution != DISTRIBUTION:
                try:
                    code = component_text(kind, entry.name, index)
                except BenchError as error:  # the same on every node, or it differs
                    code = str(error)
                found.setdefault(entry.distribution, []).append(f"{kind} {entry.name} {code}")
    return {name: digest(*codes) for name, codes in found.items()}


def _declared() -> list[str]:
    """The libraries that this distribution is declared to need."""
    try:
        lines = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        return []
    return [one.name for one in map(Requirement, lines) if one.marker is None]
