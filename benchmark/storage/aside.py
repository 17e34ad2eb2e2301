"""Folders set aside before they are deleted: renamed into a hidden folder beside them, so that they go at once.

Whoever is killed leaves the folder where it was, or set aside, where others on this machine find it later.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmark.storage.files import new_folder
from benchmark.storage.owner import PLACE, RANDOM, has_ended

PREFIX = ".removed-"
NAME = re.compile(rf"{re.escape(PREFIX)}(?P<place>{PLACE})-{RANDOM}")


def set_aside(folder: Path) -> Path | None:
    """The hidden folder in which it lies now, under its name; None where it is gone.

    Raises:
        OSError: it cannot be renamed; it is where it was.
    """
    aside = new_folder(folder.parent, PREFIX)
    try:
        folder.rename(aside / folder.name)
    except OSError as error:
        aside.rmdir()
        if isinstance(error, FileNotFoundError):
            return None
        raise
    return aside


def put_back(aside: Path, folder: Path) -> None:
    """Undo that.

    Raises:
        OSError: another folder has taken its place; it stays set aside.
    """
    (aside / folder.name).rename(folder)
    aside.rmdir()


def delete(folder: Path) -> None:
    """Delete a folder that another process may be deleting too; of a link in it the link alone.

    Raises:
        OSError: something cannot be removed.
    """
    while folder.is_dir():
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            continue


def left_aside(parent: Path) -> Iterator[Path]:
    """What processes of this machine that have ended have set aside there."""
    for path in parent.glob(f"{PREFIX}*"):
        match = NAME.fullmatch(path.name)
        if match and not path.is_symlink() and has_ended(match["place"]):
            yield path
