"""Machines that are namespaces of this one: network, host name, processes, /tmp and /dev/shm of their own, one bridge.

It needs Linux, `ip` (iproute2), `unshare`, `nsenter` and `setpriv` (util-linux), and root or user namespaces that
anybody may make; `lacking` says what is not there.

All of it lies in namespaces that end with the command: whatever way that ends, Ctrl-C and SIGKILL too, the kernel ends
every process in them and removes bridge, cables and mounts.  Nothing is ever made outside but the folder they share.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmark.storage.owner import NODE

ROOT = Path(__file__).parents[2]
INSIDE = "BENCH_PERF_INSIDE"
PROGRAMS = ("ip", "unshare", "nsenter", "setpriv")
WORLD = ("--net", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc")
NETWORK = "10.77.0"
READY_S = 30.0
# Of a machine's first process: its /tmp has nothing of the others' but what was named, and its command is its child, as
# somebody must collect the orphans.
FIRST = """
set -e
hostname "$1"; root=$2; kept=$3; shift 3
aside=$(mktemp -d)
mount -t tmpfs -o mode=1777 tmpfs "$aside"
for one in $kept; do
  case $one in /tmp/*)
    mkdir -p "$aside/${one#/tmp/}"
    mount --rbind "$one" "$aside/${one#/tmp/}"
  esac
done
mount --move "$aside" /tmp
mount -t tmpfs tmpfs /dev/shm
mkdir /tmp/own
export TMPDIR=/tmp/own
cd "$root"
echo there
read -r _
"$@" >&2 &
wait $!
"""


def lacking() -> str:
    """What keeps machines from being made here; empty where nothing does."""
    if absent := [name for name in PROGRAMS if not shutil.which(name)]:
        return f"{', '.join(absent)} (iproute2 and util-linux have them)"
    tried = subprocess.run(["unshare", *_as_root(), *WORLD, "true"], capture_output=True, text=True, check=False)
    return f"root, or user namespaces that anybody may make ({tried.stderr.strip()})" if tried.returncode else ""


def inside(line: Sequence[str]) -> int:
    """Give a line in namespaces of its own, with a bridge; its exit status.  With it ends all that it has begun."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    world = ["setpriv", "--pdeathsig", "KILL", "unshare", *_as_root(), *WORLD, *line]
    with subprocess.Popen(world, env={**os.environ, INSIDE: "1"}, start_new_session=True) as process:
        try:
            return process.wait()
        finally:
            process.kill()


def is_inside() -> bool:
    """Whether this process was begun by `inside`."""
    return INSIDE in os.environ


def bridge() -> None:
    """What machines hang on."""
    _ip("link set lo up")
    _ip("link add bridge type bridge")
    _ip("link set bridge up")


class Namespace:
    """A machine: what it runs, a cable to the bridge, and all of its processes.

    Args:
        number: of its address.
        shared: the folder that all machines see.
        core: of this machine, on which all of it runs; None for any.
    """

    def __init__(self, name: str, number: int, shared: Path, core: int | None = None) -> None:
        self.name, self.number, self.shared, self.core = name, number, shared, core
        self.address = f"{NETWORK}.{number}"
        self.log = shared / f"{name}.log"
        self._outer: subprocess.Popen[str] | None = None
        self.first = 0  # number of its first process, as seen from here

    def start(self, line: Sequence[str], variables: Mapping[str, object]) -> None:
        """Switch it on: it runs a line, and all of it ends with that."""
        kept = [str(ROOT), str(self.shared), sys.prefix, *(path for path in sys.path if Path(path).is_dir())]
        bound = [] if self.core is None else ["taskset", "-c", str(self.core)]
        first = ["sh", "-c", FIRST, "sh", self.name, str(ROOT), " ".join(kept), *line]
        with self.log.open("a") as log:
            self._outer = subprocess.Popen(
                [*bound, "unshare", *WORLD, *first], env=self._environment(variables), text=True,
                start_new_session=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        assert self._outer.stdin and self._outer.stdout
        self._until_there()
        self._connect()
        self._outer.stdin.write("go\n")
        self._outer.stdin.flush()

    def command(self, line: Sequence[str], variables: Mapping[str, object], log: Path) -> "subprocess.Popen[str]":
        """Give another line on it; both outputs go to a log."""
        enter = ["nsenter", "-t", str(self.first), "--net", "--mount", "--pid", "--ipc", "--uts", f"--wd={ROOT}", *line]
        environment = self._environment(variables) | {"TMPDIR": "/tmp/own"}
        with log.open("w") as file:
            return subprocess.Popen(enter, env=environment, stdout=file, stderr=file, text=True, start_new_session=True)

    def is_on(self) -> bool:
        """Whether its line is at work."""
        return self._outer is not None and self._outer.poll() is None

    def wait(self, timeout_s: float) -> int:
        """The exit status of its line.

        Raises:
            RuntimeError: it does not end.
        """
        assert self._outer
        try:
            return self._outer.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{self.name} did not end; see {self.log}") from None

    def processes(self) -> list[int]:
        """Numbers of all of its processes, as seen from here."""
        own, found = _numbering(self.first), []
        for place in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if _numbering(int(place.name)) == own:
                    found.append(int(place.name))
        return found

    def signal(self, number: int) -> None:
        """Send a signal to all of its processes."""
        for process in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def kill(self, *, unplugged: bool = False) -> None:
        """End all of its processes at once.

        Args:
            unplugged: pull its cable first, as a power failure does: nobody hears that its connections end.
        """
        if unplugged:
            self.unplug()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.first, signal.SIGKILL)
        if self._outer:
            self._outer.kill()
            self._outer.wait()
            for stream in (self._outer.stdin, self._outer.stdout):
                with contextlib.suppress(BrokenPipeError):
                    if stream:
                        stream.close()

    def unplug(self) -> None:
        """Pull its cable."""
        _ip(f"link set {self._cable} down", check=False)

    @property
    def _cable(self) -> str:
        return f"cable-{self.number}"

    def _environment(self, variables: Mapping[str, object]) -> dict[str, str]:
        found = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        return {**found, "PYTHONPATH": path, NODE: self.name} | {key: str(one) for key, one in variables.items()}

    def _until_there(self) -> None:
        assert self._outer and self._outer.stdout
        if self._outer.stdout.readline() != "there\n":
            raise RuntimeError(f"{self.name} could not be made; see {self.log}: {self.log.read_text()[-500:]}")
        number = self._outer.pid
        self.first = int(Path(f"/proc/{number}/task/{number}/children").read_text().split()[0])

    def _connect(self) -> None:
        """Its hardware address stays, so nobody talks to that of the one before."""
        _ip(f"link del {self._cable}", check=False)
        mine = f"name net0 address 02:00:00:00:00:{self.number:02x} netns {self.first}"
        _ip(f"link add {self._cable} type veth peer {mine}")
        _ip(f"link set {self._cable} master bridge up")
        for what in (f"addr add {self.address}/24 dev net0", "link set net0 up", "link set lo up"):
            subprocess.run(["nsenter", "-t", str(self.first), "--net", "ip", *what.split()], check=True)


def _ip(line: str, *, check: bool = True) -> None:
    said = subprocess.run(["ip", *line.split()], capture_output=True, text=True, check=False)
    if check and said.returncode:
        raise RuntimeError(f"ip {line}: {said.stderr.strip()}")


def _numbering(process: int) -> int:
    return Path(f"/proc/{process}/ns/pid").stat().st_ino


def _as_root() -> list[str]:
    return [] if os.geteuid() == 0 else ["--map-root-user"]


def until(condition: object, within_s: float, what: str) -> None:
    """Wait for a condition.

    Raises:
        RuntimeError: it does not come.
    """
    deadline = time.monotonic() + within_s
    while not condition():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not come within {within_s:g} s")
        time.sleep(0.05)
