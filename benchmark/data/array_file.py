"""A .npy file whose rows several threads write in place, without mapping it: memory does not grow with its size."""

import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from registry.errors import StorageError


class RowFile:
    """A uint8 array (N, *row_shape) on disk, N being settled last.

    Raises:
        StorageError: from any method, when the disk is full or the folder cannot be written.
    """

    def __init__(self, path: Path, row_shape: tuple[int, ...]):
        self.path = path
        self.row_shape = row_shape
        self._row_bytes = int(np.prod(row_shape))
        self._start = len(self._header(0))
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
        except OSError as error:
            raise _storage_error(path, error) from error

    def write(self, position: int, *rows: np.ndarray) -> None:
        """Sets successive rows, together at half the cost; rows never set are zeros, which take no room on most disks.

        Args:
            position: of the first row.
            rows: contiguous, at most 1024 of them.
        """
        pieces = [row.data.cast("B") for row in rows]
        offset = self._start + position * self._row_bytes
        try:
            written = os.pwritev(self._descriptor, pieces, offset)
            if written < len(rows) * self._row_bytes:
                self._put(memoryview(b"".join(pieces))[written:], offset + written)
        except OSError as error:
            raise _storage_error(self.path, error) from error

    def finish(self, kept: Sequence[int]) -> None:
        """Moves the rows at these ascending positions together, drops the others, and completes the file."""
        try:
            for position, source in enumerate(kept):
                if position != source:
                    row = os.pread(self._descriptor, self._row_bytes, self._start + source * self._row_bytes)
                    self._put(memoryview(row.ljust(self._row_bytes, b"\0")), self._start + position * self._row_bytes)
            os.ftruncate(self._descriptor, self._start + len(kept) * self._row_bytes)
            self._put(memoryview(self._header(len(kept))), 0)
        except OSError as error:
            raise _storage_error(self.path, error) from error
        self.close()

    def close(self) -> None:
        """Lets go of the file; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _put(self, data: memoryview, offset: int) -> None:
        while data:
            written = os.pwrite(self._descriptor, data, offset)
            data, offset = data[written:], offset + written

    def _header(self, count: int) -> bytes:
        # NumPy pads the header for the largest N (GROWTH_AXIS_MAX_DIGITS), so its length does not depend on N.
        header = io.BytesIO()
        layout = {"descr": "|u1", "fortran_order": False, "shape": (count, *self.row_shape)}
        np.lib.format.write_array_header_1_0(header, layout)
        return header.getvalue()


def _storage_error(path: Path, error: OSError) -> StorageError:
    return StorageError(f"cannot write {path}: {error.strerror or error}; free some room or choose another folder")
