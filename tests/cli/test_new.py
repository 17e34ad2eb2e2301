"""`bench new`: whole or not at all, and nothing is overwritten."""

import errno
import os
from pathlib import Path

import click
import pytest

from benchmark.cli.new import command
from registry.contracts import KINDS
from registry.errors import ConfigError, StorageError, UnknownNameError
from registry.skeletons import skeleton


@pytest.fixture
def new(tmp_path, monkeypatch, capsys):
    """What `bench new` with these arguments prints."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> str:
        command.main([*map(str, arguments)], standalone_mode=False)
        return capsys.readouterr().out

    return call


def held(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_it_says_what_it_wrote_and_the_lines_to_go_on_with(new, tmp_path):
    files, empty, *lines = new("backbone", "my-own").splitlines()
    assert files == "cxr-bench-my-own: README.md, cxr_bench_my_own.py, pyproject.toml, test_my_own.py"
    assert (empty, lines[:2]) == ("", ["pip install -e cxr-bench-my-own", "bench check backbone my-own"])
    assert lines[2].startswith("bench run --task binary ") and "--backbone my-own" in lines[2]
    assert held(tmp_path / "cxr-bench-my-own") == skeleton("backbone", "my-own")
    assert [path.name for path in tmp_path.iterdir()] == ["cxr-bench-my-own"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_written_where_one_likes(new, kind, tmp_path):
    assert "pip install -e 'my folder'" in new(f"{kind}s", "my-own", "-o", "my folder")
    assert held(tmp_path / "my folder") == skeleton(kind, "my-own")


def test_a_head_and_a_segmenter_may_be_no_network(new, tmp_path):
    new("head", "my-own", "--classical", "-o", "one")
    new("segmenter", "my-own", "--predictor", "-o", "two")
    assert "sklearn" in held(tmp_path / "one")["cxr_bench_my_own.py"]
    assert "def predict" in held(tmp_path / "two")["cxr_bench_my_own.py"]
    with pytest.raises(ConfigError, match="--classical is for a head, received a segmenter; leave it out"):
        new("segmenter", "my-own", "--classical")
    with pytest.raises(UnknownNameError, match="no kind of component named 'spine'"):
        new("spine", "my-own")


def folder(place):
    place.mkdir()


def file(place):
    place.write_text("mine")


def dangling(place):
    place.symlink_to("nowhere")


@pytest.mark.parametrize("make", [folder, file, dangling])
def test_what_is_there_stays_as_it_is(new, make, tmp_path):
    make(tmp_path / "here")
    before = (tmp_path / "here").lstat()
    with pytest.raises(
        StorageError, match=r"^here is there, and nothing is overwritten; choose another folder with -o$"
    ):
        new("voter", "my-own", "-o", "here")
    assert (tmp_path / "here").lstat() == before
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("", ". is there, and nothing is overwritten"),
        ("no/such", "no/such cannot be written, as no is no folder; make that first"),
        ("/dev/full/x", "/dev/full/x cannot be written, as /dev/full is no folder"),
        ("/proc/x", r"/proc/x cannot be written \(.*\); nothing is left of it"),
        ("x" * 300, r"x{300} cannot be written \(File name too long\); nothing is left of it"),
        ("a\x1b[31m\n", r"^pip"),
    ],
)
def test_a_folder_that_cannot_be_is_one_line(new, place, line, tmp_path):
    if line == "^pip":  # it can be, and is shown without doing anything to the terminal
        assert new("voter", "my-own", "-o", place).isascii()
        return
    with pytest.raises(StorageError, match=line) as caught:
        new("voter", "my-own", "-o", place)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), KeyboardInterrupt()])
@pytest.mark.parametrize("after", range(4))
def test_a_full_disk_or_an_end_between_files_leaves_nothing(new, monkeypatch, tmp_path, ending, after):
    written = []
    write = Path.write_bytes

    def stopping(path, content):
        if len(written) == after:
            raise ending
        written.append(path.name)
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", stopping)
    expected = StorageError if isinstance(ending, OSError) else click.Abort
    with pytest.raises(expected) as caught:
        new("dataset", "my-own")
    assert len(written) == after and list(tmp_path.iterdir()) == []
    if expected is StorageError:
        assert str(caught.value) == (
            "cxr-bench-my-own cannot be written (No space left on device); nothing is left of it; "
            "choose another folder with -o"
        )


def test_a_rename_that_is_refused_leaves_nothing(new, monkeypatch, tmp_path):
    def refused(path, target):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(StorageError, match=r"cannot be written \(Permission denied\); nothing is left of it"):
        new("head", "my-own")
    assert list(tmp_path.iterdir()) == []
