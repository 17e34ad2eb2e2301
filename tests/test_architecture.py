"""The house rules that a reader relies on, enforced on the source."""

import ast
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LIGHT = (
    "keras",
    "keras_tuner",
    "tensorflow",
    "jax",
    "torch",
    "sklearn",
    "xgboost",
    "pandas",
    "matplotlib",
    "numpy",
    "cv2",
    "scipy",
)


@cache
def modules() -> dict[str, Path]:
    found = {}
    for package in ("registry", "benchmark"):
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


@cache
def imports(path: Path, name: str) -> set[str]:
    """Dotted names that a file imports at its top level."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*package.split(".")[: len(package.split(".")) + 1 - node.level], node.module or ""])
            base = base.strip(".") if node.level else (node.module or "")
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return found


def graph() -> dict[str, set[str]]:
    known = modules()
    return {
        name: {target for target in imports(path, name) if target in known and target != name}
        for name, path in known.items()
    }


def test_registry_never_imports_benchmark():
    guilty = [
        name
        for name, path in modules().items()
        if name.startswith("registry")
        for target in imports(path, name)
        if target.partition(".")[0] == "benchmark"
    ]
    assert guilty == []


def test_no_modules_import_each_other_in_a_circle():
    edges = graph()
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path[path.index(name) :], name))
        if name not in done:
            for target in sorted(edges[name]):
                if not (name.startswith(target + ".") or target.startswith(name + ".")):  # a package and its own files
                    visit(target, (*path, name))
            done.add(name)

    for name in edges:
        visit(name, ())


def test_only_the_two_doors_import_inside_functions():
    guilty = []
    for name, path in modules().items():
        if name.startswith(("benchmark.cli", "benchmark.api")):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                guilty += [
                    f"{name}:{inner.lineno}"
                    for inner in ast.walk(node)
                    if isinstance(inner, (ast.Import, ast.ImportFrom))
                ]
    assert guilty == []


def test_only_one_file_names_a_keras_backend():
    guilty = [
        name
        for name, path in modules().items()
        if name != "registry.backend"
        and {target.partition(".")[0] for target in imports(path, name)} & {"tensorflow", "jax", "torch"}
    ]
    assert guilty == []


def test_only_one_file_names_keras_tuner():
    naming = {
        name for name, path in modules().items() if any(each.startswith("keras_tuner") for each in imports(path, name))
    }
    assert naming == {"benchmark.tuning.oracles"}


@pytest.mark.parametrize(
    "module",
    [
        "benchmark.api",
        "benchmark.cli.main",
        "benchmark.cli.flags",
        "benchmark.cli.paired",
        "benchmark.execution.predicting",
        "benchmark.report.shown",
        "benchmark.cli.run",
        "benchmark.cli.tune",
        "benchmark.planning.request",
        "benchmark.execution.run",
        "benchmark.execution.session",
        "benchmark.tuning.tune",
        "benchmark.speed.pipelines",
        "benchmark.comparison.collect",
        "benchmark.report.cache",
        "benchmark.report.display",
        "benchmark.report.pages",
        "benchmark.report.runs",
        "benchmark.tasks.reading",
        "benchmark.tuning.brackets",
        "benchmark.report.tuning_progress",
        "benchmark.tuning.ranges",
        "benchmark.tasks.writing",
        "benchmark.tuning.trials",
        "benchmark.report.tuning",
        "benchmark.cli.list",
        "benchmark.cli.compare",
        "benchmark.cli.cache",
        "benchmark.cli.speed",
        "benchmark.comparison.costs",
        "benchmark.report.costs",
        "benchmark.report.cost_export",
        "benchmark.storage.inventory",
        "benchmark.execution.pool",
        "benchmark.comparison.compare",
        "benchmark.comparison.grouping",
        "benchmark.comparison.names",
        "benchmark.records.differences",
        "benchmark.report.details",
        "benchmark.report.terminal",
        "benchmark.report.export",
        "benchmark.report.markdown",
        "benchmark.report.thumbnails",
        "benchmark.planning.schedule",
        "benchmark.execution.process",
        "benchmark.report.progress",
        "benchmark.tuning.ledger",
    ],
)
def test_right_of_the_disk_nothing_heavy_is_imported(module):
    code = f"import sys, {module}; print(*sorted(set({LIGHT!r}) & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == []


def test_no_component_or_task_is_named_in_the_benchmark():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    # Words of the language, a stage, a control and two libraries are called like components too.
    words = {"none", "dataset", "folder", "threshold", "soft", "dense", "vote", "majority", "scikit-learn", "xgboost"}
    names = {name for group in project.values() for name in group}
    names |= {path.stem for path in (ROOT / "configs").glob("*.toml")} - {"defaults"}
    names -= words
    guilty = []
    for module, path in modules().items():
        if not module.startswith("benchmark"):
            continue
        tree = ast.parse(path.read_text())
        prose = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        guilty += [
            f"{module}:{node.lineno}: {node.value!r}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and node.value in names and id(node) not in prose
        ]
    # The one default: what is benchmarked when nobody brings data.
    assert [line for line in guilty if not line.startswith("benchmark.tasks.schema") or "phantom" not in line] == []


def test_no_branch_asks_for_a_name():
    """`if spec.head.name == "…"` is what the registry is there to avoid."""
    guilty = []
    for module, path in modules().items():
        if not module.startswith("benchmark"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Compare) or getattr(node.left, "attr", "") != "name":
                continue
            if any(isinstance(right, ast.Constant) and right.value for right in node.comparators):
                guilty.append(f"{module}:{node.lineno}")
    assert guilty == []


def test_installed_entry_points_are_those_of_pyproject():
    """Editable installs freeze entry points: after an edit of pyproject, install again."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    written = {(group, name, value) for group, names in project.items() for name, value in names.items()}
    installed = {
        (point.group, point.name, point.value)
        for point in distribution("cxr-bench").entry_points
        if point.group in project
    }
    assert installed == written, "entry points differ from pyproject.toml: reinstall with `pip install -e .`"
