"""Golden captures, which `pytest --regenerate-golden` writes anew, to be reviewed like code; what JAX has compiled;
the command in the test's own process; how much of the machine one test takes.

How a test comes to take little of it: .github/CONTRIBUTING.md.
"""

import compileall
import gc
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings

import benchmark
import registry
from benchmark.cli.main import main
from benchmark.execution.process import ALLOCATOR
from registry.cores import TOLD
from tests.commands import READ

settings.register_profile("bench", deadline=None)  # speed is measured in benchmarks, not asserted in tests
settings.load_profile("bench")

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--regenerate-golden", action="store_true", help="write tests/golden anew instead of comparing")
    parser.addoption("--mutations", type=int, default=12, help="how many of each kind of hostile file")


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> Generator[None, int, int]:
    """One worker more than there are cores where all tests run: some wait, for marks to grow old or for deaths.

    A folder's take less time than the worker would to start.
    """
    cores = yield
    asked = "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ or config.args_source is not config.ArgsSource.TESTPATHS
    return cores if asked else cores + 1


def pytest_configure(config: pytest.Config) -> None:
    """What pytest's own workers start with: the memory settings of ours, one thread, and what JAX has compiled.

    There is a worker for each core, or more: a second thread of one waits for the other's, and OpenMP's do so by
    spinning.  JAX compiles every operation for every shape, in every process anew: here they share what one has
    compiled.
    """
    for name, value in (ALLOCATOR | dict.fromkeys(TOLD, "1")).items():
        os.environ.setdefault(name, value)
    if READ not in os.environ:  # as pytest's own workers find it
        os.environ[READ] = str(Path(_folder(config, "read-")) / "imports.json")
    if sys.dont_write_bytecode and config.getoption("dist", "no") != "no":
        _compile(config)
    if os.environ.get("KERAS_BACKEND") != "jax" or "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return  # the second is true of pytest's own workers
    os.environ["JAX_COMPILATION_CACHE_DIR"] = _folder(config, "compiled-")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"


def _compile(config: pytest.Config) -> None:
    """Our packages once, where every process of the hundred that tests start would compile them anew.

    Python is told to leave no such files, so these go when the tests have ended.
    """
    roots = [Path(name).resolve() for package in (benchmark, registry) for name in package.__path__]
    before = {path for root in roots for path in root.rglob("*.pyc")}
    for root in roots:
        compileall.compile_dir(root, quiet=2, rx=re.compile("templates"))
    config.add_cleanup(lambda: _removed({path for root in roots for path in root.rglob("*.pyc")} - before))


def _removed(compiled: set[Path]) -> None:
    for path in compiled:
        path.unlink(missing_ok=True)
    for folder in {path.parent for path in compiled}:
        with suppress(OSError):  # it holds what others have compiled
            folder.rmdir()


def _folder(config: pytest.Config, prefix: str) -> str:
    """A folder that goes when the tests have ended."""
    folder = tempfile.mkdtemp(prefix=prefix)
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    return folder


@pytest.fixture
def bench_in_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Calls `bench` with some arguments in this process; gives exit status, output and complaints."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bench", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capsys.readouterr()

    return call


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long modules first: with what is left at the end, every core is busy until all are done.

    Of these the ones that start no command lead, for the warm interpreter is on its way when the second begins.
    """
    items.sort(key=lambda item: [item.get_closest_marker(name) is None for name in ("slow", "conformance")])


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """No garbage is collected while modules are imported: what they make stays, and to look through it takes a third.

    That is five seconds of a processor for each of pytest's workers.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave what has been imported out of garbage collections: `keras.utils.clear_session` makes one at every step.

    To look through it takes a quarter of a second each time.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with the file of that name in tests/golden."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--regenerate-golden"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"no {path.name}; run pytest --regenerate-golden and review it"
        assert text == path.read_text(encoding="utf-8")

    return check
