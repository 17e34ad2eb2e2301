"""What a node is refused for."""

import re
from pathlib import Path

import msgspec
import pytest

from benchmark.execution import probing
from benchmark.execution.probing import differences, listing, put, shown, wanted
from benchmark.planning.request import requested


@pytest.fixture
def request_(tmp_path):
    data = tmp_path / "data" / "COVID"
    data.mkdir(parents=True)
    (data / "1.png").write_bytes(b"123")
    places = {"cache": str(tmp_path / "cache"), "results": str(tmp_path / "made" / "later")}
    return requested(task="binary", **places, data=str(data.parent), deterministic=True)


@pytest.fixture
def asked(request_):
    with shown(request_) as tokens:
        yield wanted(request_, tokens)


def changed(asked, **facts):
    return msgspec.structs.replace(asked, facts=msgspec.structs.replace(asked.facts, **facts))


def test_this_machine_does_not_differ_from_itself_and_no_file_stays(request_, tmp_path):
    with shown(request_) as tokens:
        there = [*map(Path, tokens.values())]
        assert all(path.is_file() for path in there)
        assert there[1].parent == tmp_path  # that of results is not made: it may lie among data
        assert differences(wanted(request_, tokens)) == []
    assert not any(path.exists() for path in there)
    assert not list(tmp_path.rglob(".bench-probe*"))


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"code": "0"}, "other code of bench"),
        ({"python": "2.7.18"}, "expected 2.7.18"),
        ({"plugins": {"lung-kit": "0"}}, "no lung-kit"),
        ({"processor": "another"}, r"expected another \(--deterministic\)"),
    ],
)
def test_each_fact_that_differs_is_named(asked, facts, said):
    (found,) = differences(changed(asked, **facts))
    assert re.search(said, found)


def test_libraries_are_named_with_both_versions(asked):
    other = asked.facts.libraries | {"keras": "0.1", "gone": "2"}
    assert differences(changed(asked, libraries=other)) == [
        "gone absent, expected 2",
        f"keras {asked.facts.libraries['keras']}, expected 0.1",
    ]
    assert {"keras", "numpy", "tensorflow"} <= asked.facts.libraries.keys()


def test_another_processor_matters_only_where_bits_repeat(asked):
    other = changed(msgspec.structs.replace(asked, same_processor=False), processor="another")
    assert differences(other) == []


def test_a_folder_that_is_not_the_same_one_is_named(asked, tmp_path):
    for path in asked.tokens.values():
        Path(path).unlink()
    found = differences(asked, appears_s=0.0)
    assert found == [f"does not see the cache {tmp_path / 'cache'}", f"does not see the folder of results {tmp_path}"]


def test_a_file_that_appears_late_is_waited_for(asked, monkeypatch):
    token = Path(asked.tokens["the cache"])
    token.unlink()
    monkeypatch.setattr(probing.time, "sleep", lambda seconds: put(token))
    assert differences(asked) == []


def test_other_data_under_the_same_name_are_other_data(asked, tmp_path):
    (tmp_path / "data" / "COVID" / "1.png").write_bytes(b"1234")
    (found,) = differences(asked)
    assert found.startswith("does not see the data")
    assert listing("") == listing(str(tmp_path / "nowhere")) == ""


def test_code_counts_as_it_is_written_and_so_do_tasks(monkeypatch, tmp_path):
    before = probing._code()
    monkeypatch.setattr(probing, "TASKS", tmp_path)
    assert probing._code() != before
