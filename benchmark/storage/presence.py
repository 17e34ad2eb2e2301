"""Which commands use a folder, on whatever machine: each leaves a mark in it, a sign of life among others.

<folder>/marks/<name>.<counter>     see `benchmark.storage.leases`
"""

import contextlib
import time
from collections.abc import Callable

from benchmark.storage.disk import Disk, still_s
from benchmark.storage.leases import HeldError, Sign, take, unchanged_s

LOOK_EVERY_S = 0.2


def marked(disk: Disk, marks: str, name: str) -> Sign:
    """A mark; whoever leaves one ends it.

    Raises:
        OSError: it cannot be written.
    """
    while True:  # whoever ends the last one removes the folder
        try:
            disk.note(f"{marks}/{name}.0")
        except FileNotFoundError:
            with contextlib.suppress(FileExistsError):
                disk.make(marks)
        else:
            return Sign(disk, marks, name)


def living(disk: Disk, marks: str, leases: str, own: str, ended: Callable[[str], bool]) -> str:
    """Where somebody besides us shows that he lives; empty where all are silent, whose signs are then gone.

    A sign is looked at until it changes, or has not for so long (`benchmark.storage.disk.still_s`).

    Args:
        own: the name that our lease bears.
        ended: whether the process of a name certainly is no more.
    """
    first: dict[str, str] | None = None
    while True:
        now = _signs(disk, marks, leases, own)
        first = now if first is None else first
        for place, state in now.items():
            if first.get(place) != state:
                return f"{place}.{state.rpartition('.')[2]}" if place.startswith(marks) else f"{place}/{state}"
        if all(ended(_whose(state)) or unchanged_s(disk, place, state) >= still_s() for place, state in now.items()):
            break
        time.sleep(min(LOOK_EVERY_S, still_s() / 20))
    for place, state in now.items():
        if place.startswith(marks):
            disk.delete(f"{marks}/{state}")
            continue
        with contextlib.suppress(HeldError):
            take(disk, place, own, ended).end()
    return ""


def _signs(disk: Disk, marks: str, leases: str, own: str) -> dict[str, str]:
    """Place -> state of each sign but ours."""
    found = {f"{marks}/{_whose(state)}": state for state in disk.names(marks)}
    for lease in disk.names(leases):
        for state in disk.names(f"{leases}/{lease}"):
            found[f"{leases}/{lease}"] = state
    return {place: state for place, state in found.items() if _whose(state) != own}


def _whose(state: str) -> str:
    return state.rpartition(".")[0]
