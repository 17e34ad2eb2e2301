"""Machines of `tests.perf.deaths` and the line that they are at: a cluster of Ray, or the same line on each."""

import json
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.perf.namespaces import Namespace, until

PORT = 6379
NONE = "none"  # the engine of those that are given the same line
LONGEST_S = 900.0  # that a line takes after the last kill
RAY = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats"]
RAY += ["--object-store-memory", "100000000"]
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}


class Cluster:
    """A head of Ray without cores, where a line runs, and nodes of one core."""

    def __init__(self, base: Path, variables: dict[str, object], count: int = 2, wait_s: int = 120) -> None:
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}  # on all machines, or none gets in
        self.base, self.variables = base, {**QUIET, **token, **variables}
        self.given = 0  # lines
        self.head = Namespace("head", 1, base)
        self.nodes = [Namespace(name, 2 + place, base, place) for place, name in enumerate(("one", "two")[:count])]
        self.engine = f"ray[address={self.head.address}:{PORT},slots={count},wait={wait_s}]"
        head = ["--head", "--port", str(PORT), "--num-cpus", "0", "--include-dashboard=false"]
        self.head.start([*RAY, *head, f"--node-ip-address={self.head.address}"], self.variables)
        self._until_open()
        for node in self.nodes:
            self.start(node)

    def start(self, node: Namespace) -> None:
        """Switch a node on, again too."""
        line = [*RAY, "--num-cpus", "1", f"--address={self.head.address}:{PORT}", f"--node-ip-address={node.address}"]
        node.start(line, self.variables)

    def begin(self, line: Sequence[str]) -> None:
        """Give the line."""
        self.given += 1
        self.log = self.base / f"driver-{self.given}.log"
        self._command = self.head.command(line, self.variables, self.log)

    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._command.poll() is not None

    def ends(self) -> list[int]:
        """Its exit status."""
        return [self._command.wait(LONGEST_S)]

    def told(self) -> list[dict[str, Any]]:
        """What it said."""
        return said(self.log)

    def failed(self) -> list[dict[str, Any]]:
        """What has failed."""
        return [one for one in self.told() if one.get("status") == "failed"]

    def why(self) -> str:
        """What it said last, or of what failed."""
        return str(self.failed() or self.log.read_text().splitlines()[-1:])

    def close(self) -> None:
        """Switch everything off."""
        for machine in (*self.nodes, self.head):
            machine.kill()

    def _until_open(self) -> None:
        probe = f"import socket; socket.create_connection(('{self.head.address}', {PORT}), 1)"
        until(
            lambda: self.head.command([sys.executable, "-c", probe], {}, Path(os.devnull)).wait() == 0, 90, "the head"
        )


class SameLine:
    """Machines that are given the same line."""

    engine = NONE

    def __init__(self, base: Path, variables: dict[str, object], count: int = 2, wait_s: int = 120) -> None:
        self.base, self.variables = base, variables
        self.nodes = [Namespace(name, 2 + place, base, place) for place, name in enumerate(("one", "two")[:count])]

    def begin(self, line: Sequence[str]) -> None:
        """Give the line on each."""
        self.line = list(line)
        for node in self.nodes:
            node.log.unlink(missing_ok=True)
            self.start(node)

    def start(self, node: Namespace) -> None:
        """Switch a machine on and give it the line."""
        node.start(self.line, self.variables)

    def is_over(self) -> bool:
        """Whether it has ended somewhere."""
        return not all(node.is_on() for node in self.nodes)

    def ends(self) -> list[int]:
        """Exit statuses."""
        return [node.wait(LONGEST_S) for node in self.nodes]

    def told(self) -> list[dict[str, Any]]:
        """What they said."""
        return [one for node in self.nodes for one in said(node.log)]

    def failed(self) -> list[dict[str, Any]]:
        """What has failed."""
        return [one for one in self.told() if one.get("status") == "failed"]

    def why(self) -> str:
        """What they said last, or of what failed."""
        return str(self.failed() or [node.log.read_text().splitlines()[-1:] for node in self.nodes])

    def close(self) -> None:
        """Switch everything off."""
        for node in self.nodes:
            node.kill()


KINDS: dict[str, type[Cluster] | type[SameLine]] = {"ray": Cluster, "none": SameLine}


def said(log: Path) -> list[dict[str, Any]]:
    """The lines of a log that are JSON."""
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
