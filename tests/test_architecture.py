"""The house rules that a reader relies on, enforced on the source: packages are walked, no module is listed."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# From left to right; imports go leftwards or stay within a package, those side by side do not import each other.
ORDER = (
    ("registry",), ("storage",), ("records",), ("tasks",), ("data",), ("evaluation",), ("models",), ("figures",),
    ("stages",), ("planning",), ("execution",), ("tuning", "speed", "audit"), ("comparison",), ("installation",),
    ("report",), ("demo",), ("api", "cli"), ("__main__",),
)  # fmt: skip
FLOORS = {package: floor for floor, packages in enumerate(ORDER) for package in packages}
APART = {"planning", "stages"}  # stages are named by strings, so that neither is in the other's closure
LIGHT = (
    "storage",
    "records",
    "tasks",
    "planning",
    "execution",
    "tuning",
    "audit",
    "comparison",
    "installation",
    "report",
    "cli",
    "api",
)
WORKERS = {  # imported in workers only
    "tuning": {"oracles", "objective", "trial", "drawing"},
}
HEAVY = (
    "cv2", "jax", "keras", "keras_tuner", "matplotlib", "numpy", "pandas", "scipy", "sklearn", "tensorflow", "torch",
    "xgboost",
)  # fmt: skip
LONGEST_MODULE, LONGEST_FUNCTION = 300, 40  # lines; a function's docstring does not count


@cache
def modules() -> dict[str, Path]:
    found = {}
    for package in ("registry", "benchmark"):
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(modules()[name].read_text())


def package_of(module: str) -> str:
    """``registry``, or what stands below ``benchmark``."""
    top, _, rest = module.partition(".")
    return rest.partition(".")[0] if top == "benchmark" else top


def packages() -> list[str]:
    return sorted({package_of(name) for name in modules()} - {""})


def named(name: str, nodes: Iterator[ast.AST]) -> set[str]:
    """Dotted names that these import statements of a module name."""
    package = name if modules()[name].name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return found


@cache
def imports(name: str) -> set[str]:
    """Dotted names that a module imports anywhere in its text, for type checkers alone too."""
    return named(name, ast.walk(tree(name)))


@cache
def own_imports(name: str) -> set[str]:
    """Modules of ours that a module imports when it is imported."""
    return {target for target in named(name, iter(tree(name).body)) if target in modules() and target != name}


def functions(name: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree(name)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


@pytest.mark.parametrize("package", packages())
def test_imports_go_leftwards(package):
    wrong = []
    for name in modules():
        targets = {package_of(target) for target in imports(name) if target.startswith(("benchmark.", "registry"))}
        for other in targets - {package, ""} if package_of(name) == package else ():
            if FLOORS[other] >= FLOORS[package] or {other, package} == APART:
                wrong.append(f"{name} imports {other}")
    assert wrong == []


def test_no_modules_import_each_other_in_a_circle():
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path[path.index(name) :], name))
        if name not in done:
            for target in sorted(own_imports(name)):
                if not (name.startswith(target + ".") or target.startswith(name + ".")):  # a package and its own files
                    visit(target, (*path, name))
            done.add(name)

    for name in modules():
        visit(name, ())


@pytest.mark.parametrize("package", [package for package in LIGHT if package in packages()])
def test_light_packages_import_nothing_heavy(package):
    light = [
        name
        for name in modules()
        if package_of(name) == package and name.rpartition(".")[2] not in WORKERS.get(package, ())
    ]
    code = f"import sys, {', '.join(light)}; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert printed.stdout.split() == []


def test_types_are_checked_strictly_in_light_packages():
    mypy = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    checked = {path.removesuffix(".py") for path in mypy["files"] if path.startswith("benchmark/")}
    light = {f"benchmark/{package}" for package in LIGHT if package in packages()}
    assert mypy["strict"] and checked - {"benchmark/speed/pipelines"} == light
    left_out = {name for name in modules() if re.search(mypy["exclude"][0], f"{name.replace('.', '/')}.py")}
    assert left_out == {f"benchmark.tuning.{name}" for name in WORKERS["tuning"]}


def test_every_package_initialises_nothing():
    """What stands in an `__init__` is in the closure of every stage."""
    assert [str(path) for path in modules().values() if path.name == "__init__.py" and path.read_bytes()] == []


def test_nothing_lies_loose_in_the_benchmark():
    loose = {path.name for path in (ROOT / "benchmark").iterdir() if path.suffix == ".py"}
    assert loose - {"api.py"} == {"__init__.py", "__main__.py"}
    folders = {path.name for path in (ROOT / "benchmark").iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders <= set(FLOORS)
    assert all((ROOT / "benchmark" / folder / "__init__.py").exists() for folder in folders)


def test_tests_lie_in_the_folders_of_what_they_test():
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}
    assert folders <= set(packages())


def test_no_module_is_too_long_to_read():
    counts = {name: path.read_text().count("\n") for name, path in modules().items()}
    assert {name: count for name, count in counts.items() if count > LONGEST_MODULE} == {}


@pytest.mark.parametrize("package", packages())
def test_no_function_is_too_long_to_read(package):
    wrong = []
    for name in modules():
        for node in functions(name) if package_of(name) == package else ():
            docstring = node.body[0] if ast.get_docstring(node, clean=False) is not None else None
            lines = node.end_lineno - node.lineno + 1
            lines -= docstring.end_lineno - docstring.lineno + 1 if docstring else 0
            if lines > LONGEST_FUNCTION:
                wrong.append(f"{name}.{node.name}: {lines}")
    assert wrong == []


def test_only_the_command_line_and_the_python_door_import_inside_functions():
    wrong = [
        f"{name}:{inner.lineno}"
        for name in modules()
        if package_of(name) not in ("cli", "api")
        for node in functions(name)
        for inner in ast.walk(node)
        if isinstance(inner, (ast.Import, ast.ImportFrom))
    ]
    assert wrong == []


def test_only_three_files_name_a_keras_backend():
    naming = {
        name
        for name in modules()
        if {target.partition(".")[0] for target in imports(name)} & {"tensorflow", "jax", "torch"}
    }
    assert naming == {"registry.backend", "registry.kernels", "registry.accelerators"}


def test_only_one_file_names_keras_tuner():
    naming = {name for name in modules() if any(each.startswith("keras_tuner") for each in imports(name))}
    assert naming == {"benchmark.tuning.oracles"}


def test_files_and_folders_are_renamed_into_place_where_storage_says_how():
    """`path.replace(target)` has one argument, that of a text two."""
    renaming = {
        name
        for name in modules()
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.keywords
        if (node.func.attr == "rename" or (node.func.attr == "replace" and len(node.args) == 1))
        and ast.unparse(node.func) != "msgspec.structs.replace"
    }
    checkpoints = "benchmark.models.checkpoints"  # a folder per epoch
    assert {name for name in renaming if package_of(name) != "storage"} <= {checkpoints}


def test_no_component_or_task_is_named_in_the_benchmark():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    # Words of the language, a stage, a control and three libraries are called like components too.
    words = {
        "none",
        "dataset",
        "folder",
        "table",
        "threshold",
        "soft",
        "dense",
        "vote",
        "majority",
        "scikit-learn",
        "xgboost",
        "onnx",
    }
    names = {name for group in project.values() for name in group}
    names |= {path.stem for path in (ROOT / "configs").glob("*.toml")} - {"defaults"}
    names -= words
    wrong = []
    for module in modules():
        if not module.startswith("benchmark"):
            continue
        prose = {
            id(node.body[0].value)
            for node in ast.walk(tree(module))
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        wrong += [
            f"{module}:{node.lineno}: {node.value!r}"
            for node in ast.walk(tree(module))
            if isinstance(node, ast.Constant) and node.value in names and id(node) not in prose
        ]
    # The one default: what is benchmarked when nobody brings data.
    assert [line for line in wrong if not line.startswith("benchmark.tasks.schema") or "phantom" not in line] == []


def test_no_branch_asks_for_a_name():
    """`if spec.head.name == "…"` is what the registry is there to avoid."""
    wrong = []
    for module in modules():
        if not module.startswith("benchmark"):
            continue
        for node in ast.walk(tree(module)):
            if not isinstance(node, ast.Compare) or getattr(node.left, "attr", "") != "name":
                continue
            if any(isinstance(right, ast.Constant) and right.value for right in node.comparators):
                wrong.append(f"{module}:{node.lineno}")
    assert wrong == []


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


def test_no_network_goes_through_a_dataset_of_keras():
    """They are autotuned, which stalls calls: see `registry.backend.feed` and `benchmark.models.inference`."""
    guilty = []
    for name in modules():
        fed = "registry.backend.feed" in imports(name)
        for node in ast.walk(tree(name)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                of_keras = {"verbose", "batch_size"} & {keyword.arg for keyword in node.keywords}
                kept = {"predict", "evaluate"} | (set() if fed else {"fit"})
                guilty += [f"{name}:{node.lineno}"] if of_keras and node.func.attr in kept else []
    assert guilty == []
