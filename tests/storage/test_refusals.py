"""What the system refuses: the file, the operation, the owner."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.storage.files import new_folder, write_whole
from benchmark.storage.owner import place
from benchmark.storage.refusals import check_can_be_written, check_writable, storage_errors
from registry.errors import StorageError


def refusal(path: Path) -> str:
    with pytest.raises(StorageError) as error, storage_errors(Path("elsewhere")):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    return str(error.value)


@pytest.fixture
def denied(monkeypatch):
    """Takes rights away, of root too: path -> the rights of `os.access` that are left."""
    rights: dict[Path, int] = {}
    monkeypatch.setattr(os, "access", lambda path, mode: rights.get(Path(path), 7) & mode == mode)
    return rights


def test_a_file_that_cannot_be_read_is_not_said_to_be_unwritable(tmp_path, denied):
    path = tmp_path / "index.json"
    path.touch()
    denied[path] = 0
    assert refusal(path).startswith(f"{path} cannot be read (Permission denied); let its owner open it")


def test_a_folder_that_cannot_be_entered_is_named_in_place_of_what_lies_in_it(tmp_path, denied):
    path = tmp_path / "artefact" / "index.json"
    path.parent.mkdir()
    denied[path.parent] = 0
    assert refusal(path).startswith(f"{path.parent} cannot be entered (Permission denied)")


def test_where_nothing_can_be_made_the_folder_is_named(tmp_path, denied):
    denied[tmp_path] = os.R_OK | os.X_OK
    assert refusal(tmp_path / "new").startswith(f"{tmp_path} cannot be written (Permission denied); choose another")
    (tmp_path / "old").touch()
    assert refusal(tmp_path / "old").startswith(f"{tmp_path / 'old'} cannot be written")


def test_whose_it_is_is_said_where_it_is_somebody_elses(tmp_path, denied, monkeypatch):
    path = tmp_path / "index.json"
    path.touch()
    denied[path] = 0
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    assert f"(Permission denied; it is {path.owner()}'s)" in refusal(path)
    nameless = KeyError("getpwuid(): uid not found")

    def fail(self: Path) -> str:
        raise nameless

    monkeypatch.setattr(Path, "owner", fail)
    assert f"it is user {path.stat().st_uid}'s" in refusal(path)


def test_a_folder_below_one_that_cannot_be_entered_is_one_clear_line(tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "mkdir", refuse)
    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(StorageError, match=r"cannot be written \(Permission denied\); go elsewhere"):
        check_writable(tmp_path / "cache", "go elsewhere")


def test_a_folder_that_can_be_made_is_not_made_yet(tmp_path, monkeypatch):
    check_can_be_written(tmp_path / "a" / "b", "go elsewhere")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"b cannot be written \(Not a directory\); go elsewhere"):
        check_can_be_written(tmp_path / "file" / "b", "go elsewhere")
    with pytest.raises(StorageError, match=r"file cannot be written \(it is a file\); go elsewhere"):
        check_can_be_written(tmp_path / "file", "go elsewhere")
    monkeypatch.chdir(tmp_path)
    check_can_be_written(Path("results"), "go elsewhere")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("umask", [0o002, 0o022, 0o077])
def test_new_folders_and_files_follow_the_umask(tmp_path, umask):
    code = """
import os, sys
from pathlib import Path
from benchmark.storage.files import new_folder, write_whole
os.umask(int(sys.argv[2]))
write_whole(new_folder(Path(sys.argv[1]), "fit-") / "file", b"")
"""
    command = [sys.executable, "-c", code, str(tmp_path), str(umask)]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2])
    (folder,) = tmp_path.iterdir()
    modes = [stat.S_IMODE(path.stat().st_mode) & 0o777 for path in (folder, folder / "file")]
    assert modes == [0o777 & ~umask, 0o666 & ~umask]


def test_new_folders_are_new_and_say_whose_they_are(tmp_path):
    names = {new_folder(tmp_path, "fit-").name for _ in range(20)}
    assert len(names) == 20
    assert all(name.startswith(f"fit-{place()}-") for name in names)


def test_what_is_half_written_bears_host_and_process(tmp_path, monkeypatch):
    """Processes of two hosts may have one number."""
    seen = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: seen.extend(path.name for path in tmp_path.iterdir()))
    write_whole(tmp_path / "file.json", b"{}")
    assert seen == [f"file.{place()}.tmp"]
