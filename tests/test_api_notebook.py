"""`benchmark.api` in a real notebook kernel: progress in one output of the cell, with and without ipywidgets."""

import json
import queue
import time

import pytest

from tests.commands import TINY, Bench, untrained

jupyter_client = pytest.importorskip("jupyter_client", reason="there is no notebook kernel: pip install ipykernel")
pytest.importorskip("ipykernel", reason="there is no notebook kernel: pip install ipykernel")

pytestmark = pytest.mark.slow

WITHOUT_WIDGETS = "import sys; sys.modules['ipywidgets'] = None"
RUN = """
from benchmark.api import run
found = run("mine.toml", quick=False, epochs=1, results="results")
found
"""
AGAIN = """
import json, sys
again = run("mine.toml", quick=False, epochs=1, results="results", progress=False)
print(json.dumps([bool(set(sys.modules) & {'keras', 'tensorflow'}), len(again.folders), "accuracy" in str(again)]))
"""


class Kernel:
    """A kernel of this Python; keeps what its cells put out."""

    def __init__(self, bench):
        self.manager, self.client = jupyter_client.manager.start_new_kernel(
            kernel_name="python3", cwd=str(bench.root), env=bench.environment()
        )

    def run(self, code):
        """Messages of a cell, those that change an output included."""
        asked = self.client.execute(code)
        found = []
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            try:
                message = self.client.get_iopub_msg(timeout=5)
            except queue.Empty:
                continue
            if message["parent_header"].get("msg_id") != asked:
                continue
            found.append((message["msg_type"], message["content"]))
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return found
        raise AssertionError("the cell has not come to an end")

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(params=["ipywidgets as installed", "no ipywidgets"])
def cells(request, tmp_path, tmp_path_factory):
    """Runs a cell in a kernel; gives its messages by kind."""
    bench = untrained(tmp_path_factory, Bench(tmp_path))
    (tmp_path / "mine.toml").write_text(TINY)
    kernel = Kernel(bench)
    if request.param == "no ipywidgets":
        kernel.run(WITHOUT_WIDGETS)

    def run(code):
        by_kind = {}
        for kind, content in kernel.run(code):
            by_kind.setdefault(kind, []).append(content)
        return by_kind

    yield run
    kernel.close()


def test_progress_is_one_output_and_the_comparison_another(cells):
    told = cells(RUN)
    assert "error" not in told, told.get("error")
    assert "stream" not in told  # no warning, no stray line
    assert len(told["display_data"]) == 1, told["display_data"][1:]
    (shown,) = told["display_data"]
    updates = told["update_display_data"]
    assert {one["transient"]["display_id"] for one in updates} == {shown["transient"]["display_id"]}
    pages = [one["data"]["text/plain"] for one in updates]
    assert any("training" in page and "━" in page for page in pages)  # a bar
    last = pages[-1].splitlines()
    assert last[0].startswith("phantom (no --data: synthetic phantom images): 96 images")
    assert last[-1].startswith("[1/1] none+sepcnn[filters=8,pairs=1]+dense · seed 0: balanced-accuracy ")
    assert "━" not in pages[-1]
    assert updates[-1]["data"]["text/html"].startswith("<pre")
    (result,) = told["execute_result"]
    assert "<table>" in result["data"]["text/html"]
    told = cells(AGAIN)
    assert "display_data" not in told and "error" not in told
    assert json.loads("".join(one["text"] for one in told["stream"])) == [False, 1, True]


def test_what_cannot_be_asked_for_is_an_error_of_the_cell_and_the_kernel_goes_on(cells):
    told = cells("from benchmark.api import run\nrun('binari')")
    assert told["error"][0]["ename"] == "UnknownNameError"
    assert cells("print(1)")["stream"][0]["text"] == "1\n"
