"""What trainings on few images come to, and what is said of them: balanced accuracy of pooled, calibrated decisions.

    python -m tests.simulations.small_trainings [--data DIR] [--seeds 0,1,2,3,4] [--only N,...] [--jobs N]

For each case one `bench run --quick --folds 4`; then the median and the worst of the seeds, raw and calibrated, and how
many trainings have which note.  `--data` is a folder of some 180 radiographs; without it that case is left out.  About
an hour and a half on two quick cores; what is in the cache is not trained again.
"""

import argparse
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from benchmark.records.files import scan
from benchmark.records.record import Record

SEPCNN = ("--backbone", "sepcnn", "--head", "dense")
XCEPTION = ("--backbone", "xception", "--head", "sepconv")
OWN = "sample, whole frame"


def _phantoms(count: int) -> tuple[str, str]:
    return "--dataset", f"phantom[count={count},size=64,difficulty=0.5,shortcut=0]"


CASES: Mapping[str, tuple[str, ...]] = {
    OWN: ("--segmenter", "none", *SEPCNN),
    "180 phantoms, masked": ("--segmenter", "dataset", *SEPCNN, *_phantoms(180)),
    "180 phantoms, whole frame": ("--segmenter", "none", *SEPCNN, *_phantoms(180)),
    "400 phantoms, masked": ("--segmenter", "dataset", *SEPCNN, *_phantoms(400)),
    "400 phantoms, whole frame": ("--segmenter", "none", *SEPCNN, *_phantoms(400)),
    "1,200 phantoms behind a U-Net, sepcnn": ("--segmenter", "unet", *SEPCNN, *_phantoms(1200)),
    "1,200 phantoms behind a U-Net, xception": ("--segmenter", "unet", *XCEPTION, *_phantoms(1200)),
}


class Found(NamedTuple):
    """Of one case, all seeds: scores of the pooled folds, and the notes of every training."""

    calibrated: list[float]
    raw: list[float]
    dice: list[float]
    notes: Counter[str]
    trainings: int


def main() -> int:
    """Run the cases one after another; gives 0 where every command ended well."""
    asked = _arguments()
    codes = []
    for place, (name, flags) in enumerate(CASES.items()):
        if str(place) not in asked.only.split(",") or (name == OWN and not asked.data):
            continue
        data = ("--data", str(asked.data)) if name == OWN else ()
        results = asked.output / str(place)
        line = ("run", "--task", "binary", "--quick", "--folds", "4", "--seeds", asked.seeds, "--jobs", asked.jobs)
        line += (*flags, *data)
        codes.append(subprocess.call([sys.executable, "-m", "benchmark", *line, "-o", str(results)], stdout=sys.stderr))
        print("\n".join(_told(name, _found(results))), flush=True)
    return max(codes, default=0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, metavar="DIR")
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--only", default=",".join(map(str, range(len(CASES)))), help="of the cases, by number")
    parser.add_argument("--jobs", default="1", help="workers side by side, see bench run")
    parser.add_argument("-o", "--output", type=Path, default=Path("small-trainings"), metavar="DIR")
    return parser.parse_args()


def _found(results: Path) -> Found:
    records = [record for _, record in scan(results) if isinstance(record, Record) and record.status == "ok"]
    pooled, folds = ([one for one in records if (one.fold is None) is whole] for whole in (True, False))
    return Found(
        list(_values(pooled, "balanced-accuracy")),
        list(_values(pooled, "balanced-accuracy@uncalibrated")),
        [one.masks["dice"].value for one in folds if one.masks.get("dice") and one.masks["dice"].value is not None],
        Counter(note.partition(":")[0] for one in folds for note in one.notes),
        len(folds),
    )


def _values(records: list[Record], metric: str) -> Iterator[float]:
    found = (record.metrics[metric].value for record in records if metric in record.metrics)
    yield from (value for value in found if value is not None)


def _told(name: str, found: Found) -> Iterator[str]:
    for words, values in (("calibrated", found.calibrated), ("raw", found.raw), ("Dice of the folds", found.dice)):
        if values:
            yield f"{name}: {words} median {statistics.median(values):.3f}, worst {min(values):.3f}, n = {len(values)}"
    for note, count in found.notes.items():
        yield f"{name}: {count} of {found.trainings} trainings: {note}"


if __name__ == "__main__":
    sys.exit(main())
