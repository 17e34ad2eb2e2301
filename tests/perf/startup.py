"""(e) What a command costs before it does anything, beside an interpreter that does nothing."""

import sys
from collections.abc import Callable
from pathlib import Path

from tests.perf.timing import Line, Spent, absolute, as_installed, process, ratio

PLUGINS = 50
REPEATS = 15
BENCH = [str(Path(sys.executable).with_name("bench"))]

PLUGIN = '''"""A backbone that does nothing new."""


def backbone_{number}(image_shape, *, filters: int = 16, dropout: float = 0.1):
    """Backbone number {number} of a plugin."""
    raise NotImplementedError
'''


def measure(place: Path, told: Callable[[str], None]) -> list[Line]:
    """`bench --help`, `bench list` with 50 plugins in a warm cache, and a task's name misspelt."""
    sites = install_plugins(place / "site")
    environment = {**as_installed(), "BENCH_CACHE": str(place / "cache"), "PYTHONPATH": str(sites)}
    told("describing the components once, so that the list is warm")
    _expect(process([*BENCH, "list"], environment), 0)
    _expect(process([*BENCH, "run", "--task", "binarry"], environment), 2)
    commands = {
        "`bench --help`": (["--help"], 0, 0.10),
        f"`bench list`, warm, {PLUGINS} plugins": (["list"], 0, 0.20),
        "a task's name misspelt, exit 2": (["run", "--task", "binarry"], 2, 0.20),
    }
    spent: dict[str, list[tuple[Spent, Spent]]] = {name: [] for name in commands}
    clicks = []
    for number in range(REPEATS):
        for name, (arguments, code, _) in commands.items():
            nothing = process([sys.executable, "-c", "pass"], environment)
            spent[name].append((_expect(process([*BENCH, *arguments], environment), code), nothing))
        clicks.append(process([sys.executable, "-c", "import click"], environment).wall_s)
        told(f"{number + 1} of {REPEATS}")
    floor = absolute("e", "for comparison: `python -c 'import click'`", "s", clicks, None)
    return [floor, *(line for name, (_, _, target) in commands.items() for line in _lines(name, spent[name], target))]


def install_plugins(site: Path) -> Path:
    """A folder for PYTHONPATH with distributions of one backbone each, as an installer leaves them."""
    for number in range(PLUGINS):
        name = f"perf_plugin_{number}"
        info = site / f"{name}-1.0.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        (site / f"{name}.py").write_text(PLUGIN.format(number=number))
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "RECORD").write_text(f"{name}.py,,\n")
        (info / "entry_points.txt").write_text(f"[cxr_bench.backbones]\nplugin-{number} = {name}:backbone_{number}\n")
    return site


def _lines(name: str, spent: list[tuple[Spent, Spent]], target: float) -> list[Line]:
    note = "theirs: `python -c pass`"
    return [
        absolute("e", name, "s", [one.wall_s for one, _ in spent], target),
        ratio(
            "e", f"{name}: processor time", "s", [(one.cpu_s, other.cpu_s) for one, other in spent], "<=", None, note
        ),
    ]


def _expect(spent: Spent, code: int) -> Spent:
    if spent.code != code:
        raise RuntimeError(f"a command ended with exit status {spent.code}, expected {code}")
    return spent
