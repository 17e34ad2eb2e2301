"""The engine ``ray``: a slot is an actor of Ray core that keeps one worker process on a node of a cluster.

Ray starts no actor anew and repeats nothing (`max_restarts`, `max_task_retries` are 0): what is repeated after the
death of a node is the pool's to say.
"""

import contextlib
import logging
import math
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec

from benchmark.execution.engines import Given, extra
from benchmark.execution.pool import Pool
from benchmark.execution.probing import CACHE, PROBE, put, shown, wanted
from benchmark.execution.rayslots import Cluster, Terms
from registry.cores import usable_cores
from registry.errors import ConfigError
from registry.options import Range

HERE = "local"  # the address of a cluster that begins and ends with the command
NOTED = "auto"  # the one that Ray noted when a head was started here
ANSWER_S = 5.0  # in which a head must take a connection
OBJECTS = 80_000_000  # bytes of Ray's object store: requests and events are small, artefacts go through the cache
QUIET = {  # before Ray is imported
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # a cluster that Ray starts for us listens on the loopback device alone
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # what matters of it comes as an error
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
CARRIED = ("KERAS_", "TF_", "XLA_", "JAX_", "PYTORCH_", "NVIDIA_TF32")  # variables of the driver that workers have too


@contextlib.contextmanager
def opened_pool(
    given: Given,
    *,
    address: str = NOTED,
    slots: Annotated[int | None, Range(1, 10_000)] = None,
    cores: Annotated[int, Range(1, 1024)] = 1,
    gpus: Annotated[float, Range(0, 64)] = 0.0,
    wait: Annotated[int, Range(1, 86_400)] = 60,
) -> Iterator[Pool]:
    """A pool of actors.

    Args:
        address: of the cluster's head; ``auto`` finds one that runs here, ``local`` starts one for this command.
        slots: workers; by default as many as there is room for.
        cores, gpus: of each; a share of a GPU such as 0.5 lets two workers have one.
        wait: seconds in which a slot must have been given, at the beginning and after a node's death.

    Raises:
        ConfigError: Ray is not installed, there is no such cluster, it has no room, or a node differs.
    """
    if given.request.jobs > 1:
        raise ConfigError("--jobs is for workers on one machine; with --engine ray say ray[slots=N]")
    ray = connected(address)
    token = given.store.root.absolute() / "logs" / f"{PROBE}{os.urandom(8).hex()}"  # for nodes that come later
    put(token)
    try:
        with shown(given.request) as tokens:
            cluster = Cluster(ray, _terms(given, cores, gpus, wait), wanted(given.request, tokens), given.say)
            held = cluster.held(slots or room(ray, cores, gpus))
        cluster.wanted = msgspec.structs.replace(cluster.wanted, tokens={CACHE: str(token)})
        with Pool(held) as pool:
            yield pool
    finally:
        token.unlink(missing_ok=True)
        with contextlib.suppress(Exception):
            ray.shutdown()


def connected(address: str) -> Any:
    """Ray, connected to a cluster; one of this command's own is as large as this machine.

    Raises:
        ConfigError: Ray is not installed, or there is no such cluster.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    ray = extra("ray", "ray")
    if address == NOTED and "RAY_ADDRESS" not in os.environ and (silent := silent_head()):
        raise ConfigError(
            f"the Ray cluster that was last started here, {silent}, does not answer; start it anew "
            "(`ray start --head`), say where another is, as ray[address=HOST:6379], or take this machine alone with "
            "ray[address=local]"
        )
    worker = extra("ray._private.worker", "ray")
    if hasattr(worker, "print_to_stdstream"):  # pages of a dead node's log on standard output, which may be JSON
        worker.print_to_stdstream = lambda *_, **__: None
    own = {
        "num_cpus": usable_cores(), "include_dashboard": False, "object_store_memory": OBJECTS,
        "_system_config": {"automatic_object_spilling_enabled": False},
    }  # fmt: skip
    before = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(
            address=address, log_to_driver=False, logging_level=logging.CRITICAL, **(own if address == HERE else {})
        )
    except Exception as error:  # Ray raises whatever there is, a bare one where it starts too slowly
        with contextlib.suppress(Exception):
            ray.shutdown()
        first = str(error).strip().partition("\n")[0]
        raise ConfigError(
            f"no Ray cluster at address={address}: {first}; start one (`ray start --head`), say where, as "
            "ray[address=HOST:6379] (with RAY_AUTH_MODE=token where the head asks for one), or take this machine alone "
            "with ray[address=local]"
        ) from error
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, before)  # Ray takes it over, and ends the process without a word
    return ray


def silent_head() -> str:
    """Address of the head that Ray noted on this machine, where nobody answers: Ray itself asks there for minutes."""
    note = Path(os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()) / "ray" / "ray_current_cluster"
    try:
        noted = note.read_text(encoding="utf-8").strip()
        host, _, port = noted.rpartition(":")
        place = (host.strip("[]"), int(port))
    except (OSError, ValueError):
        return ""
    try:
        socket.create_connection(place, ANSWER_S).close()
    except OSError:
        return noted
    return ""


def room(ray: Any, cores: int, gpus: float) -> int:
    """How many slots of that size the nodes of a cluster have room for.

    Raises:
        ConfigError: for none.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    count = sum(
        int(min(node.get("CPU", 0) // cores, node.get("GPU", 0) / gpus if gpus else math.inf)) for node in nodes
    )
    if not count:
        raise ConfigError(
            f"no node of the Ray cluster has {cores} cores and {gpus:g} GPUs for a slot; ask for fewer with "
            "ray[cores=…,gpus=…], or start nodes with more"
        )
    return count


def _terms(given: Given, cores: int, gpus: float, wait: int) -> Terms:
    carried = {name: value for name, value in os.environ.items() if name.startswith(CARRIED)}
    logs = str((given.store.root / "logs").absolute())
    return Terms(logs, {**carried, **given.environment}, cores, gpus, wait)
