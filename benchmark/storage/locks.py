"""Locks on files, which the kernel releases with the process that holds them.

Some file systems have none: Lustre and NFS as they are often mounted, SMB, many that run in user space.  Elsewhere they
may hold for one machine alone.  Whoever asks for a lock is told whether there is one; what rests on more than speed has
a lease (`benchmark.storage.leases`).
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from benchmark.storage.owner import played
from registry.errors import StorageError

try:
    import fcntl
except ImportError as error:
    raise StorageError(
        "this system has no locks on files, as Windows has none; run bench inside WSL2 (Windows' Linux: "
        "`wsl --install`), with cache and results there"
    ) from error

# NFS refuses the last for a file that could be opened for reading only.
LACKING = {errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOLCK, errno.ENOSYS, errno.EBADF}


def opened(path: Path) -> int:
    """A descriptor to lock, of a file made where there is none; one of another user that is only read will do.

    Raises:
        OSError: it can neither be made nor read.
    """
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        with contextlib.suppress(OSError):
            return os.open(path, os.O_RDONLY)
        raise


def lock(descriptor: int, *, shared: bool = False, wait: bool = True) -> bool:
    """Lock an open file until it is closed; False where its file system has no locks.

    Raises:
        BlockingIOError: another process holds it, and nobody waits.
    """
    if played():
        return False
    how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(descriptor, how if wait else how | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in LACKING:
            return False
        raise
    return True


@contextlib.contextmanager
def held(path: Path, *, shared: bool = False, wait: bool = True) -> Iterator[bool]:
    """Hold the lock on a file; gives False where its file system has none.

    Raises:
        BlockingIOError: another process holds it, and nobody waits.
        OSError: the file can neither be made nor read.
    """
    descriptor = opened(path)
    try:
        yield lock(descriptor, shared=shared, wait=wait)
    finally:
        os.close(descriptor)


def there_are_locks(path: Path) -> bool:
    """Whether the file system of a file, made where there is none, has locks.

    Raises:
        OSError: the file can neither be made nor read.
    """
    try:
        with held(path, shared=True, wait=False) as found:
            return found
    except BlockingIOError:
        return True
