"""What a stage keeps from one artefact to the next, so that what they have in common is not computed again.

<cache>/kept/<stage>/<name>     one file, replaced whole; whatever is lost of it costs time only
"""

import contextlib
from pathlib import Path

from benchmark.storage.files import write_whole
from benchmark.storage.refusals import storage_errors

VERSIONS = 3  # of one stage: what older code or readers found is of no use to anybody


class Kept:
    """One file that is kept."""

    def __init__(self, cache: Path, stage: str, name: str) -> None:
        self.path = cache / "kept" / stage / name

    def read(self) -> bytes | None:
        """What was kept last; None where there is nothing that can be read."""
        try:
            return self.path.read_bytes()
        except OSError:
            return None

    def write(self, content: bytes) -> None:
        """Keep this in place of what was kept before, and of what is kept for older versions only the newest.

        Raises:
            StorageError: the disk is full or the cache cannot be written.
        """
        with storage_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.path, content, flush=False)
        with contextlib.suppress(OSError):  # another process may be at the same
            files = sorted(self.path.parent.iterdir(), key=lambda file: -file.stat().st_mtime)
            for old in files[VERSIONS:]:
                old.unlink()
