"""Ray, a cluster of this machine alone: actors that keep workers, and what becomes of them when something dies."""

import os
import signal
import subprocess
import sys
import threading
import time
from importlib import import_module
from pathlib import Path

import pytest

from benchmark.execution.pool import Ended, Recorded
from tests.execution.cluster.driver import ROOT, opened, planned, trace
from tests.perf import namespaces

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif("BENCH_RAY" not in os.environ, reason="starts clusters of Ray: set BENCH_RAY"),
]
LONGEST_S = 240  # above what anything here takes on a machine that others use


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def until(condition):
    deadline = time.monotonic() + LONGEST_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def at_epoch(place, number, run=0):
    """The process that has begun an epoch, once one has."""
    found = []

    def seen():
        found[:] = [int(words[0]) for words in trace(place) if words[1:] == ["epoch", str(number)]]
        return len(found) > run

    until(seen)
    return found[run]


def soon(action, *arguments):
    threading.Thread(target=action, args=arguments, daemon=True).start()


def statuses(events):
    return [one.record.status for one in events if isinstance(one, Recorded)]


def lost(events):
    return [one.step.name for one in events if isinstance(one, Ended) and one.status == "lost"]


def test_a_node_whose_processes_all_die_is_given_up_and_the_other_goes_on_where_it_was(tmp_path, monkeypatch):
    """A head without cores and two nodes of one core each, all on this machine; the driver's own node lives."""
    for name in [name for name in os.environ if name.startswith("RAY_")]:
        monkeypatch.delenv(name)
    cluster = import_module("ray.cluster_utils").Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    driver = import_module("ray._private.worker").global_worker

    def kill():
        leaves = {at_epoch(tmp_path, 2, run) for run in range(2)}
        socket = f"--raylet_socket_name={driver.node.raylet_socket_name}\0"
        nodes = {leaf: parent(parent(leaf)) for leaf in leaves}
        leaf = next(leaf for leaf in leaves if socket not in Path(f"/proc/{nodes[leaf]}/cmdline").read_text())
        for process in (nodes[leaf], parent(leaf), leaf):
            os.kill(process, signal.SIGKILL)

    try:
        for _ in range(2):
            cluster.add_node(num_cpus=1, object_store_memory=80_000_000)
        runs, store = planned(tmp_path, 2)
        with opened(tmp_path, f"ray[address={cluster.address},wait=90]", EPOCH_S="1") as pool:
            soon(kill)
            events = list(pool.run(runs, store))
    finally:
        for node in cluster.list_all_nodes():
            node.kill_all_processes(check_alive=False, allow_graceful=False)
    assert statuses(events) == ["ok", "ok"]
    assert lost(events) == ["fit"]
    epochs = [words[2] for words in trace(tmp_path) if words[1] == "epoch"]
    assert sorted(epochs) == ["1", "1", "2", "2", "2", "3", "3", "4", "4"]


@pytest.mark.skipif(bool(namespaces.lacking()), reason="machines cannot be played here")
def test_a_machine_of_its_own_network_dies_while_a_grid_and_a_search_run_and_nothing_is_lost():
    line = [sys.executable, "-m", "tests.perf.deaths", "kills", "--count", "1", "--pause", "2", "--seeds", "1"]
    told = subprocess.run([*line, "--trials", "2"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    assert '"kills": 1' in told.stdout
    assert "nothing was lost" in told.stdout


def test_a_driver_that_is_killed_leaves_no_process(tmp_path):
    command = [sys.executable, "-m", "tests.execution.cluster.driver", str(tmp_path), "ray[address=local,wait=200]"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as driver:
        leaf = at_epoch(tmp_path, 1)
        actor = parent(leaf)
        driver.kill()
    until(lambda: not is_alive(leaf) and not is_alive(actor))


def test_what_ray_ends_because_memory_lacks_is_a_failed_row_and_the_slot_serves_on(tmp_path, monkeypatch):
    """Its monitor looks ten times a second; the limit is a gigabyte and a half above what is taken now."""
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    memory = {words[0]: 1024 * int(words[1]) for words in lines}
    limit = 1 - (memory["MemAvailable:"] - 1.5e9) / memory["MemTotal:"]
    if limit > 0.9 or memory["MemAvailable:"] < 6e9:
        pytest.skip("the machine has not enough memory left")
    monkeypatch.setenv("RAY_memory_usage_threshold", f"{limit:.4f}")
    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "100")
    runs, store = planned(tmp_path, 2)
    with opened(tmp_path, "ray[address=local,slots=1,wait=100]", EATS="1") as pool:
        events = list(pool.run(runs, store))
    records = {one.run.spec.seed: one.record for one in events if isinstance(one, Recorded)}
    assert {seed: record.status for seed, record in records.items()} == {0: "ok", 1: "failed"}
    assert (records[1].failure.cause, records[1].failure.stage) == ("oom", "fit")
    assert records[1].failure.message.endswith("the node's memory ran out")
    assert not any(words[1] == "ate" for words in trace(tmp_path))
    assert lost(events) == []


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A place, and a pool of two slots that the tests below share: a process has one cluster at a time."""
    place = tmp_path_factory.mktemp("cluster")
    with opened(place, "ray[address=local,slots=2,wait=200]") as pool:
        yield place, pool


def test_two_slots_make_what_one_worker_makes_and_their_events_are_seen(cluster):
    place, pool = cluster
    runs, store = planned(place, 3)
    events = list(pool.run(runs, store))
    assert statuses(events) == ["ok"] * 3
    assert lost(events) == []
    epochs = [one.event.epoch for one in events if getattr(getattr(one, "event", None), "epoch", None)]
    assert sorted(epochs) == sorted([1, 2, 3, 4] * 3)
    assert len({words[0] for words in trace(place)}) == 2  # processes


def test_a_worker_that_is_killed_is_a_failed_row_as_on_this_machine(cluster, tmp_path):
    place, pool = cluster
    (place / "trace").unlink()
    runs, store = planned(tmp_path)
    soon(lambda: os.kill(at_epoch(place, 2), signal.SIGKILL))
    events = list(pool.run(runs, store))
    (record,) = (one.record for one in events if isinstance(one, Recorded))
    assert (record.status, record.failure.cause) == ("failed", "killed")
    assert "SIGKILL" in record.failure.message
    assert lost(events) == []


def test_an_actor_that_is_killed_is_a_lost_node_and_the_step_goes_on_where_it_was(cluster, tmp_path):
    place, pool = cluster
    (place / "trace").unlink()
    runs, store = planned(tmp_path)
    killed = []

    def kill():
        killed.append(at_epoch(place, 3))
        os.kill(parent(killed[0]), signal.SIGKILL)

    soon(kill)
    events = list(pool.run(runs, store))
    assert statuses(events) == ["ok"]
    assert lost(events) == ["fit"]
    begun = [words[2] for words in trace(place) if words[1] == "epoch"]
    assert begun == ["1", "2", "3", "3", "4"]
    until(lambda: not is_alive(killed[0]))


def test_a_step_that_takes_too_long_is_killed_on_its_node(cluster, tmp_path):
    place, pool = cluster
    (place / "trace").unlink()
    runs, store = planned(tmp_path)
    found = []
    soon(lambda: found.append(at_epoch(place, 1)))
    events = list(pool.run(runs, store, timeout_s=1.2))
    (record,) = (one.record for one in events if isinstance(one, Recorded))
    assert (record.status, record.failure.cause) == ("failed", "timeout")
    assert not is_alive(found[0])


def test_closing_the_pool_ends_what_is_at_work_on_its_node(cluster, tmp_path):
    place, pool = cluster
    (place / "trace").unlink()
    runs, store = planned(tmp_path)
    at_work = pool.run(runs, store)
    while not any(words[1] == "epoch" for words in trace(place)):
        next(at_work)
    leaf = int(trace(place)[-1][0])
    actor = parent(leaf)
    pool.__exit__()
    until(lambda: not is_alive(leaf) and not is_alive(actor))
