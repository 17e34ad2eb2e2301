"""What a command line asks for: where results go, and which line repeats it."""

import click
import pytest

from benchmark.cli.flags import line_of, request_of
from benchmark.cli.group import Once
from benchmark.cli.main import bench
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


TWICE = [
    (("run", "--task", "binary", "--data", "ONE", "--data", "TWO", "--plan"), "--data is given 2 times; give it once"),
    (("run", "--task", "binary", "--task", "multiclass"), "--task is given 2 times; give it once"),
    (
        ("run", "--task", "binary", "--limit", "9", "--limit=9", "--limit=8"),
        "--limit is given 3 times; give it once",
    ),
    (("run", "--task", "binary", "--epochs", "1", "--epochs", "2"), "--epochs is given 2 times; give it once"),
    (("run", "--task", "binary", "--seeds", "1", "--seeds", "2"), "--seeds is given 2 times; give it once"),
    (("run", "--task", "binary", "-o", "a", "--output", "b"), "-o/--output is given 2 times; give it once"),
    (("run", "--task", "binary", "--quick", "--full"), "--quick or --full is given 2 times; give it once"),
    (("run", "--task", "binary", "--set", "a.b=1", "--set", "a.b = 2"), "--set a.b is given 2 times; give it once"),
    (("tune", "--task", "binary", "--seed", "1", "--seed", "2"), "--seed is given 2 times; give it once"),
    (("compare", "--against", "a", "--against", "b"), "--against is given 2 times; give it once"),
    (("speed", "--batch", "1", "--batch", "2"), "--batch is given 2 times; give it once"),
    (("cache", "prune", "--older-than", "1d", "--older-than", "2d"), "--older-than is given 2 times; give it once"),
]


@pytest.mark.parametrize(("line", "words"), TWICE, ids=[" ".join(line) for line, _ in TWICE])
def test_a_flag_of_one_value_that_is_given_twice_is_refused(bench_in_process, monkeypatch, tmp_path, line, words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Worker, "_start", None)
    assert bench_in_process(*line) == (2, "", f"bench: {words}\n")


def test_every_command_refuses_it():
    def commands(group, context):
        for name in group.list_commands(context):
            found = group.get_command(context, name)
            yield from commands(found, context) if isinstance(found, click.Group) else [found]

    found = list(commands(bench, click.Context(bench)))
    assert len(found) > 10
    assert [one.name for one in found if not isinstance(one, Once)] == []


def test_a_switch_may_be_given_twice_and_a_flag_that_repeats_as_often_as_one_likes(bench_in_process):
    assert bench_in_process("list", "tasks", "--json", "--json")[0] == 0


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
