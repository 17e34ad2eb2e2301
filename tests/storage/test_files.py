import os
from pathlib import Path

import pytest

from benchmark.storage.files import write_whole


def refuses(descriptor: int) -> None:
    raise OSError(28, "No space left on device")


def test_a_file_is_replaced_as_a_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("an older and longer one")
    write_whole(path, b"new")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("a.json", b"new")]


def test_what_cannot_be_written_leaves_the_older_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", refuses)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"new")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("a.json", b"old")]


def test_only_what_must_outlive_a_power_failure_waits_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", refuses)
    write_whole(tmp_path / "a.json", b"new", flush=False)
    assert (tmp_path / "a.json").read_bytes() == b"new"
