"""(c) Preparation of a folder of films against the loop that everybody writes, on one core."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from benchmark.data.image import ALIAS_FREE
from benchmark.data.prepare import prepare
from benchmark.execution.process import ALLOCATOR
from registry.datasets.folder import folder
from tests.perf.films import draw, write
from tests.perf.timing import Line, interleaved, ratio, seconds

COUNT = 600
# Kind and pixels of the files, pixels of what is prepared from them; the published database has 299.
SETTINGS = (("jpg", 224, 224), ("png", 299, 256), ("jpg", 299, 224), ("png", 299, 224))
LOOP = (
    "theirs: `cv2.imread`, `resize`, `equalizeHist` in a loop on one core, kept in an array; ours with the memory "
    "settings of our workers"
)
AREAS = f"; to shrink by more than {ALIAS_FREE}, ours averages over areas, and `cv2.resize` at its default does not"
REPEATS = 5
SHARE = 0.9  # of what as many loops as there are cores would do


def measure(place: Path, told: Callable[[str], None]) -> list[Line]:
    """Films a second, of JPEG and of PNG files; and what a loop per core does, in processes of their own."""
    films = draw(COUNT, told)
    lines = []
    for kind, pixels, size in SETTINGS:
        root = place / f"{kind}-{pixels}-{size}"
        paths = write(films, root, size=pixels, suffix=f".{kind}")
        what = f"preparation of {kind.upper()} files from {pixels} to {size} pixels"
        lines += _lines(what, LOOP + AREAS * (pixels > ALIAS_FREE * size), root, paths, size, told)
    return lines


def _lines(
    what: str, note: str, root: Path, paths: Sequence[str], size: int, told: Callable[[str], None]
) -> list[Line]:
    cores = len(os.sched_getaffinity(0))
    spent: list[tuple[float, float]] = []
    cv2.setNumThreads(1)
    with _worker(root, size) as worker:

        def ours() -> float:
            wall_s, processor_s = _asked(worker)
            spent.append((processor_s, _processor_s(lambda: loop(paths, size))))
            return COUNT / wall_s

        def theirs() -> float:
            return COUNT / seconds(lambda: loop(paths, size))

        def averaging() -> float:
            return COUNT / seconds(lambda: loop(paths, size, cv2.INTER_AREA))

        pairs = interleaved(REPEATS, ours, theirs, told)
        beside = interleaved(REPEATS, lambda: side_by_side(root, size, cores), theirs, told)
        lines = [
            ratio("c", f"{what}, {cores} cores", "images/s", pairs, ">=", SHARE * cores, note),
            ratio("c", f"for comparison: {cores} such loops in processes of their own", "images/s", beside, ">=", None),
            ratio("c", "for comparison: processor time of all films", "s", spent, "<=", None),
        ]
        if AREAS in note:
            alike = interleaved(REPEATS, ours, averaging, told)
            lines.append(ratio("c", "for comparison: a loop that averages over areas", "images/s", alike, ">=", None))
    return lines


@contextmanager
def _worker(root: Path, size: int) -> Iterator["subprocess.Popen[str]"]:
    """A process with the memory settings of our workers, which prepares a folder at each word."""
    command = [sys.executable, "-m", "tests.perf.preparation", str(root), str(size), "ours"]
    environment = {**os.environ, **ALLOCATOR}
    one = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        _asked(one)  # what is loaded at the first time does not count
        yield one
    finally:
        one.kill()
        one.communicate()


def _asked(one: "subprocess.Popen[str]") -> tuple[float, float]:
    assert one.stdin and one.stdout
    one.stdin.write("go\n")
    one.stdin.flush()
    wall_s, processor_s = map(float, one.stdout.readline().split())
    return wall_s, processor_s


def _processor_s(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _serve(root: Path, size: int) -> None:
    """Prepares a folder for each line that is read, and prints wall and processor seconds."""
    samples, out = folder(root).samples(), root.with_name(f"{root.name}-prepared")
    for _ in sys.stdin:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        used, started = time.process_time(), time.perf_counter()
        prepared(samples, out, size)
        print(time.perf_counter() - started, time.process_time() - used, flush=True)


def prepared(samples: Sequence, out: Path, size: int) -> None:
    """The artefact of the stage, all of it."""
    cores = len(os.sched_getaffinity(0))
    prepare(samples, out, size=size, equalise="histogram", skip_bad=False, workers=cores, progress=lambda *_: None)


def loop(paths: Sequence[str], size: int, interpolation: int = cv2.INTER_LINEAR) -> np.ndarray:
    """uint8 (N, size, size), as a script of ten lines makes them."""
    images = np.empty((len(paths), size, size), np.uint8)
    for position, path in enumerate(paths):
        image = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
        images[position] = cv2.equalizeHist(cv2.resize(image, (size, size), interpolation=interpolation))
    return images


def side_by_side(root: Path, size: int, cores: int) -> float:
    """Images a second of a loop per core, each over all files; imports do not count."""
    command = [sys.executable, "-m", "tests.perf.preparation", str(root), str(size)]
    loops = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(cores)]
    for one in loops:
        assert one.stdin and one.stdout
        one.stdout.readline()  # it has imported what it needs
    for one in loops:
        one.stdin.write("go\n")  # type: ignore[union-attr]
        one.stdin.flush()  # type: ignore[union-attr]
    rates = [COUNT / float(one.communicate()[0]) for one in loops]
    return sum(rates)


def main(root: str, size: str) -> None:
    """One loop, which waits for a word before it starts; prints its seconds."""
    cv2.setNumThreads(1)
    paths = [sample.paths[0] for sample in folder(root).samples()]
    print("ready", flush=True)
    sys.stdin.readline()
    print(seconds(lambda: loop(paths, int(size))))


if __name__ == "__main__":
    root, size, *whose = sys.argv[1:]
    if whose:
        _serve(Path(root), int(size))
    else:
        main(root, size)
