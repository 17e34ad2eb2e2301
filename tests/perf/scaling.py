"""One part of `tests.perf.scale`, in a process of its own: ``python -m tests.perf.scaling PART PLACE COUNT [MORE]``."""

import sys
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmark.records.ledger import FOLDER, SCHEMA, SUFFIX, Ledger, Line, Opening, entries, times_scored
from benchmark.storage.files import encode, sealed

TEST = "7" * 64
MOST = 200_000  # phantoms that the dataset draws


@contextmanager
def told(what: str) -> Any:
    """Says on standard error how long something took."""
    started, before = time.perf_counter(), time.process_time()
    yield
    spent = time.perf_counter() - started, time.process_time() - before
    sys.stderr.write(f"{what}: {spent[0]:.2f} s, {spent[1]:.2f} s of processor time\n")


def ledger(place: Path, lines: int, files: int) -> None:
    """Ledgers of commands that each made as many runs, one after the other; then another command adds a run."""
    folder = place / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    heads: dict[str, str] = {}
    with told(f"{files} files of {lines // files} lines written"):
        for number in range(files):
            name = f"20260101T{number:06d}Z-00000000{SUFFIX}"
            opening = sealed(Opening(SCHEMA, "2026-01-01", dict(heads)))
            written, last = [encode(opening)], opening.seal
            for place_of in range(lines // files):
                line = sealed(Line(f"run-{number}-{place_of}", "ok", "1" * 64, last, TEST))
                written.append(encode(line))
                last = line.seal
            (folder / name).write_bytes(b"\n".join(written) + b"\n")
            heads[name] = last
    size = sum(path.stat().st_size for path in folder.iterdir())
    with told(f"all read ({size / 1e6:.1f} MB)"):
        known = entries(place)
    with told("times scored"):
        times_scored(known, TEST)
    with told("a run added by another command"):
        Ledger(place).add("another", "ok", "2" * 64)


def plan(place: Path, runs: int) -> None:
    """Runs that differ in seed and head planned on an empty cache, put into a schedule, and taken to its end."""
    from benchmark.planning.runs import plan_runs
    from benchmark.planning.schedule import Schedule
    from benchmark.storage.cache import Store
    from benchmark.storage.code import CodeIndex
    from tests.specs import spec, summary
    from tests.workers import Plain

    store = Store(place / "empty")
    with told(f"{runs} runs planned"):
        planned = plan_runs(
            [spec(seed=seed) for seed in range(runs)], summary(), Plain(), store, place / "none", CodeIndex(place)
        )
    steps = {key: step for run in planned for key, step in run.missing.items()}
    steps |= {run.plan.key: run.plan.record for run in planned}
    with told(f"{len(steps)} steps scheduled"):
        schedule = Schedule(steps, lambda step: 1.0)
    with told("each begun and ended"):
        while step := schedule.next(0.0):
            schedule.end(step.key)


def images(place: Path, count: int) -> None:
    """A dataset drawn by code, of which no image is drawn: summed up as planning does, and divided."""
    from benchmark.data import summary
    from benchmark.data.samples import read_dataset
    from benchmark.data.splits import fold_of, split
    from benchmark.tasks.spec import DatasetChoice

    choice = DatasetChoice("phantom", None, {"count": min(count, MOST)})
    dataset, some, options = read_dataset(choice)
    with told(f"{count} samples listed"):
        samples = [
            replace(one, id=f"{part}-{one.id}", group=f"{part}-{one.group}")
            for part in range(-(-count // MOST))
            for one in some[: count - part * MOST]
        ]
    summary.read_dataset = lambda choice: (dataset, samples, options)  # no dataset of ours draws as many
    with told("summed up"):
        summary.summarise(choice, 0, place / "cache", lambda done, total: None)
    labels, sources = [one.label for one in samples], [one.source for one in samples]
    groups = [one.group for one in samples]
    with told("divided once"):
        split(labels, sources, groups, fractions=(0.6, 0.15, 0.25), seed=0, grouping="group")
    with told("divided into five folds"):
        fold_of(labels, sources, groups, folds=5, seed=0)


def nodes(place: Path, count: int) -> None:
    """So many machines at work in one cache, each with a mark and a lease: signs of life, and who looks at them."""
    from benchmark.storage.cache import Store
    from benchmark.storage.disk import DISK
    from benchmark.storage.leases import take
    from benchmark.storage.presence import marked
    from registry.errors import StorageError

    store = Store(place)
    names = [f"node{number}-0000beef-{number + 2}-00000000" for number in range(count)]
    with told(f"{count} marks and leases put"):
        signs = [marked(DISK, f"{place}/marks", name) for name in names]
        (place / "leases").mkdir()
        for number, name in enumerate(names):
            signs.append(take(DISK, f"{place}/leases/fit-{number:064x}", name, lambda whose: False))
    with told("all renewed once"):
        for sign in signs:
            sign.renew()
    with told("asked who builds each"):
        for number in range(count):
            store.others("fit", f"{number:064x}")
    with told("refused to be alone"), suppress(StorageError), store.alone():
        pass
    for sign in signs:
        sign.end()


PARTS: dict[str, Callable[..., None]] = {"ledger": ledger, "plan": plan, "images": images, "nodes": nodes}

if __name__ == "__main__":
    _, part, where, *sizes = sys.argv
    PARTS[part](Path(where), *map(int, sizes))
