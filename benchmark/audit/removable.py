"""What below a results folder may be removed: runs, evaluations, measurements of speed, searches for settings.

Only folders that hold a record of ours, under its own name, are meant, and no link is followed.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from benchmark.records import external, speed
from benchmark.records.external import External
from benchmark.records.files import as_written, scan
from benchmark.records.places import SEARCH
from benchmark.records.record import Record
from benchmark.records.speed import Speed
from registry.errors import ConfigError, DataNotFoundError

EVALUATION = "evaluation"
SearchOf = Callable[[Path], str]  # folder -> the tuner of the search in it; empty where there is none


class Search(msgspec.Struct, frozen=True):
    """A search for settings: when its ledger was last written."""

    created: str


Found = Record | External | Speed | Search
KINDS = {External: EVALUATION, Speed: "measurement", Search: "search"}


class Removable(msgspec.Struct, frozen=True):
    """A run, an evaluation on images of elsewhere, a measurement of speed, or a search for settings.

    Attributes:
        name: of its folder.
        place: that folder, from the results folder.
        found: what its record says.
        seal: of the record as it is written; empty of a search.
        home: the results folder that it lies in, which may lie in the one that is looked at.
    """

    folder: Path
    name: str
    place: str
    found: Found
    seal: str
    home: Path

    @property
    def is_run(self) -> bool:
        """Whether it is a run."""
        return isinstance(self.found, Record)

    @property
    def kind(self) -> str:
        """What it is, in a word."""
        return KINDS.get(type(self.found), "run")

    @property
    def created(self) -> str:
        """When it was made; of a search when its last trial was."""
        return self.found.created


def removables(results: Path, search_of: SearchOf = lambda folder: "") -> list[Removable]:
    """Everything below a results folder that may be removed, each kind in the order of names.

    Args:
        search_of: tells searches, which are none of this package's.

    Raises:
        DataNotFoundError: there is no such folder.
    """
    root = absolute(results)
    if not root.is_dir():
        raise DataNotFoundError(f"no results at {str(results)!r}; expected a folder that bench run wrote to (its -o)")
    if root.is_symlink():
        raise ConfigError(f"{results} is a link, and links are not followed here; name the folder that it points to")
    met: dict[str, list[Path]] = {external.FILE: [], speed.FILE: [], SEARCH: []}
    runs = [
        _removable(Path(path).parent, found, as_written(Path(path)).seal, root)
        for path, found in scan(root, verified=False, others={name: files.append for name, files in met.items()})
        if isinstance(found, Record) and found.run == Path(path).parent.name
    ]
    return [*runs, *_sealed(met[external.FILE], met[speed.FILE], root), *_searches(met[SEARCH], root, search_of)]


def _sealed(evaluations: Iterable[Path], measurements: Iterable[Path], root: Path) -> Iterator[Removable]:
    """Those of the files whose folders bear their names."""
    read = [(path, external.read(path, verified=False)) for path in evaluations]
    read_too = [(path, speed.read(path, verified=False)) for path in measurements]
    for path, found in [*read, *read_too]:
        if isinstance(found, External | Speed) and found.name == path.parent.name:
            yield _removable(path.parent, found, found.seal, root)


def _searches(files: Iterable[Path], root: Path, search_of: SearchOf) -> Iterator[Removable]:
    for path in files:
        tuner = search_of(path.parent)
        if tuner and re.fullmatch(rf".+-{re.escape(tuner)}-[0-9a-f]{{8}}", path.parent.name):
            written = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="minutes")
            yield _removable(path.parent, Search(written), "", root)


def rules_left(chosen: Sequence[Removable], there: Sequence[Removable]) -> list[Removable]:
    """Records of rules that stand beside no run any more once what is chosen is gone."""
    leaving = {one.folder for one in chosen}
    runs = [one for one in there if isinstance(one.found, Record) and not one.found.of_controls]
    staying = [one for one in runs if one.folder not in leaving]
    gone = {_ground(one.found) for one in runs if one.folder in leaving} - {()}
    kept = {_ground(one.found) for one in staying}
    unknown = {one.folder.parent for one in staying if not _ground(one.found)}  # failed before it was known
    return [
        one
        for one in there
        if isinstance(one.found, Record) and one.found.of_controls and one.folder not in leaving
        and _ground(one.found) in gone - kept and one.folder.parent not in unknown
    ]  # fmt: skip


def _ground(found: Found) -> tuple[str, ...]:
    """The images and the split that a record is of; empty where it does not say."""
    if not isinstance(found, Record) or found.dataset is None or found.split is None or not found.split.digest:
        return ()
    return found.dataset.digest, found.split.digest


def absolute(path: Path) -> Path:
    """The path from the root, without ``..``; no link is followed."""
    return Path(os.path.abspath(path))  # noqa: PTH100 (Path.resolve follows links)


def home(folder: Path, root: Path) -> Path:
    """The results folder of a run, which lies in that of its task."""
    found = folder.parent.parent
    return found if found.is_relative_to(root) else root


def _removable(folder: Path, found: Found, seal: str, root: Path) -> Removable:
    return Removable(folder, folder.name, folder.relative_to(root).as_posix(), found, seal, home(folder, root))
