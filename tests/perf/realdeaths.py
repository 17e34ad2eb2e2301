"""`bench run` and `bench tune` on tiny trainings, --deterministic, while machines die: see `tests.perf.deaths`.

What they leave must be what the same line leaves where nothing dies: records but for costs, predictions, and the scores
of the trials to the last bit.  Every training must go on at its last checkpoint: whoever looks at the cache all the
time sees the number of the newest never fall.
"""

import glob
import json
import random
import re
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

from benchmark.storage.disk import STILL
from tests.perf.clusters import KINDS
from tests.perf.engines import differing
from tests.perf.tuner_kills import TASK

STILL_S = 6.0
PAUSE_S = {"ray": (3.0, 25.0), "none": (3.0, 20.0)}
SHARED = "--task {place}/tiny.toml --full --deterministic --set training.epochs=8"
RUN = f"bench run {SHARED} --seeds 0,1 --set split.folds=2 -o {{place}}/results"
TUNE = f"bench tune {SHARED} --tuner random --trials 3 --results {{place}}/results"
SPENT = "/files/spec.json/"  # which has how long the search took; all else of it is in the record too
CHECKPOINT = re.compile(r"partial/(?P<stage>[^/]+)/(?P<key>[0-9a-f]+)[^/]*/epoch-(?P<epoch>\d{4})$")


def kills(engine: str, base: Path, count: int, rng: random.Random) -> str:
    """So many kills, in as many rounds as that takes; gives what did not hold, empty if all did."""
    from tests.perf.deaths import struck

    place, done, rounds = base / "real", 0, 0
    machines = KINDS[engine](base, {"BENCH_CACHE": place / "cache", STILL: STILL_S})
    calm: tuple[dict[str, Any], list[Any]] | None = None
    while done < count:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        (place / "tiny.toml").write_text(TASK)
        machines.begin(line(place, machines.engine))
        with Furthest(place / "cache") as furthest:
            blows = struck(machines, count - done, PAUSE_S[engine], rng) if calm else []
            ends = machines.ends()
            if again := any(ends):
                print(f"again: {ends}, {machines.why()}", flush=True)
                machines.begin(line(place, machines.engine))
                ends = machines.ends()
        found = left(place)
        wrong = f"exit statuses {ends}: {machines.why()}" if any(ends) else furthest.fell
        wrong = wrong or (unlike(calm, found) if calm else "")
        if wrong or (calm and not blows):
            return wrong or "nothing was killed"
        calm, done, rounds = calm or found, done + len(blows), rounds + 1
        print(
            f"{done} kills, round {rounds}, again {again}, {len(found[0])} records, {len(found[1])} lines", flush=True
        )
    machines.close()
    return ""


def line(place: Path, engine: str) -> list[str]:
    """What is given on each machine, or where the head is."""
    bench = f"{sys.executable} -P -m benchmark"
    held = "" if engine == "none" else f' --engine "{engine}"'
    given = " && ".join(f"{one.format(place=place)}{held}" for one in (RUN, TUNE))
    return ["sh", "-c", given.replace("bench run", f"{bench} run").replace("bench tune", f"{bench} tune")]


def left(place: Path) -> tuple[dict[str, Any], list[Any]]:
    """Records by their folders, and what the ledger of the search says, durations apart."""
    results = place / "results"
    records = {
        str(path.relative_to(results).parent): json.loads(path.read_bytes()) for path in results.rglob("result.json")
    }
    (ledger,) = results.glob("tuning/tiny/*/ledger.jsonl")
    lines = [json.loads(one) for one in ledger.read_text().splitlines()]
    told = [{name: value for name, value in one.items() if name != "duration_s"} for one in lines]
    return records, sorted(told, key=lambda one: (one["event"], one.get("trial", 0)))


def unlike(calm: tuple[dict[str, Any], list[Any]], found: tuple[dict[str, Any], list[Any]]) -> str:
    """What is not as it was where nothing died; empty if all is."""
    paths = {path for path in differing(calm[0], found[0]) if not path.startswith(SPENT)}
    if paths:
        return f"records differ: {sorted(paths)[:20]}"
    return "" if calm[1] == found[1] else f"the search differs: {calm[1]} and {found[1]}"


class Furthest:
    """Looks at all checkpoints until it is left; `fell` says whose newest became an older one."""

    def __init__(self, cache: Path) -> None:
        self.cache, self.fell = cache, ""
        self._known: dict[tuple[str, str], int] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Furthest":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self._known or not self._thread.is_alive():
            self.fell = "no checkpoint was seen"
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.02):
            now: dict[tuple[str, str], int] = {}
            for path in glob.glob(f"{self.cache}/partial/*/*/epoch-????"):  # noqa: PTH207 (of pathlib raises where one goes)
                if found := CHECKPOINT.search(path):
                    which = found["stage"], found["key"]
                    now[which] = max(now.get(which, 0), int(found["epoch"]))
            for which, epoch in now.items():
                if epoch < self._known.get(which, 0):
                    self.fell = f"{which[0]} {which[1][:8]} began again at {epoch} after {self._known[which]}"
                self._known[which] = max(epoch, self._known.get(which, 0))
