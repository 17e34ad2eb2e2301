"""Which runs artefacts serve, as the cache remembers it: a file a run, written when the run is asked for.

It tells people what would be built again; nothing else relies on it.
"""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmark.storage.files import write_whole

FOLDER = "serves"  # below the cache


class Served(msgspec.Struct, frozen=True):
    """A run, and what it stands on.

    Attributes:
        folder: of the run, from the root.
        artefacts: ``STAGE/KEY`` of each.
        dataset: its name; empty where that was not noted.
    """

    run: str
    pipeline: str
    folder: str
    artefacts: list[str]
    dataset: str = ""


def remember(root: Path, key: str, served: Served) -> None:
    """Note that a run stands on artefacts; where that cannot be written, nothing is noted.

    Args:
        root: of the cache.
        key: of the run's record.
    """
    path = root / FOLDER / f"{key}.json"
    with contextlib.suppress(OSError):
        if _read(path) == served:
            os.utime(path)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, msgspec.json.encode(served), flush=False)


def remembered(root: Path) -> dict[str, list[Served]]:
    """``STAGE/KEY`` of an artefact -> the runs that it serves, in the order of their names."""
    found: dict[str, list[Served]] = {}
    read = (_read(path) for path in sorted((root / FOLDER).glob("*.json")))
    for one in sorted((one for one in read if one is not None), key=lambda one: (one.pipeline, one.run)):
        for artefact in one.artefacts:
            found.setdefault(artefact, []).append(one)
    return found


def still_there(served: Sequence[Served], file: str) -> dict[str, bool]:
    """Folder of each run -> whether its record is there; each is asked for once.

    Args:
        file: name of a record.
    """
    return {folder: os.path.isfile(f"{folder}/{file}") for folder in dict.fromkeys(one.folder for one in served)}  # noqa: PTH113 (hot)


def serving_none(root: Path, file: str) -> tuple[set[str], set[Path]]:
    """``STAGE/KEY`` of artefacts all of whose runs are gone, and the files that remember these runs.

    What serves no run that is remembered is not among them: nobody knows whose it is.

    Args:
        file: name of a record.
    """
    served = remembered(root)
    there = still_there([one for runs in served.values() for one in runs], file)
    artefacts = {name for name, runs in served.items() if not any(there[one.folder] for one in runs)}
    notes = {path: _read(path) for path in (root / FOLDER).glob("*.json")}
    return artefacts, {path for path, one in notes.items() if one is not None and not there.get(one.folder, True)}


def _read(path: Path) -> Served | None:
    try:
        return _DECODER.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


_DECODER = msgspec.json.Decoder(Served)
