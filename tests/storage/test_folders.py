"""Folders that appear whole or not at all."""

import pytest

from benchmark.storage.folders import whole_folder


def test_a_folder_has_its_name_only_when_it_is_complete(tmp_path):
    target = tmp_path / "data"
    with whole_folder(target) as unfinished:
        (unfinished / "film.png").write_bytes(b"film")
        assert not target.exists() and unfinished.parent == tmp_path and unfinished.name.startswith(".")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert (target / "film.png").read_bytes() == b"film"


def test_what_ends_badly_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), whole_folder(tmp_path / "data") as unfinished:
        (unfinished / "film.png").write_bytes(b"half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_what_came_to_lie_there_stays(tmp_path):
    with pytest.raises(OSError), whole_folder(tmp_path / "data") as unfinished:
        (unfinished / "film.png").write_bytes(b"ours")
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "film.png").write_bytes(b"theirs")
    assert (tmp_path / "data" / "film.png").read_bytes() == b"theirs"
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
