"""A .npy file that grows by rows, written without being mapped, so that memory does not grow with it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from registry.errors import StorageError


class RowFile:
    """A uint8 array (N, *row_shape) on disk whose N is known when it is finished.

    Raises:
        StorageError: from any method, when the disk is full or the folder cannot be written.
    """

    def __init__(self, path: Path, row_shape: tuple[int, ...]):
        self.path = path
        self.row_shape = row_shape
        self.count = 0
        self._row_bytes = int(np.prod(row_shape))
        with _told(path):
            self._file = path.open("wb")
            self._header()

    def append(self, row: np.ndarray | None) -> None:
        """Adds a row; None adds zeros, which take no room on most file systems."""
        with _told(self.path):
            if row is None:
                self._file.seek(self._row_bytes, 1)
            else:
                self._file.write(np.ascontiguousarray(row, np.uint8).reshape(self._row_bytes))
        self.count += 1

    def finish(self) -> None:
        """Writes the final N; the file is then complete."""
        with _told(self.path):
            self._file.truncate(self._file.tell())
            self._file.seek(0)
            self._header()
            self._file.close()

    def abandon(self) -> None:
        """Closes and removes the file."""
        with suppress(OSError):  # what could not be flushed is thrown away
            self._file.close()
        self.path.unlink(missing_ok=True)

    def _header(self) -> None:
        # NumPy pads the header for the largest N (GROWTH_AXIS_MAX_DIGITS), so it can be written again in place.
        layout = {"descr": "|u1", "fortran_order": False, "shape": (self.count, *self.row_shape)}
        np.lib.format.write_array_header_1_0(self._file, layout)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror or error}; free some room or choose another folder"
        ) from error
