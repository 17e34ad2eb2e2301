import hashlib

import pytest

from benchmark.imports import Names


def content(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "one.py"
    path.write_text("import a.b\nfrom . import c\ncxr_bench_sources = ['data.txt']\n")
    return path


def test_what_a_file_names_is_remembered_from_one_command_to_the_next(source, tmp_path):
    first = Names(tmp_path / "imports.json")
    digest = content(source)
    told = first.of(str(source), "package", digest)
    first.keep()
    source.unlink()  # it is not read again
    second = Names(tmp_path / "imports.json")
    assert second.of(str(source), "package", digest) == told
    assert (set(told[0]), told[1]) == ({"a.b", "package", "package.c"}, ("data.txt",))


def test_other_bytes_and_another_package_are_read_anew(source, tmp_path):
    names = Names()
    names.of(str(source), "package", content(source))
    assert set(names.of(str(source), "other", content(source))[0]) == {"a.b", "other", "other.c"}
    source.write_text("import d\n")
    assert names.of(str(source), "package", content(source)) == (("d",), ())


@pytest.mark.parametrize("damage", ["", "[]", '{"form": 0, "files": {}}', '{"form": 1, "files": {"a": 3}}', "\x00"])
def test_a_damaged_memory_is_as_good_as_none(source, tmp_path, damage):
    (tmp_path / "imports.json").write_text(damage)
    names = Names(tmp_path / "imports.json")
    assert names.known == {}
    assert names.of(str(source), "package", content(source))[1] == ("data.txt",)


def test_a_memory_that_cannot_be_written_costs_nothing_but_time(source, tmp_path):
    (tmp_path / "file").touch()
    names = Names(tmp_path / "file" / "imports.json")
    names.of(str(source), "package", content(source))
    names.keep()
    assert names.known
