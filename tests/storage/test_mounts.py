"""The file system of a folder, from tables as Linux writes them."""

import pytest

from benchmark.storage.mounts import mount_of

TABLE = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
23 22 0:21 / {place} rw,nosuid shared:2 - tmpfs tmpfs rw,size=65536k
40 22 0:52 / {place}/home rw,relatime shared:30 - nfs4 server:/export rw,vers=4.2
41 22 0:53 / {place}/home/a\\040b rw - fuse.sshfs me@there:/ rw
42 22 0:54 / {place}/twice rw - ext4 /dev/vdb rw
43 42 0:55 / {place}/twice rw master:3 propagate_from:2 - lustre mds:/fs rw
torn line
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "mountinfo"
    path.write_text(TABLE.format(place=tmp_path.resolve()))
    return path


@pytest.mark.parametrize(
    ("folder", "kind", "network", "memory"),
    [
        ("", "tmpfs", False, True),
        ("home", "nfs4", True, False),
        ("home/user/cache", "nfs4", True, False),  # not made yet
        ("homes", "tmpfs", False, True),
        ("home/a b/c", "fuse.sshfs", True, False),  # a space is written \\040
        ("twice/x", "lustre", True, False),  # the later covers the earlier
        ("..", "ext4", False, False),
    ],
)
def test_a_folder_lies_on_the_nearest_mount_above_it(tmp_path, table, folder, kind, network, memory):
    mount = mount_of(tmp_path / folder, table)
    assert (mount.kind, mount.is_network, mount.is_memory) == (kind, network, memory)


def test_a_link_is_followed_to_where_the_files_are(tmp_path, table):
    (tmp_path / "home").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "home")
    assert mount_of(tmp_path / "link" / "cache", table).kind == "nfs4"


def test_a_system_that_does_not_say_is_no_error(tmp_path):
    assert mount_of(tmp_path, tmp_path / "proc") is None
