"""`bench demo` from the shell: what it says without Gradio, and that nothing stays behind when it is ended.

The page is a stand-in of Gradio's here; tests/demo/test_browser.py has the real one.
"""

import importlib.util
import signal
import subprocess

import pytest

from tests.commands import once_run

GRADIO = """
class Blocks:
    def __init__(self, *positional, **named):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def launch(self, **named):
        return None, "http://127.0.0.1:1", None

    def close(self, **named):
        pass

    def upload(self, *positional, **named):
        pass

    click = upload


Row = Column = File = Markdown = Button = HTML = Blocks
"""
STARLETTE = "class Middleware:\n    def __init__(self, kind):\n        pass\n"


def test_without_gradio_a_line_says_what_to_install(bench_in_process, monkeypatch, tmp_path):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "gradio" else real(name, *more)
    )
    code, told, complaint = bench_in_process("demo", "--run", tmp_path)
    assert (code, told) == (2, "")
    assert complaint == 'bench: bench demo needs gradio, which is not installed: pip install "cxr-bench[demo]"\n'


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return once_run(tmp_path_factory)


@pytest.fixture(scope="module")
def standins(tmp_path_factory):
    folder = tmp_path_factory.mktemp("standins")
    (folder / "gradio.py").write_text(GRADIO)
    (folder / "starlette").mkdir()
    (folder / "starlette" / "__init__.py").touch()
    (folder / "starlette" / "middleware.py").write_text(STARLETTE)
    return str(folder)


def heeding():
    """Before a program starts: it may be below one that ignores Ctrl-C, as what a script starts with & does."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGINT, 130, "The page is closed"), (signal.SIGTERM, 143, "ended from outside")],
)
def test_its_temporary_folder_goes_when_it_is_ended(bench, standins, tmp_path, number, code, said):
    """What lies in it too: examples, and films that are being answered."""
    (run,) = bench.results.glob("tiny/none-*")
    environment = bench.environment(TMPDIR=str(tmp_path), PYTHONPATH=standins, PYTHONUNBUFFERED="1")
    command = bench.command("demo", "--run", run)
    kept = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "preexec_fn": heeding}
    with subprocess.Popen(command, env=environment, cwd=bench.root, **kept) as process:
        assert next((line for line in process.stdout if line.startswith("Open ")), ""), process.wait()
        (folder,) = tmp_path.glob("bench-demo-*")
        assert len(list((folder / "examples").iterdir())) > 1
        (folder / "upload").mkdir()
        (folder / "upload" / "film.png").write_bytes(b"somebody's")
        process.send_signal(number)
        assert said in process.stdout.read()
        assert process.wait(60) == code
    assert list(tmp_path.glob("bench-demo-*")) == []
