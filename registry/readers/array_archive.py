"""Arrays in an .npz archive, read row by row: of one with a hundred thousand images, a few are in memory at a time.

Nothing is unpickled.  Rows of a compressed array are had by reading on from the last one, so they are cheap in their
order; a row far ahead or behind costs as much as all before it.
"""

import threading
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from zipfile import BadZipFile, ZipFile

import cv2
import numpy as np
from numpy.lib import format as npy

from registry.errors import DataError

_WINDOW = 1 << 27  # bytes of rows kept behind the last one read, as threads do not come in order
_MOST = 4096  # such rows
_OPEN = 4  # arrays that are read side by side
_WHOLE = 1 << 28  # bytes of an array of labels
_BROKEN = (BadZipFile, OSError, ValueError, EOFError, KeyError, NotImplementedError, RuntimeError, zlib.error)


@dataclass(frozen=True, slots=True)
class Entry:
    """An array in an archive, by its header.

    Attributes:
        offset: of its first byte, within its file in the archive.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int


@dataclass(frozen=True, slots=True)
class Archive:
    """What an archive holds, by name."""

    path: Path
    entries: dict[str, Entry]

    @property
    def names(self) -> list[str]:
        """Of the arrays."""
        return list(self.entries)

    def shape(self, name: str) -> tuple[int, ...]:
        """Of an array."""
        return self.entries[name].shape

    def kind(self, name: str) -> np.dtype:
        """The type of its elements."""
        return self.entries[name].dtype

    def whole(self, name: str) -> np.ndarray:
        """A small array, of labels.

        Raises:
            DataError: it is large, or damaged.
        """
        entry = self.entries[name]
        size = int(np.prod(entry.shape, dtype=float)) * entry.dtype.itemsize
        if size > _WHOLE:
            raise DataError(f"{self.path.name}: {name} has {size:,} bytes, too many for labels")
        try:
            with ZipFile(self.path) as archive, archive.open(f"{name}.npy") as file:
                return np.asarray(npy.read_array(file, allow_pickle=False))
        except _BROKEN as error:
            raise _damaged(self.path, error) from error


def open_archive(path: Path) -> Archive:
    """What an archive holds; only headers are read.

    Raises:
        DataError: it is damaged, no archive of arrays, or holds Python objects.
    """
    entries = {}
    try:
        with ZipFile(path) as archive:
            for part in archive.infolist():
                if part.filename.endswith(".npy"):
                    with archive.open(part) as file:
                        entries[part.filename.removesuffix(".npy")] = _entry(file, part.file_size)
    except _BROKEN as error:
        raise _damaged(path, error) from error
    for name, entry in entries.items():
        if entry.dtype.hasobject:
            raise DataError(f"{path.name}: {name} holds Python objects, which are not read; expected numbers")
    return Archive(path, entries)


def read_row(path: str, name: str, index: int) -> np.ndarray:
    """One image of an array, uint8 (H, W); colours as luminance.

    Raises:
        DataError: the archive cannot be read any more, or is damaged.
    """
    try:
        row = _stream(path, name).row(index)
    except _BROKEN as error:
        if isinstance(error, DataError):
            raise
        raise _damaged(Path(path), error) from error
    if row.ndim == 2:
        return row
    return row[..., 0] if row.shape[2] == 1 else cv2.cvtColor(np.ascontiguousarray(row), cv2.COLOR_RGB2GRAY)


class _Stream:
    """An array that is read from its beginning on, with the last rows kept; safe for threads."""

    def __init__(self, path: str, name: str) -> None:
        self._lock = threading.Lock()
        self._archive = ZipFile(path)
        part = self._archive.getinfo(f"{name}.npy")
        self._file: IO[bytes] = self._archive.open(part)
        self._entry = _entry(self._file, part.file_size)
        self._bytes = int(np.prod(self._entry.shape[1:])) * self._entry.dtype.itemsize
        self._kept: OrderedDict[int, np.ndarray] = OrderedDict()
        self._next = 0
        self._window = max(1, min(_MOST, _WINDOW // max(1, self._bytes)))

    def row(self, index: int) -> np.ndarray:
        """One element along the first axis."""
        with self._lock:
            if index in self._kept:
                return self._kept[index].copy()
            if not self._next <= index <= self._next + self._window:
                self._file.seek(self._entry.offset + index * self._bytes)
                self._next = index
            while self._next <= index:
                self._read()
            return self._kept[index].copy()

    def _read(self) -> None:
        data = self._file.read(self._bytes)
        if len(data) < self._bytes:
            raise EOFError("it ends early")
        self._kept[self._next] = np.frombuffer(data, self._entry.dtype).reshape(self._entry.shape[1:])
        self._next += 1
        while len(self._kept) > self._window:
            self._kept.popitem(last=False)


_streams: OrderedDict[tuple[str, str, int], _Stream] = OrderedDict()
_opening = threading.Lock()


def _stream(path: str, name: str) -> _Stream:
    """The open array of this process; another one once the file has changed."""
    key = (path, name, Path(path).stat().st_mtime_ns)
    with _opening:
        if key not in _streams:
            _streams[key] = _Stream(path, name)
            while len(_streams) > _OPEN:
                _streams.popitem(last=False)
        return _streams[key]


def _entry(file: IO[bytes], size: int) -> Entry:
    """The header of an array; see numpy.lib.format.

    Raises:
        ValueError: it is none, or says more than there is.
    """
    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"array format {version} is unknown")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if fortran and len(shape) > 1:
        raise ValueError("an array lies column by column; save it with numpy.ascontiguousarray")
    offset = file.tell()
    if not dtype.hasobject and offset + int(np.prod(shape, dtype=float)) * dtype.itemsize != size:
        raise ValueError("an array is not as large as it says")
    return Entry(shape, dtype, offset)


def _damaged(path: Path, error: Exception) -> DataError:
    text = " ".join(str(error).split())[:200]
    return DataError(f"{path.name} is no archive of arrays, or damaged ({text}); restore it")
