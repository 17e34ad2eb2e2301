"""On which file system a folder lies, as Linux tells each process."""

import re
from pathlib import Path
from typing import NamedTuple

NETWORK = {  # those whose files another machine keeps
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "beegfs", "ceph", "glusterfs", "afs", "9p", "pvfs2",
    "orangefs", "panfs", "wekafs", "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs", "fuse.gcsfuse",
    "fuse.rclone", "fuse.juicefs", "fuse.quobyte", "davfs", "fuse.davfs2", "virtiofs",
}  # fmt: skip
MEMORY = {"tmpfs", "ramfs"}
TABLE = Path("/proc/self/mountinfo")


class Mount(NamedTuple):
    """Where a file system is mounted, and its type."""

    point: str
    kind: str

    @property
    def is_network(self) -> bool:
        """Whether another machine keeps its files."""
        return self.kind in NETWORK

    @property
    def is_memory(self) -> bool:
        """Whether its files are in memory, and gone when the machine starts again."""
        return self.kind in MEMORY


def mount_of(folder: Path, table: Path = TABLE) -> Mount | None:
    """The file system of a folder, or of that in which it would be made; None where the system does not say.

    Args:
        table: mounts in the order in which they were made, as proc(5) describes ``/proc/self/mountinfo``.
    """
    try:
        lines = table.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    place = folder.resolve()
    above = {str(one) for one in (place, *place.parents)}
    found: Mount | None = None
    for mount in filter(None, map(_mount, lines)):
        # Of two at one point the later one covers the other.
        if mount.point in above and (found is None or len(mount.point) >= len(found.point)):
            found = mount
    return found


def _mount(line: str) -> Mount | None:
    own, _, source = line.partition(" - ")
    words = own.split(" ")
    if len(words) < 5 or not source:
        return None
    point = re.sub(r"\\(\d{3})", lambda match: chr(int(match[1], 8)), words[4])  # a space is \040
    return Mount(point, source.split(" ")[0])
