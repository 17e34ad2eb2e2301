"""Engines by name: what a user may ask of them, and what is imported before one is asked for."""

import subprocess
import sys

import pytest

from benchmark.execution.engines import MODULES, Engine, Given, engine_of, options_of, pool_of
from benchmark.execution.slurmarray import without_engine
from benchmark.planning.request import requested, runtime_of
from benchmark.storage.cache import Store
from registry.errors import BenchError, ConfigError, OptionError


def given(tmp_path, **fields):
    fields = {"task": "binary", "cache": str(tmp_path), "results": str(tmp_path / "results"), **fields}
    return Given(requested(**fields), Store(tmp_path), {}, lambda text: None)


def test_options_are_read_as_those_of_components_are():
    asked = engine_of("slurm[partition=gpu,gpus=1,time=4h,slots=8]")
    assert asked.name == "slurm"
    assert {"partition": "gpu", "gpus": 1, "time": "4h", "slots": 8}.items() <= asked.options.items()
    assert asked.options["account"] is None
    assert engine_of("ray").options["address"] == "auto"
    assert engine_of("local") == Engine("local", {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rya", "no engine named 'rya'; did you mean ray"),
        ("ray[adress=auto]", "no option of engine 'ray' named 'adress'; did you mean address"),
        ("slurm[partitoin=x]", "did you mean partition"),
        ("ray[slots=0]", "option 'slots' of engine 'ray' lies in"),
        ("slurm[cores=two]", "takes int"),
        ("local[slots=2]", "engine 'local' has no options"),
        ("ray[slots", "expected NAME"),
    ],
)
def test_what_cannot_be_asked_for_is_said_in_one_line(text, message):
    with pytest.raises(BenchError, match=message) as raised:
        engine_of(text)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", MODULES)
def test_each_engine_gives_its_options_defaults_and_one_wrong_option_lists_them_all(name):
    for option in options_of(name):
        with pytest.raises(BenchError) as raised:
            engine_of(f"{name}[zzz=1]")
        assert option.text() in str(raised.value)


def test_nothing_of_an_engine_is_imported_before_it_is_asked_for():
    code = "import sys, benchmark.execution.session, benchmark.cli.run; from benchmark.execution.engines import *; "
    code += "[options_of(one) for one in MODULES]; print(*{'ray', 'submitit', 'cloudpickle'} & set(sys.modules))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert printed.stdout.split() == []


@pytest.mark.parametrize(("name", "library"), [("ray", "ray"), ("slurm", "submitit")])
def test_without_its_library_an_engine_says_in_one_line_what_to_install(tmp_path, monkeypatch, name, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ConfigError, match=rf"pip install 'cxr-bench\[{name}\]'") as raised:
        pool_of(engine_of(name), given(tmp_path, line=("run",))).__enter__()
    assert "\n" not in str(raised.value)


def test_jobs_are_of_one_machine_and_a_line_is_of_the_command(tmp_path):
    with pytest.raises(ConfigError, match=r"ray\[slots=N\]"):
        pool_of(engine_of("ray"), given(tmp_path, jobs=2)).__enter__()
    with pytest.raises(ConfigError, match="from Python there is none"):
        pool_of(engine_of("slurm"), given(tmp_path)).__enter__()
    with pytest.raises(ConfigError, match="--precision auto"):
        pool_of(engine_of("slurm"), given(tmp_path, line=("run",), precision="auto")).__enter__()
    with pytest.raises(ConfigError, match="no length of time"):
        pool_of(engine_of("slurm[time=long]"), given(tmp_path, line=("run",))).__enter__()


def test_the_cores_of_a_slot_are_the_threads_whose_bits_repeat_wherever_it_is():
    fields = {"task": "binary", "cache": "c", "results": "r", "deterministic": True}
    assert runtime_of(requested(**fields, cores=engine_of("ray[cores=3]").cores)).threads == 3
    assert runtime_of(requested(**fields, cores=engine_of("slurm[cores=4]").cores, jobs=2)).threads == 2
    assert engine_of("local").cores is None


@pytest.mark.parametrize("flag", [["--engine", "slurm[slots=2]"], ["--engine=slurm[slots=2]"]])
def test_jobs_are_given_the_line_without_its_engine(flag):
    assert without_engine(("run", "--task", "a b", *flag, "-o", "x")) == ["run", "--task", "a b", "-o", "x"]


def test_an_option_that_needs_no_engine_keeps_its_error_type():
    with pytest.raises(OptionError):
        engine_of("local[x=1]")
