"""The README stays true: its commands parse, its two lines are complete, its plugin is the one that is tested."""

import re
import shlex
import textwrap
import tomllib
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock, create_autospec

import click
import msgspec
import pytest

from benchmark import api
from benchmark.cli.cache import command as cache
from benchmark.cli.compare import command as compare
from benchmark.cli.list import command as list_
from benchmark.cli.run import command as run
from benchmark.cli.speed import command as speed
from benchmark.cli.tune import command as tune
from benchmark.planning.request import assignments
from benchmark.tasks.reading import parse_assignment, parse_component, read_task, resolve_classes
from benchmark.tasks.schema import Tuning
from registry.lookup import find

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)
COMMAND = {"run": run, "compare": compare, "list": list_, "cache": cache, "tune": tune, "speed": speed}


def bench_lines() -> list[str]:
    """Every `bench …` in the README: whole lines of code blocks and inline code."""
    found = [line for kind, block in BLOCKS if kind != "python" for line in block.splitlines() if "bench " in line]
    prose = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    found += re.findall(r"`(bench [^`]+)`", prose)
    lines = [re.search(r"(?:^|[/ ])(bench (?:run|compare|list|[a-z]+ ).*)", line) for line in found]
    return sorted(
        {match[1].replace("\\|", "|") for match in lines if match and "NAME" not in match[1] and "KIND" not in match[1]}
    )


@pytest.mark.parametrize("line", bench_lines())
def test_every_command_of_the_readme_parses(line):
    words = shlex.split(line, comments=True)
    context = click.Context(COMMAND[words[1]], resilient_parsing="--help" in words)
    COMMAND[words[1]].parse_args(context, [word for word in words[2:] if word != "--help"])
    task = context.params.get("task_name")
    assert task is None or task.endswith(".toml") or (ROOT / "configs" / f"{task}.toml").is_file()


def test_the_first_two_blocks_set_up_everything_themselves():
    first, second = (block.strip() for kind, block in BLOCKS if kind == "sh")
    for line in (first, second):
        assert "\n" not in line
        assert line.startswith("python3 -m venv .venv && .venv/bin/pip install -q ")
    assert first.endswith(".venv/bin/bench run --task binary")
    assert ".venv/bin/python -m pytest" in second


def test_the_line_without_tensorflow_names_every_other_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {re.match(r"[\w-]+", line)[0] for line in project["dependencies"]}
    (line,) = re.findall(r"pip install -q (jax .*)", README)
    assert sorted(line.split()) == sorted(needed - {"tensorflow"} | {"jax"})


def test_the_plugin_section_is_the_plugin():
    python = next(block for kind, block in BLOCKS if kind == "python" and "for cxr-bench" in block)
    assert python.strip() == (ROOT / "tests" / "plugin" / "cxr_bench_example.py").read_text().strip()
    assert (ROOT / "tests" / "plugin" / "pyproject.toml").read_text().strip() in README


def test_the_program_of_the_readme_asks_for_what_there_is(monkeypatch):
    """Names, keywords and attributes; nothing is run."""
    (block,) = (block for kind, block in BLOCKS if kind == "python" and "benchmark.api" in block)
    row = SimpleNamespace(runs=[SimpleNamespace(run="a run")])
    found = create_autospec(api.Comparison, instance=True, tables=[SimpleNamespace(rows=[row], lead=None)])
    found.folders = {"a run": Path("folder")}
    said = create_autospec(api.Predictions, instance=True, masks=None, maps=None, probabilities=None)
    for name, answer in (("run", found), ("compare", found), ("load", MagicMock()), ("predict", said)):
        monkeypatch.setattr(api, name, create_autospec(getattr(api, name), return_value=answer))
    exec(block, {})
    asked = api.run.call_args.kwargs
    assert all(find(kind, parse_component(name).name) for kind in ("backbone",) for name in asked[kind])
    assert all(parse_assignment(text) for text in assignments(asked["settings"]))


def test_the_tasks_of_the_readme_are_valid(tmp_path):
    blocks = [block for kind, block in BLOCKS if kind == "toml" and "[classes]" in block]
    told = []
    for block in blocks:
        path = tmp_path / "mine.toml"
        path.write_text(block)
        told.append(read_task(path, ROOT / "configs" / "defaults.toml", quick=False, overrides={}))
    diseases, lungs = told
    assert lungs.positive == "Pneumonia"
    labels = ["Normal", "Tuberculosis", "Effusion", "Pleural thickening", "Mass", "Nodule", "Hernia"]
    assert resolve_classes(diseases, labels)["Anything else"] == ["Normal", "Mass", "Nodule", "Hernia"]


def test_the_tuning_table_of_the_readme_is_valid():
    (block,) = (textwrap.dedent(block) for kind, block in BLOCKS if kind == "toml" and "[tuning]" in block)
    assert msgspec.convert(tomllib.loads(block)["tuning"], Tuning).searched == ["head", "training", "images"]


def test_every_flag_of_run_named_in_the_readme_exists():
    known = {flag for parameter in run.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    for command in (compare, tune, speed, *cache.commands.values()):
        known |= {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    prose = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", prose)) - {"--help"} <= known
