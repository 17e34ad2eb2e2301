"""What stages keep from one artefact to the next."""

import os

from benchmark.storage.inventory import inventory, stale
from benchmark.storage.kept import VERSIONS, Kept

NAMES = [f"{number:064x}" for number in range(VERSIONS + 2)]


def test_what_was_kept_last_is_read(tmp_path):
    kept = Kept(tmp_path, "copies", NAMES[0])
    assert kept.read() is None
    kept.write(b"one")
    kept.write(b"two")
    assert Kept(tmp_path, "copies", NAMES[0]).read() == b"two"
    assert Kept(tmp_path, "copies", NAMES[1]).read() is None


def test_of_older_versions_the_newest_are_kept(tmp_path):
    for age, name in enumerate(reversed(NAMES)):
        Kept(tmp_path, "copies", name).write(b"1")
        os.utime(tmp_path / "kept" / "copies" / name, (1_000_000 + age,) * 2)
    Kept(tmp_path, "copies", NAMES[-1]).write(b"2")
    left = sorted(path.name for path in (tmp_path / "kept" / "copies").iterdir())
    assert left == sorted([NAMES[-1], *NAMES[: VERSIONS - 1]])


def test_what_is_kept_is_seen_and_removed_by_age(tmp_path):
    Kept(tmp_path, "copies", NAMES[0]).write(b"1")
    (item,) = inventory(tmp_path)
    assert (item.kind, item.stage, item.key) == ("memory", "copies", NAMES[0])
    assert stale([item], item.used + 1) == [item]
