"""Controls that fail are said, and fail no command; nothing is run."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from benchmark.cli.run import command
from benchmark.execution import run, session
from benchmark.execution.session import Finished
from tests import factories


def finished(folder, of_controls, status):
    made = factories.controls({"border": 0.8}) if of_controls else factories.record()
    if status == "failed":
        made = factories.failed(run=made.run, spec=made.spec, pipeline=made.pipeline)
    return Finished(SimpleNamespace(of_controls=of_controls, folder=folder, label=made.pipeline), made)


@pytest.mark.parametrize(
    ("runs", "controls", "code"), [("ok", "ok", 0), ("ok", "failed", 0), ("failed", "ok", 1), ("failed", "failed", 1)]
)
def test_controls_that_fail_do_not_fail_the_command(monkeypatch, tmp_path, runs, controls, code):
    @contextmanager
    def opened(*_):
        yield None

    every = [finished(tmp_path / "run", False, runs), finished(tmp_path / "controls", True, controls)]
    monkeypatch.setattr(session, "opened", opened)
    monkeypatch.setattr(run, "finished_runs", lambda *_: every)
    monkeypatch.setattr(run, "planned_runs", lambda *_, **__: every)
    told = CliRunner().invoke(command, ["--task", "binary", "-o", str(tmp_path)], env={"BENCH_CACHE": str(tmp_path)})
    assert told.exit_code == code, told.output
    assert ("1 run failed" in told.output) == (runs == "failed")
