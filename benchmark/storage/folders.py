"""Folders that appear whole, under the name that was asked for, or not at all."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmark.storage.files import new_folder


@contextlib.contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A hidden folder beside the target, which gets its name when the block ends well and is removed when it does not.

    Args:
        target: absent, or an empty folder.

    Raises:
        OSError: it cannot be made, or something has come to lie under that name.
    """
    unfinished = new_folder(target.absolute().parent, f".{target.name}.part-")
    try:
        yield unfinished
        with contextlib.suppress(FileNotFoundError):
            target.rmdir()  # raises where it is not empty
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
