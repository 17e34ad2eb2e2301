"""Every command that takes RUN takes the beginning of a run's name, and says in a line where several begin so."""

import importlib.util

import pytest

from benchmark.records.files import write
from tests import factories

COMMANDS = {
    "predict": ("predict", "film.png", "--run"),
    "demo": ("demo", "--run"),
    "evaluate": ("evaluate", "--dataset", "phantom[count=24,size=32]"),
    "score": ("score",),
    "card": ("report", "--card"),
}


@pytest.fixture
def call(tmp_path, monkeypatch, bench_in_process):
    monkeypatch.setenv("BENCH_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: name if name == "gradio" else real(name, *more)
    )
    other = factories.record(pipeline="unet+xception+sepconv")
    for record in (factories.record(seed=0), factories.record(seed=1), other):
        write(record, tmp_path / "results" / record.task / record.run)
    return bench_in_process


@pytest.mark.parametrize("command", COMMANDS)
def test_a_beginning_that_several_names_have_is_one_line(call, command):
    code, _, complaint = call(*COMMANDS[command], "unet")
    assert (code, complaint.count("\n")) == (2, 1)
    assert "'unet' begins the names of several runs: " in complaint and "-s0-" in complaint and "-s1-" in complaint


@pytest.mark.parametrize("command", COMMANDS)
def test_a_beginning_that_one_name_has_means_that_run(call, command):
    """These runs keep neither models nor outputs, which each command says of the one that it found."""
    name = factories.record(seed=1).run
    code, told, complaint = call(*COMMANDS[command], name[: name.index("-s1-") + 3])
    assert "begins" not in complaint and "no run" not in complaint
    if command == "card":
        assert code == 0 and told.startswith("# Model card: unet+sepcnn+dense, seed 1,")
    else:
        assert (code, complaint.count("\n")) == (2, 1) and name in complaint


@pytest.mark.parametrize("command", COMMANDS)
def test_a_beginning_that_no_name_has_is_one_line(call, command):
    code, _, complaint = call(*COMMANDS[command], "net-")
    assert (code, complaint.count("\n")) == (2, 1) and "no run 'net-'" in complaint


@pytest.mark.parametrize("command", [("compare", "--json"), ("report", "-o", "report.html"), ("verify", "--json")])
def test_without_a_folder_the_results_of_the_environment_are_meant(call, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").rename(tmp_path / "kept")
    assert "no results at" in call(*command)[2]
    monkeypatch.setenv("BENCH_RESULTS", str(tmp_path / "kept"))
    _, told, complaint = call(*command)
    assert told and "no results at" not in complaint
