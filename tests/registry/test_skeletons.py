"""What `bench new` writes: files that a linter leaves as they are, and components that keep their contracts."""

import importlib
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from registry.contracts import GROUPS, KINDS
from registry.errors import ConfigError
from registry.lookup import entries
from registry.skeletons import LONGEST, VARIANTS, lines, skeleton

ROOT = Path(__file__).parents[2]
EVERY = [*((kind, "") for kind in KINDS), *((kind, variant) for variant, kind in VARIANTS.items())]


def write(folder: Path, kind: str, name: str, variant: str = "") -> Path:
    folder.mkdir(parents=True)
    for file, text in skeleton(kind, name, variant).items():
        (folder / file).write_text(text)
    return folder


@pytest.mark.parametrize(("kind", "variant"), EVERY)
def test_a_distribution_names_its_component_everywhere(kind, variant):
    files = skeleton(kind, "my-own", variant)
    assert sorted(files) == ["README.md", "cxr_bench_my_own.py", "pyproject.toml", "test_my_own.py"]
    assert not any(word in text for text in files.values() for word in ("my_component", "my-component", "$"))
    project = tomllib.loads(files["pyproject.toml"])["project"]
    assert (project["name"], project["dependencies"]) == ("cxr-bench-my-own", ["cxr-bench"])
    assert project["entry-points"] == {GROUPS[kind]: {"my-own": "cxr_bench_my_own:my_own"}}
    for line in lines(kind, "my-own"):
        assert f"\nbench {line}\n" in files["README.md"]


def test_what_is_written_is_as_a_linter_would_have_it(tmp_path):
    """With names of any length, by our own rules."""
    for kind, variant in EVERY:
        for name in ("z", "z" * LONGEST, "a1-b2"):
            write(tmp_path / f"{kind}{variant}{len(name)}", kind, name, variant)
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    selected = ["--select", ",".join(rules["select"]), "--ignore", ",".join([*rules["ignore"], "D103"])]
    for command in (["check", *selected], ["format", "--check"]):
        told = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "."], cwd=tmp_path, capture_output=True, text=True
        )
        assert told.returncode == 0, told.stdout


@pytest.mark.conformance
@pytest.mark.parametrize(("kind", "variant"), EVERY)
def test_the_tests_that_are_written_pass(kind, variant, tmp_path, monkeypatch):
    name = f"written-{variant or kind}"
    monkeypatch.syspath_prepend(write(tmp_path / "new", kind, name, variant))
    tests = vars(importlib.import_module(f"test_{name.replace('-', '_')}"))
    found = [test for test in tests if test.startswith("test_")]
    assert len(found) == 2
    for test in found:
        tests[test]()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../x", r"cannot be called '\.\./x'; expected kebab-case"),
        ("/etc/x", "expected kebab-case"),
        ("a b", "expected kebab-case"),
        ("", "expected kebab-case"),
        ("-o", "expected kebab-case"),
        ("a--b", "expected kebab-case"),
        ("a-", "expected kebab-case"),
        ("Net", "expected kebab-case"),
        ("my_net", "expected kebab-case"),
        ("net\n", "expected kebab-case"),
        ("n\x00t", "expected kebab-case"),
        ("n\u0435t", r"cannot be called 'n\\u0435t'"),  # Cyrillic
        ("\u0661net", "expected kebab-case"),
        ("a" * 300, r"'a{40}\\u2026'; expected kebab-case"),
        ("a" * (LONGEST + 1), f"at most {LONGEST} characters"),
        ("class", "it is a keyword of Python"),
        ("json", "Python has a module or function of that name"),
        ("sum", "Python has a module or function of that name"),
        ("numpy", "a distribution numpy is installed"),
        ("scikit-learn", "a distribution scikit-learn is installed"),
        ("layers", "the template says layers for something else"),
        ("images", "the template says images for something else"),
        ("keras", "the template says keras for something else"),
    ],
)
def test_a_name_that_would_be_in_the_way_is_refused_in_one_line(name, reason):
    with pytest.raises(ConfigError, match=reason) as caught:
        skeleton("backbone", name)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_an_installed_component_has_is_taken(kind):
    taken = next(iter(entries(kind)))
    with pytest.raises(ConfigError, match=f"there is a {kind} of that name, of cxr-bench; choose another"):
        skeleton(kind, taken)


def test_a_module_that_is_there_is_not_hidden(tmp_path, monkeypatch):
    (tmp_path / "cxr_bench_there.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match="there is a module cxr_bench_there"):
        skeleton("voter", "there")


def test_a_wheel_holds_every_template(tmp_path):
    wheel = pytest.importorskip("hatchling.builders.wheel")
    (built,) = wheel.WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(built) as archive:
        archive.extractall(tmp_path / "site")
    code = (
        "import sys; sys.path.insert(0, '.'); import registry.skeletons as found; assert 'site' in found.__file__;"
        f"[found.skeleton(kind, 'my-own', variant) for kind, variant in {EVERY}]"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "site", check=True)
