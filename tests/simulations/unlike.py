"""How often `bench predict` calls images unlike those that a run learnt from: its own test images, and others.

`python -m tests.simulations.unlike RUN [--elsewhere DIR ...]` draws folders beside each other, asks the command about
each, and prints the share that is warned of.  RUN is the folder of a run whose images can still be read.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import msgspec
import numpy as np
from sklearn.datasets import load_sample_images

from benchmark.data.samples import open_dataset
from benchmark.records.files import FILE, read
from benchmark.tasks.spec import RunSpec

SIDE, DRAWN = 256, 60  # pixels; images of each kind that are no films
LINES = ("Lorem ipsum dolor sit amet", "consetetur sadipscing elitr", "sed diam nonumy eirmod", "0123 4567 89 = 100 %")
TURNED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "own test images": lambda film: film,
    "inverted": lambda film: film.max() - film,
    "upside down": lambda film: film[::-1],
    "on its side": lambda film: np.rot90(film),
    "left for right": lambda film: film[:, ::-1],
}


def films(run: Path) -> Iterator[np.ndarray]:
    """The run's own test images, as its dataset gives them."""
    spec = msgspec.convert(read(run / FILE).spec, RunSpec)
    with np.load(run / "predictions.npz", allow_pickle=False) as stored:
        test = set(stored["ids"][stored["subsets"] == "test"].tolist())
    _, samples, _ = open_dataset(spec.dataset, spec.split.seed)
    yield from (sample.read_image() for sample in samples if sample.id in test)


def photographs(rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Crops of two photographs: a temple, and a flower."""
    whole = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in load_sample_images().images]
    for number in range(DRAWN):
        image, side = whole[number % 2], int(rng.integers(120, 420))
        y, x = rng.integers(0, image.shape[0] - side + 1), rng.integers(0, image.shape[1] - side + 1)
        yield cv2.resize(image[y : y + side, x : x + side], (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def textures(rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Gratings and blurred noise, of several sizes."""
    y, x = np.mgrid[:SIDE, :SIDE]
    for number in range(DRAWN):
        if number % 2:
            angle, length = rng.uniform(0, np.pi), rng.uniform(6, 60)
            grey = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / length)
        else:
            grey = cv2.GaussianBlur(rng.normal(size=(SIDE, SIDE)), None, float(rng.uniform(2, 24)))
        yield cv2.normalize(grey, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def pages(rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Dark letters on white."""
    for _ in range(DRAWN):
        page, step = np.full((SIDE, SIDE), 255, np.uint8), int(rng.integers(10, 26))
        for line in range(step, SIDE, step):
            words = LINES[int(rng.integers(len(LINES)))]
            cv2.putText(page, words, (int(rng.integers(0, 30)), line), cv2.FONT_HERSHEY_SIMPLEX, step / 32, 0, 1)
        yield page


def noise(rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Every pixel by itself."""
    yield from rng.integers(0, 256, (DRAWN, SIDE, SIDE), np.uint8)


DRAWINGS = {"photographs": photographs, "textures": textures, "pages of text": pages, "noise": noise}


def written(folder: Path, images: Iterator[np.ndarray]) -> Path:
    """The images as PNG files."""
    folder.mkdir()
    for number, image in enumerate(images):
        cv2.imwrite(str(folder / f"{number:05d}.png"), image)
    return folder


def asked(folder: Path, run: Path, scratch: Path) -> tuple[int, int]:
    """How many images of a folder are called unlike, and of how many that can be used."""
    words = ("predict", folder, "--run", run.absolute(), "--no-map", "--json", "-o", scratch / "out")
    told = subprocess.run([sys.executable, "-m", "benchmark", *map(str, words)], capture_output=True, check=False)
    usable = [image for image in json.loads(told.stdout)["images"] if not image.get("problem")]
    return sum(image["unlike"] for image in usable), len(usable)


def main() -> None:
    """Print a line for each kind of image."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--elsewhere", type=Path, nargs="*", default=[], metavar="DIR", help="films of other hospitals")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        kinds = {kind: map(turn, films(given.run)) for kind, turn in TURNED.items()}
        kinds |= {kind: draw(np.random.default_rng(7)) for kind, draw in DRAWINGS.items()}
        folders = {kind: written(scratch / kind.replace(" ", "-"), images) for kind, images in kinds.items()}
        for kind, folder in (folders | {f"films of {path}": path for path in given.elsewhere}).items():
            unlike, count = asked(folder, given.run, scratch)
            print(f"{kind:24} {unlike / max(count, 1):5.3f} of {count:,}", flush=True)


if __name__ == "__main__":
    main()
