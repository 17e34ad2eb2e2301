"""What a command line asks for: where results go, and which precision it computes in, without a device."""

import io

import pytest
from rich.console import Console

from benchmark.cli.request import Request
from benchmark.execution.process import Worker


@pytest.mark.parametrize(
    ("line", "flag"),
    [
        (("tune", "--results"), "--results"),
        (("run", "-o"), "-o"),
        (("run", "--plan", "-o"), "-o"),
        (("speed", "-o"), "-o"),
    ],
)
def test_a_file_where_results_should_go_is_refused_before_anything_is_looked_at(
    tmp_path, monkeypatch, bench_in_process, line, flag
):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Worker, "_start", None)  # whoever looks at something starts a worker
    (tmp_path / "afile").touch()
    told = f"folder {tmp_path / 'afile'} cannot be written (it is a file); choose another one with {flag}"
    complaint = f"bench: {told} or BENCH_RESULTS\n"
    assert bench_in_process(*line, tmp_path / "afile", "--task", "binary") == (2, "", complaint)


@pytest.mark.parametrize("command", ["run", "tune", "speed"])
def test_without_a_task_it_says_how_to_find_one(bench_in_process, command):
    told = "`bench list tasks` shows the tasks; say one, as --task binary, or a TOML file of your own"
    assert bench_in_process(command) == (2, "", f"bench: Missing option '--task'. {told}\n")


def test_a_plan_makes_no_folder_for_results(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    flags = {"task_name": "binary", "quick": None, "data": None, "as_json": False}
    Request(flags).check_folders(tmp_path / "results", "-o", writes=False)
    assert not (tmp_path / "results").exists()


class Device:
    """A worker on an accelerator that does bfloat16 well."""

    def ask(self, request):
        assert request == {"op": "device"}
        return {"device": "Example GPU", "precision": "mixed_bfloat16"}


@pytest.fixture
def settled(tmp_path, monkeypatch):
    """--precision -> the precision that runs are planned with, and what is printed."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))

    def settle(asked, worker=None):
        request = Request(
            {
                "task_name": "binary",
                "quick": None,
                "data": None,
                "as_json": False,
                "deterministic": False,
                "precision": asked,
            }
        )
        request.console = Console(file=io.StringIO(), width=80)
        return request.settled(request.runtime(), worker).precision, request.console.file.getvalue()

    return settle


@pytest.mark.parametrize("asked", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_a_precision_that_is_named_is_taken_and_no_device_is_asked(settled, asked):
    assert settled(asked) == (asked, "")


def test_auto_is_what_the_device_does_well_and_is_said(settled):
    assert settled("auto", Device()) == ("mixed_bfloat16", "precision mixed_bfloat16, chosen for Example GPU\n")
