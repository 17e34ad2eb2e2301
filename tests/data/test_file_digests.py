"""Digests of files are remembered, and an edit is noticed whatever it leaves as it was."""

import hashlib
import os

from benchmark.data.summary import FileDigests


def read(memory, path):
    """The digest that a new command finds."""
    return FileDigests(memory).read([str(path)], lambda done, total: None)[str(path)]


def test_an_edit_that_keeps_size_and_modification_time_is_noticed(tmp_path):
    path, memory = tmp_path / "film.png", tmp_path / "digests.json"
    path.write_bytes(b"first")
    state = path.stat()
    assert read(memory, path) == hashlib.sha256(b"first").hexdigest()
    path.write_bytes(b"other")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert read(memory, path) == hashlib.sha256(b"other").hexdigest()


def test_a_file_that_was_left_alone_is_not_read_again(tmp_path, monkeypatch):
    path, memory = tmp_path / "film.png", tmp_path / "digests.json"
    path.write_bytes(b"first")
    known = read(memory, path)
    monkeypatch.setattr("benchmark.data.summary._hash", lambda path: "read again")
    assert read(memory, path) == known
