"""What a command line asks for: where results go, and which line repeats it."""

import pytest

from benchmark.cli.flags import line_of, request_of
from benchmark.execution.process import Worker
from registry.errors import ConfigError

FLAGS = {"task_name": "binary", "segmenter": (), "backbone": (), "head": (), "assignments": ()}


def asked(results="results", **flags):
    return request_of({**FLAGS, **flags}, results)


@pytest.mark.parametrize(
    ("line", "flag"),
    [
        (("tune", "--results"), "--results"),
        (("run", "-o"), "-o"),
        (("run", "--plan", "-o"), "-o"),
        (("speed", "-o"), "-o"),
    ],
)
def test_a_file_where_results_should_go_is_refused_before_anything_is_looked_at(
    tmp_path, monkeypatch, bench_in_process, line, flag
):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Worker, "_start", None)  # whoever looks at something starts a worker
    (tmp_path / "afile").touch()
    told = f"folder {tmp_path / 'afile'} cannot be written (it is a file); choose another one with {flag}"
    complaint = f"bench: {told} or BENCH_RESULTS\n"
    assert bench_in_process(*line, tmp_path / "afile", "--task", "binary") == (2, "", complaint)


@pytest.mark.parametrize("command", ["run", "tune", "speed"])
def test_without_a_task_it_says_how_to_find_one(bench_in_process, command):
    told = "`bench list tasks` shows the tasks; say one, as --task binary, or a TOML file of your own"
    assert bench_in_process(command) == (2, "", f"bench: Missing option '--task'. {told}\n")


def test_flags_are_a_request_and_places_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", "here")
    flags = {"backbone": ("sepcnn[filters=8]",), "assignments": ("images.size=96",), "seeds": "0,3", "timeout": "2m"}
    request = asked("there", **flags, deterministic=True, jobs=2, data=None)
    assert (request.task, request.cache, request.results, request.seeds) == ("binary", "here", "there", (0, 3))
    assert (request.backbone, request.settings) == (("sepcnn[filters=8]",), ("images.size=96",))
    assert (request.timeout_s, request.deterministic, request.jobs, request.is_quick) == (120.0, True, 2, True)
    assert asked(seed=5).seeds == (5,)


@pytest.mark.parametrize("text", ["0,0", "-1", "one", "", "4294967296"])
def test_seeds_are_different_whole_numbers(text):
    with pytest.raises(ConfigError, match=rf"--seeds '{text}' cannot be used; expected different whole numbers"):
        asked(seeds=text)


def test_the_line_that_repeats_a_run_has_the_flags_that_no_task_file_holds():
    given = {"data": "my films", "dataset": "folder", "limit": 200, "skip_bad": True, "deterministic": True}
    told = line_of(asked(**given, seed=3, precision="auto"), "t.toml", "tensorflow")
    flags = "--data 'my films' --dataset folder --limit 200 --skip-bad --deterministic --precision auto --seeds 3"
    assert told == f"bench run --task t.toml {flags}"
    assert line_of(asked(dataset="phantom[count=96]"), "t.toml", "tensorflow") == "bench run --task t.toml"
    told = line_of(asked("my results"), "t.toml", "jax")
    assert told == "KERAS_BACKEND=jax bench run --task t.toml -o 'my results'"
