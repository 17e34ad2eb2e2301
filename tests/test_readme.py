"""The READMEs stay true: their commands parse, the two lines are complete, the plugin is the one that is tested."""

import importlib
import re
import runpy
import shlex
import sys
import textwrap
import tomllib
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock, create_autospec

import click
import msgspec
import pytest

from benchmark import api
from benchmark.cli.main import COMMANDS
from benchmark.planning.request import assignments
from benchmark.tasks.reading import parse_assignment, parse_component, read_task, resolve_classes
from benchmark.tasks.schema import Tuning
from registry import contracts
from registry.checks.backbones import BACKBONE
from registry.checks.classifiers import CLASSIFIER
from registry.checks.datasets import DATASET
from registry.checks.heads import HEAD, HEAD_NETWORK
from registry.checks.promises import TRIED_IN
from registry.checks.segmenters import MASK_NETWORK, MASK_PREDICTOR, SEGMENTER
from registry.checks.voters import VOTER
from registry.declarations import recognition
from registry.lookup import find
from registry.skeletons import distribution_of, skeleton

ROOT = Path(__file__).parent.parent
PLACES = (
    "README.md", "registry/README.md", "configs/README.md", "benchmark/README.md", "results/README.md",
    "results/reference/README.md", "tests/perf/README.md", "tests/simulations/README.md", ".github/CONTRIBUTING.md",
    "benchmark/execution/README.md",
)  # fmt: skip
PAGES = {place: (ROOT / place).read_text(encoding="utf-8") for place in PLACES}
README, COMPONENTS, TASKS, PROGRAM = (PAGES[place] for place in PLACES[:4])
COMMAND = {name: importlib.import_module(f"benchmark.cli.{name}").command for name in COMMANDS}


def blocks(page: str, kind: str) -> list[str]:
    """The code blocks of one language."""
    return [block for found, block in re.findall(r"```(\w*)\n(.*?)```", page, re.DOTALL) if found == kind]


def prose(page: str) -> str:
    """All but the code blocks."""
    return re.sub(r"```.*?```", "", page, flags=re.DOTALL)


def bench_lines() -> list[str]:
    """Every `bench …` of the pages: whole lines of code blocks and inline code."""
    found = []
    for page in PAGES.values():
        code = re.findall(r"```(\w*)\n(.*?)```", page, re.DOTALL)
        found += [line for kind, block in code if kind != "python" for line in block.splitlines() if "bench " in line]
        found += re.findall(r"`(bench [^`]+)`", prose(page))
    lines = [re.search(r"(?:^|[/ ])(bench (?:run|compare|list|[a-z]+ ).*)", line) for line in found]
    return sorted(
        {match[1].replace("\\|", "|") for match in lines if match and "NAME" not in match[1] and "KIND" not in match[1]}
    )


@pytest.mark.parametrize("line", bench_lines())
def test_every_command_of_the_pages_parses(line):
    words = shlex.split(line, comments=True)
    context = click.Context(COMMAND[words[1]], resilient_parsing="--help" in words)
    COMMAND[words[1]].parse_args(context, [word for word in words[2:] if word != "--help"])
    task = context.params.get("task_name")
    assert task is None or task.endswith(".toml") or (ROOT / "configs" / f"{task}.toml").is_file()


def test_the_first_two_blocks_set_up_everything_themselves():
    first, second = (block.strip() for block in blocks(README, "sh"))
    for line in (first, second):
        assert "\n" not in line
        assert line.startswith("python3 -m venv .venv && .venv/bin/pip install -q ")
    assert first.endswith(".venv/bin/bench run --task binary")
    assert ".venv/bin/python -m pytest" in second


def test_the_line_without_tensorflow_names_every_other_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    # The newest are installed but for those that have an upper bound.
    needed = {re.sub(r">=[\w.]+,?", "", line) for line in project["dependencies"]}
    (line,) = re.findall(r"pip install -q (jax .*)", PROGRAM)
    assert sorted(shlex.split(line)) == sorted(needed - {"tensorflow"} | {"jax"})
    (lean,) = re.findall(r"pip install -q (tensorflow-cpu .*)", PROGRAM)
    lean_ones = {"tensorflow-cpu", "xgboost-cpu"}
    assert sorted(shlex.split(lean)) == sorted(needed - {"tensorflow", "xgboost"} | lean_ones)


def test_the_distribution_that_is_shown_is_the_one_that_is_written():
    component, _, checks = blocks(COMPONENTS, "python")
    (metadata,) = blocks(COMPONENTS, "toml")
    walk, _ = blocks(COMPONENTS, "sh")
    (name,) = re.findall(r"bench new backbone (\S+)", walk)
    module = name.replace("-", "_")
    page, *written = (text for _, text in sorted(skeleton("backbone", name).items()))
    assert [component, metadata, checks] == written
    assert walk.splitlines()[2:] == blocks(page, "sh")[0].splitlines()[1:]
    assert f"`{distribution_of(name)}/cxr_bench_{module}.py`" in COMPONENTS


def test_the_parts_of_the_page_that_checks_point_at_are_there():
    trials = (
        *BACKBONE,
        *SEGMENTER,
        *MASK_NETWORK,
        *MASK_PREDICTOR,
        *HEAD,
        *HEAD_NETWORK,
        *CLASSIFIER,
        *DATASET,
        *VOTER,
    )
    headings = set(re.findall(r"^(?:#+ |- \*\*)([^*\n]+)", COMPONENTS, re.MULTILINE))
    assert {trial.where for trial in trials} | {"Distributions"} <= headings
    for kind, module in TRIED_IN.items():
        assert callable(getattr(importlib.import_module(module), f"try_{kind}"))


@pytest.fixture
def plugin(monkeypatch):
    """The module to copy, as if it were installed."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(ROOT / "tests" / "plugin")])
    return importlib.import_module("cxr_bench_example")


def test_the_declarations_to_copy_do_what_is_said(plugin, monkeypatch, tmp_path):
    _, declaring, _ = blocks(COMPONENTS, "python")
    monkeypatch.setattr(plugin.discs, "recognises", None, raising=False)  # taken back after the test
    names = {"discs": plugin.discs, "Path": Path}
    exec(declaring, names)
    assert recognition(plugin.discs, str(tmp_path)) == 0
    (tmp_path / "discs.csv").touch()
    assert recognition(plugin.discs, str(tmp_path)) == 2
    assert isinstance(names[contracts.SOURCES], list)


def rows(text: str) -> dict[str, str]:
    """First cell -> the whole row, of every table of a page."""
    return {line.split("|")[1].strip(" `"): line for line in text.splitlines() if line.startswith("| ")}


def test_the_tables_of_components_are_those_of_the_contract():
    page, contract = rows(COMPONENTS), contracts.__doc__
    kinds = {line.split()[0]: line for line in contract.splitlines() if line.split()[:1] and line.split()[0] in page}
    for kind in contracts.KINDS:
        assert f"`{contracts.GROUPS[kind]}`" in page[kind]
        (factory,) = re.findall(r"\(.*?options\)", kinds[kind])
        assert f"`{factory}`" in page[kind]
    table = contract[contract.index("\ndeclaration") :].split("\n\n")[0]
    declared = {line.split()[0] for line in table.strip().splitlines()[1:]}
    assert declared == page.keys() - {"kind", "declaration", "---", *contracts.KINDS}


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_name_that_a_page_points_at_is_there(page):
    text = prose(PAGES[page])
    linked = re.findall(r"\]\(([^):#]+)\)", text)
    named = re.findall(r"`((?:registry|benchmark|tests|configs|results)/[\w./-]*)`", text)
    assert [path for path in linked if not (ROOT / page).parent.joinpath(path).exists()] == []
    for path, anchor in re.findall(r"\]\(([^):#]*)#([\w-]+)\)", text):
        headings = re.findall(r"^#+ (.*)", (ROOT / page).parent.joinpath(path).read_text(), re.MULTILINE)
        assert anchor in [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings]
    assert [path for path in named if not (ROOT / path).exists()] == []
    for module, attribute in re.findall(r"`((?:registry|benchmark)\.[\w.]+)\.(\w+)`", text):
        assert hasattr(importlib.import_module(module), attribute)


def test_the_first_page_is_short_and_leads_to_all_others():
    assert len(README.splitlines()) <= 110
    linked = set(re.findall(r"\]\(([^):#]+)\)", README))
    assert set(PLACES) - linked <= {"README.md", "tests/simulations/README.md", "benchmark/execution/README.md"}
    assert any(path.endswith(".svg") for path in linked) and any(path.endswith(".png") for path in linked)


def test_every_readme_is_a_page_that_is_tested():
    folders = [ROOT / name for name in ("registry", "benchmark", "configs", "results", "tests")]
    found = {path.relative_to(ROOT).as_posix() for folder in folders for path in folder.rglob("README.md")}
    assert found | {"README.md", ".github/CONTRIBUTING.md"} == set(PLACES)


def test_the_page_of_the_program_has_every_package_in_its_order():
    (order,) = re.findall(r"^    (registry < .*)$", PROGRAM, re.MULTILINE)
    packages = {path.parent.name for path in (ROOT / "benchmark").glob("*/__init__.py")}
    assert set(re.split(r" < |, ", order)) == packages | {"registry", "api"}
    assert [name for name in packages if f"`{name}/`" not in PROGRAM] == []


def commands() -> list[str]:
    """Everything in code, in blocks or in lines, that is given to a shell and is no `bench …`."""
    found = []
    for page in PAGES.values():
        code = [block for kind in ("", "sh") for block in blocks(page, kind)]
        code += re.findall(r"`([^`]+)`", prose(page))
        found += [line for block in code for line in block.splitlines() if re.search(r"\bpip install |python3? ", line)]
    return sorted(set(found))


def flags_of(module: str) -> set[str]:
    """The flags of a program that is started by `python -m`."""
    path = ROOT.joinpath(*module.split("."))
    (source,) = (found for found in (path.with_suffix(".py"), path / "__main__.py") if found.is_file())
    return {"--help", *re.findall(r'"(--[a-z-]+)"', source.read_text())}


@pytest.mark.parametrize("command", commands())
def test_every_program_that_the_pages_call_is_there(command):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for module in re.findall(r"python -m ((?:tests|benchmark)[\w.]*)", command):
        assert set(re.findall(r"(?<!\S)--[a-z]+", command.partition("#")[0])) <= flags_of(module)
    for path in re.findall(r"python ([\w./-]+\.py)", command):
        assert (ROOT / path).is_file()
    for extras in re.findall(r"\.\[([\w,]+)\]", command):
        assert set(extras.split(",")) <= set(project["project"]["optional-dependencies"])
    for marker in re.findall(r"pytest .*-m (\w+)", command):
        assert any(line.startswith(f"{marker}:") for line in project["tool"]["pytest"]["ini_options"]["markers"])


def test_the_page_of_components_is_short_and_linked():
    assert "(registry/README.md)" in README
    assert len(COMPONENTS.splitlines()) <= 150


def test_the_program_of_the_readme_asks_for_what_there_is(monkeypatch):
    """Names, keywords and attributes; nothing is run."""
    (block,) = blocks(PROGRAM, "python")
    row = SimpleNamespace(runs=[SimpleNamespace(run="a run")])
    found = create_autospec(api.Comparison, instance=True, tables=[SimpleNamespace(rows=[row], ranking=None)])
    found.folders = {"a run": Path("folder")}
    predicted = create_autospec(api.Predictions, instance=True, masks=None, maps=None, probabilities=None)
    for name, answer in (("run", found), ("compare", found), ("load", MagicMock()), ("predict", predicted)):
        monkeypatch.setattr(api, name, create_autospec(getattr(api, name), return_value=answer))
    exec(block, {})
    asked = api.run.call_args.kwargs
    assert all(find(kind, parse_component(name).name) for kind in ("backbone",) for name in asked[kind])
    assert all(parse_assignment(text) for text in assignments(asked["settings"]))


def test_the_tasks_of_the_readme_are_valid(tmp_path):
    tasks = []
    for block in (block for block in blocks(TASKS, "toml") if "[classes]" in block):
        path = tmp_path / "mine.toml"
        path.write_text(block)
        tasks.append(read_task(path, ROOT / "configs" / "defaults.toml", quick=False, overrides={}))
    lungs, diseases = tasks
    assert lungs.positive == "Pneumonia"
    labels = ["Normal", "Tuberculosis", "Effusion", "Pleural thickening", "Mass", "Nodule", "Hernia"]
    assert resolve_classes(diseases, labels)["Anything else"] == ["Normal", "Mass", "Nodule", "Hernia"]


def test_the_tuning_table_of_the_readme_is_valid():
    (block,) = (textwrap.dedent(block) for block in blocks(TASKS, "toml") if "[tuning]" in block)
    assert msgspec.convert(tomllib.loads(block)["tuning"], Tuning).searched == ["head", "training", "images"]


@pytest.mark.parametrize("page", PAGES)
def test_every_flag_that_a_page_names_exists(page):
    modules = re.findall(r"python -m (tests[\w.]*)", PAGES[page])
    known = {"--help", "--no-build-isolation"}.union(*(flags_of(module) for module in ("tests.conftest", *modules)))
    commands = [one for each in COMMAND.values() for one in getattr(each, "commands", {"": each}).values()]
    for command in commands:
        known |= {flag for one in command.params for flag in (*one.opts, *one.secondary_opts)}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", prose(PAGES[page]))) <= known


def test_the_program_that_makes_the_pictures_imports_what_there_is():
    assert callable(runpy.run_path(str(ROOT / ".github" / "pictures.py"))["main"])
