"""A run is found by its folder, or by the beginning of its name."""

import pytest

from benchmark.records.files import write
from benchmark.records.places import meant, run_folder, run_folders, run_places, without_models
from registry.errors import ConfigError, DataNotFoundError
from tests import factories


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


def test_records_to_hold_ones_own_against_are_meant_where_no_other_begins_so(results):
    for name in ("reference/binary/unet-z-s0", "reference/binary/vote-c", "reference/vote/none-a-s1-f0-99"):
        (results / name).mkdir(parents=True)
        (results / name / "result.json").touch()
    assert run_folder("none-a-s1-f0", results) == results / "binary" / "none-a-s1-f0-22"
    assert run_folder("unet-z", results) == results / "reference" / "binary" / "unet-z-s0"
    with pytest.raises(ConfigError, match=r"several runs: .*unet-z-s0, .*vote-c"):
        run_folder("reference/binary", results)


def test_a_beginning_means_all_seeds_of_one_pipeline_where_several_are_asked_for(tmp_path):
    runs = [factories.record(seed=seed) for seed in range(3)]
    for one in (*runs, factories.record(seed=0, pipeline="none+sepcnn+dense")):
        write(one, tmp_path / "binary" / one.run)
    assert run_folders("unet-sepcnn", tmp_path) == [tmp_path / "binary" / one.run for one in runs]
    assert run_folders(runs[1].run, tmp_path) == [tmp_path / "binary" / runs[1].run]
    assert run_folders(str(tmp_path / "binary" / runs[2].run), tmp_path) == [tmp_path / "binary" / runs[2].run]
    with pytest.raises(ConfigError, match="'binary' begins the names of several runs"):
        run_folders("binary", tmp_path)
    with pytest.raises(DataNotFoundError, match="no run 'vote'"):
        run_folders("vote", tmp_path)


def test_a_reference_without_models_is_not_told_to_be_run_again(tmp_path):
    told = str(without_models(tmp_path / "reference" / "binary" / "unet-z", "model", "unet-z", "binary"))
    assert told.endswith("reference records come without models; bench run --task binary trains one")
    assert str(without_models(tmp_path / "a", "model", "a", "binary")).endswith("run a again")
