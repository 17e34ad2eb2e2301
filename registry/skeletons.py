"""The text of a small distribution with one component, for its author to go on from.

The templates are modules that work: their component is called ``my_component`` until somebody gives it a name.
"""

import builtins
import io
import keyword
import re
import sys
import tokenize
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from importlib.util import find_spec
from string import Template

from registry.contracts import GROUPS
from registry.errors import ConfigError
from registry.lookup import entries

KEBAB = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST = 40  # characters of a name; longer ones would break lines of the templates
VARIANTS = {"classical": "head", "predictor": "segmenter"}  # what is no network, each of one kind
RUNS = {
    "dataset": "--task binary --dataset my-component --segmenter none --backbone sepcnn --head dense",
    "segmenter": "--task binary --segmenter threshold --segmenter my-component --backbone sepcnn --head dense",
    "backbone": "--task binary --segmenter none --backbone sepcnn --backbone my-component --head dense",
    "head": "--task binary --segmenter none --backbone sepcnn --head dense --head my-component",
    "voter": "--task vote --segmenter none --backbone sepcnn --head dense --head sepconv --voter my-component",
}
SHARED = {"page.md": "README.md", "project.toml": "pyproject.toml"}  # no tool takes the templates for a project


def skeleton(kind: str, name: str, variant: str = "") -> dict[str, str]:
    """The files of a distribution, name to text.

    Args:
        variant: one of `VARIANTS`, of its kind; empty for the usual one.

    Raises:
        ConfigError: a component cannot be called so.
    """
    folder = files("registry").joinpath("templates")
    own = folder.joinpath(f"{kind}_{variant}" if variant else kind)
    found = {one.name: one.read_text("utf-8") for one in own.iterdir() if one.name.endswith(".py")}
    check_name(kind, name, "".join(found.values()))
    check, run = (f"bench {line}" for line in lines(kind, "my-component"))
    for template, target in SHARED.items():
        text = Template(folder.joinpath("shared", template).read_text("utf-8"))
        found[target] = text.substitute(kind=kind, group=GROUPS[kind], check=check, run=run)
    return {_called(file, name): _called(text, name) for file, text in sorted(found.items())}


def lines(kind: str, name: str) -> tuple[str, str]:
    """What to say to `bench` to check a component and to run it beside others."""
    return f"check {kind} {name}", f"run {_called(RUNS[kind], name)} --quick"


def distribution_of(name: str) -> str:
    """How the distribution of a component is called."""
    return f"cxr-bench-{name}"


def check_name(kind: str, name: str, template: str) -> None:
    """See that a component can be called so, and its module and distribution after it.

    Args:
        template: Python, in which the name is to stand.

    Raises:
        ConfigError: it cannot.
    """
    if not KEBAB.fullmatch(name) or len(name) > LONGEST:
        shown = ascii(name if len(name) <= LONGEST else f"{name[:LONGEST]}…")
        raise ConfigError(
            f"a component cannot be called {shown}; expected kebab-case, a to z, 0 to 9 and single hyphens between "
            f"them, at most {LONGEST} characters, such as my-{kind}"
        )
    if reason := _taken(kind, name, template):
        raise ConfigError(f"a component cannot be called {name!r}: {reason}; choose another name, such as my-{name}")


def _taken(kind: str, name: str, template: str) -> str:
    word = name.replace("-", "_")
    if name in entries(kind):
        return f"there is a {kind} of that name, of {entries(kind)[name].distribution}"
    if keyword.iskeyword(word):
        return "it is a keyword of Python"
    if word in sys.stdlib_module_names or hasattr(builtins, word):
        return "Python has a module or function of that name"
    if word in _words(template):
        return f"the template says {word} for something else"
    for installed in (name, distribution_of(name)):
        if _is_installed(installed):
            return f"a distribution {installed} is installed"
    module = f"cxr_bench_{word}"
    return f"there is a module {module}" if find_spec(module) else ""


def _words(source: str) -> set[str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.string for token in tokens if token.type == tokenize.NAME}


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def _called(text: str, name: str) -> str:
    """A text of the templates, with their component's name replaced."""
    return text.replace("my_component", name.replace("-", "_")).replace("my-component", name)
