"""A run is found by its folder, or by the beginning of its name."""

import pytest

from benchmark.records.places import meant, run_folder, run_places
from registry.errors import ConfigError, DataNotFoundError


@pytest.fixture
def results(tmp_path):
    for name in ("binary/unet-a-s0-f0-11", "binary/unet-a-s0-f0-11-anew", "binary/none-a-s1-f0-22", "vote/none-b"):
        (tmp_path / "results" / name).mkdir(parents=True)
        (tmp_path / "results" / name / "result.json").touch()
    (tmp_path / "results" / "binary" / "unet-empty").mkdir()
    (tmp_path / "results" / ".writing" / "secret").mkdir(parents=True)
    (tmp_path / "results" / ".writing" / "secret" / "result.json").touch()
    return tmp_path / "results"


def test_by_its_folder_or_a_beginning_that_is_its_alone(results):
    folder = results / "binary" / "none-a-s1-f0-22"
    assert run_folder(str(folder), results) == folder
    assert run_folder("none-a", results) == folder
    assert run_folder("unet-a-s0-f0-11", results).name == "unet-a-s0-f0-11"  # its whole name, though another goes on


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("unet", ConfigError, "several runs: .*unet-a-s0-f0-11, .*unet-a-s0-f0-11-anew; say more"),
        ("none", ConfigError, "several runs"),
        ("secret", DataNotFoundError, "no run 'secret'"),
        ("unet-empty", DataNotFoundError, "no run 'unet-empty'"),
        ("../../etc", DataNotFoundError, "no run"),
        ("", DataNotFoundError, "no record in ''"),
        ("a\n[red]", DataNotFoundError, r"no run 'a\\n\[red\]'"),
    ],
)
def test_what_it_is_not_found_by_is_one_line(results, text, error, said):
    with pytest.raises(error, match=said) as caught:
        run_folder(text, results)
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_record_says_what_was_expected(results):
    with pytest.raises(DataNotFoundError, match=r"expected the folder of a run, with a result\.json"):
        run_folder(str(results), results)


def test_what_begins_so_is_meant_by_name_or_place_but_not_what_lies_in_reference(results):
    places = list(run_places(results))
    assert places == ["binary/none-a-s1-f0-22", "binary/unet-a-s0-f0-11", "binary/unet-a-s0-f0-11-anew", "vote/none-b"]
    places.append("reference/binary/unet-z")
    assert meant("none", places) == ["binary/none-a-s1-f0-22", "vote/none-b"]
    assert meant("./binary/u", places) == places[1:3]
    assert meant("unet-a-s0-f0-11", places) == meant("binary/unet-a-s0-f0-11", places) == [places[1]]
    assert meant("unet-z", places) == meant("reference/", places) == meant("", places) == []
    assert run_folder("vote/", results) == results / "vote" / "none-b"
