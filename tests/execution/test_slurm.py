"""An array of jobs on a Slurm of forty lines of shell, which runs jobs as processes of this machine."""

import functools
import os
import pickletools
import stat
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from benchmark.execution import slurmarray, slurmjob
from benchmark.execution.engines import Given
from benchmark.execution.pool import Recorded
from benchmark.execution.probing import CACHE, put, wanted
from benchmark.execution.process import Outcome
from benchmark.execution.protocol import RunTrial, TrialBegan
from benchmark.execution.slurm import JobPool, Planner
from benchmark.execution.slurmarray import Array, Resources, UnfinishedError
from benchmark.execution.slurmjob import Line
from benchmark.planning.request import requested
from benchmark.records.files import write
from benchmark.storage import arrays
from benchmark.storage.cache import Store
from benchmark.storage.inventory import inventory
from registry.errors import ConfigError
from tests import factories
from tests.specs import spec
from tests.workers import plans

FAKE = Path(__file__).parent / "cluster" / "slurm"
RESOURCES = Resources(2, 1, 0, None, 5, {"partition": "gpu"})


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """A Slurm without jobs."""
    pytest.importorskip("submitit")
    programs, jobs = tmp_path / "bin", tmp_path / "jobs"
    programs.mkdir()
    jobs.mkdir()
    for name in ("sbatch", "srun", "sacct", "scancel", "scontrol"):
        (programs / name).symlink_to(FAKE)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_SLURM", str(jobs))
    monkeypatch.setattr(slurmarray, "LOOK_EVERY_S", 0.1)
    return jobs


class Stand:
    """What is asked of it, and what it says."""

    def __init__(self, place, line=("--version", "--engine", "slurm")):
        self.said = []
        request = requested(task="binary", cache=str(place / "cache"), results=str(place / "results"), line=line)
        self.given = Given(request, Store(place / "cache"), {}, self.said.append)

    def array(self, resources=RESOURCES):
        return Array(sys.modules.get("submitit") or pytest.importorskip("submitit"), self.given, resources)


def until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_jobs_run_the_line_and_are_followed_to_their_end(slurm, tmp_path):
    stand = Stand(tmp_path)
    array = stand.array()
    looks = list(array.followed())
    assert looks[-1] and not any(looks[:-1])
    out = [path.read_text() for path in sorted(array.folder.glob("*_log.out"))]
    assert len(out) == 2 and all("bench, version" in text for text in out)
    assert stand.said[0].startswith("slurm: submitted array 101 of 2 jobs; Ctrl-C cancels it")
    assert stand.said[-1] == "slurm: 2 ended"
    assert stat.S_IMODE(array.folder.stat().st_mode) == 0o700
    script = next(slurm.glob("*/script")).read_text()
    assert "--partition=gpu" in script and "--time=5" in script and "--cpus-per-task=1" in script


def test_pickles_hold_text_only(slurm, tmp_path):
    array = Stand(tmp_path).array()
    list(array.followed())
    names = set()
    for path in array.folder.glob("*_submitted.pkl"):
        text = [argument for _, argument, _ in pickletools.genops(path.read_bytes()) if isinstance(argument, str)]
        names |= {one for one in text if one.startswith(("benchmark", "submitit", "numpy", "__main__"))}
    assert {name for name in names if not name.startswith("submitit")} == {"benchmark.execution.slurmjob"}


def test_a_job_whose_node_does_not_see_the_folder_of_results_refuses_itself(slurm, tmp_path, monkeypatch):
    """The folder is not there yet: the one above it is looked for, by a file that stays until all jobs have ended."""
    array = Stand(tmp_path).array()
    looks = array.followed()
    next(looks)
    token = tmp_path / f".bench-probe-{array.folder.name}"
    assert token.exists()
    submitted = min(array.folder.glob("*_submitted.pkl"))
    line = sys.modules["submitit"].core.utils.DelayedSubmission.load(submitted).function
    (tmp_path / "results").mkdir()  # a job makes it
    list(looks)
    assert not token.exists()
    monkeypatch.setattr(slurmjob, "differences", functools.partial(slurmjob.differences, appears_s=0))
    monkeypatch.setattr(slurmjob.subprocess, "run", lambda *_, **__: pytest.fail("ran"))
    put(array.folder / "token")
    assert line() == slurmjob.DIFFERS
    (said,) = (path.read_text() for path in (array.folder / "refused").glob("*.txt"))
    assert said.endswith(f"does not see the folder of results {tmp_path}")


def test_the_cache_keeps_what_jobs_in_the_queue_need_and_removes_what_is_over(slurm, tmp_path, monkeypatch):
    array = Stand(tmp_path).array()
    root = tmp_path / "cache"

    def kind():
        return [item.kind for item in inventory(root) if item.path == array.folder]

    assert kind() == ["job array"]  # nothing was submitted
    looks = array.followed()
    next(looks)
    assert kind() == ["job array at work"]
    looks.close()  # the driver dies; its jobs end by themselves
    until(lambda: kind() == ["job array"])
    list(Stand(tmp_path).array().followed())
    assert kind() == ["job array"]


def test_an_array_that_was_cancelled_is_over(slurm, tmp_path):
    array = Stand(tmp_path).array()
    looks = array.followed()
    next(looks)
    with pytest.raises(KeyboardInterrupt):
        looks.throw(KeyboardInterrupt)
    assert arrays.is_over(array.folder)


def test_jobs_that_slurm_does_not_cancel_may_be_at_work_until_they_have_ended(slurm, tmp_path):
    array = Stand(tmp_path).array()
    looks = array.followed()
    next(looks)
    (tmp_path / "bin" / "scancel").unlink()
    with pytest.raises(KeyboardInterrupt):
        looks.throw(KeyboardInterrupt)
    assert not (array.folder / arrays.OVER).exists()
    until(lambda: arrays.is_over(array.folder))


def test_a_second_driver_finds_the_jobs_of_the_first_and_submits_none(slurm, tmp_path, monkeypatch):
    stand = Stand(tmp_path)
    array = stand.array()
    looks = array.followed()
    assert next(looks) is False
    monkeypatch.setattr(slurmarray.Array, "_submitted", lambda self: pytest.fail("submitted again"))
    again = Stand(tmp_path)
    assert list(again.array().followed())[-1]
    assert again.said[0] == "slurm: array 101 of 2 jobs of this line is at work already, and is followed"


def test_whoever_interrupts_cancels_the_jobs(slurm, tmp_path):
    stand = Stand(tmp_path)
    looks = stand.array().followed()
    next(looks)
    with pytest.raises(KeyboardInterrupt):
        looks.throw(KeyboardInterrupt)
    assert stand.said[-1] == "slurm: cancelled array 101 of 2 jobs"
    assert {path.read_text().strip() for path in slurm.glob("*/state")} <= {"CANCELLED", "COMPLETED"}


def test_what_slurm_says_of_a_wrong_partition_is_one_line(slurm, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_SLURM_REFUSES", "invalid partition specified: gpu")
    with pytest.raises(ConfigError, match=r"Slurm took no jobs: .*invalid partition specified: gpu") as raised:
        next(Stand(tmp_path).array().followed())
    assert "\n" not in str(raised.value)


def test_without_slurm_there_is_one_line(tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="submits no jobs to Slurm"):
        Stand(tmp_path).array()


def test_a_node_that_differs_refuses_itself_by_name_and_runs_nothing(tmp_path, monkeypatch):
    stand = Stand(tmp_path)
    token = tmp_path / "array" / "token"
    put(token)
    expected = wanted(stand.given.request, {CACHE: str(token)})
    other = msgspec.structs.replace(expected, facts=msgspec.structs.replace(expected.facts, python="2.7"))
    monkeypatch.setattr(slurmjob.subprocess, "run", lambda *_, **__: pytest.fail("ran"))
    monkeypatch.setenv(slurmjob.JOB, "7")
    line = Line(["run"], {}, msgspec.json.encode(other).decode(), str(token.parent))
    assert line() == slurmjob.DIFFERS
    assert "expected 2.7" in (token.parent / "refused" / "7.txt").read_text()


class Jobs:
    """An array that is looked at so often, and writes records meanwhile."""

    def __init__(self, *looks):
        self.looks, self.submitted = looks, 0

    def followed(self):
        looks, self.submitted = self.looks[self.submitted], self.submitted + 1
        for place, look in enumerate(looks):
            look()
            yield place == len(looks) - 1

    def last_words(self):
        return "that was all"


def recorded(run, status="ok"):
    fields = {"run": run.plan.run, "key": run.plan.key, "task": run.spec.task, "seed": run.spec.seed}
    failure = {"failure": factories.record().failure} if status == "ok" else {}
    write(msgspec.structs.replace(factories.record(**fields), status=status, **failure), run.folder)


def test_runs_are_seen_when_jobs_have_made_them(tmp_path):
    planned, store = plans(tmp_path, [spec(), spec(seed=1)])
    first, second = planned
    jobs = Jobs([lambda: recorded(first), lambda: None, lambda: recorded(second)])
    events = list(JobPool(Planner(None, Stand(tmp_path).given), jobs).run(planned, store))
    assert [one.run.plan.run for one in events] == [first.plan.run, second.plan.run]
    assert all(isinstance(one, Recorded) and one.run.record for one in events)  # the jobs' ledgers have them
    assert jobs.submitted == 1


def test_a_failed_run_waits_for_the_other_jobs_of_which_one_may_do_better(tmp_path):
    (run,), store = plans(tmp_path, [spec()])
    jobs = Jobs([lambda: recorded(run, "failed"), lambda: recorded(run)])
    (event,) = JobPool(Planner(None, Stand(tmp_path).given), jobs).run([run], store)
    assert event.record.status == "ok"
    (run,), store = plans(tmp_path / "other", [spec()])
    (event,) = JobPool(Planner(None, Stand(tmp_path).given), Jobs([lambda: recorded(run, "failed")])).run([run], store)
    assert event.record.status == "failed"


def test_jobs_are_submitted_again_while_they_get_further_and_no_longer(tmp_path):
    (run,), store = plans(tmp_path, [spec()])
    step = run.plan.step("prepare")
    jobs = Jobs([lambda: store.build(step.name, step.key, lambda folder: None)], [lambda: None], [lambda: None])
    with pytest.raises(UnfinishedError, match="1 of 1 runs have no record: that was all"):
        list(JobPool(Planner(None, Stand(tmp_path).given), jobs).run([run], store))
    assert jobs.submitted == 2


def test_an_old_record_of_another_key_is_none_of_these_jobs(tmp_path):
    (run,), store = plans(tmp_path, [spec()])
    recorded(run)
    with pytest.raises(UnfinishedError):
        list(JobPool(Planner(None, Stand(tmp_path).given), Jobs([lambda: None], [lambda: None])).run([run], store))


def test_a_search_begins_no_trial_on_the_machine_that_submits(tmp_path, monkeypatch):
    def serve(self, request, watch, timeout_s=None):
        watch(TrialBegan(3, {}, 0, 1))
        return Outcome()

    monkeypatch.setattr("benchmark.execution.process.Worker.serve", serve)
    jobs = Jobs([lambda: None])
    planner = Planner(jobs, Stand(tmp_path).given)
    asked = RunTrial(str(tmp_path), msgspec.Raw(b"{}"), "objective", msgspec.Raw(b"{}"))
    with pytest.raises(UnfinishedError, match="the search has trials left"):
        planner.serve(asked)
    assert jobs.submitted == 1


def test_a_job_whose_node_dies_and_that_slurm_puts_back_runs_the_line_again(slurm, tmp_path):
    array = Stand(tmp_path).array()
    looks = array.followed()
    next(looks)
    subprocess.run(["scontrol", "requeue", "101_0"], check=True)  # kills all of its processes first
    assert list(looks)[-1]
    assert "bench, version" in (array.folder / "101_0_0_log.out").read_text()
