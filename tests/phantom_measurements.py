"""Measures the phantom's radiographs against what was asked of them and prints the table:

python tests/phantom_measurements.py [COUNT [SEEDS]]        BENCH_REAL_DATA=DIR for the comparison with real radiographs
"""

import os
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from registry.datasets.phantom.catalogue import phantom

STATISTICS = ("mean", "contrast", "lung share", "p5", "median", "p95", "entropy", "edges", "asymmetry", "slope")
BORDER, FRAME = 10, 256  # pixels


@dataclass(frozen=True, slots=True)
class Radiographs:
    """All radiographs of one phantom: images and equalised images uint8, masks and lesions bool, (N, H, W) each.

    Masks and lesions are (0, H, W) where only images are looked at.
    """

    images: np.ndarray
    equalised: np.ndarray
    masks: np.ndarray
    lesions: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    sources: np.ndarray


def draw(*, regions: bool = True, **options: object) -> Radiographs:
    samples = list(phantom(None, **options).samples())
    images = np.stack([sample.read_image() for sample in samples])
    none = np.zeros((0, *images.shape[1:]), bool)
    return Radiographs(
        images=images,
        equalised=np.stack([cv2.equalizeHist(image) for image in images]),
        masks=np.stack([sample.read_mask() for sample in samples]) if regions else none,
        lesions=np.stack([sample.read_lesion() for sample in samples]) if regions else none,
        labels=np.array([sample.label for sample in samples]),
        groups=np.array([sample.group for sample in samples]),
        sources=np.array([sample.source for sample in samples]),
    )


def thumbnails(images: np.ndarray) -> np.ndarray:
    """8×8 means, (N, 64)."""
    return np.stack([cv2.resize(image, (8, 8), interpolation=cv2.INTER_AREA).ravel() for image in images]) / 255


def borders(images: np.ndarray) -> np.ndarray:
    """The outer ten pixels of each radiograph at 256, averaged down to the rim of a 32×32 grid."""
    inside = np.s_[:, BORDER:-BORDER, BORDER:-BORDER]
    large = np.stack([cv2.resize(image, (FRAME, FRAME), interpolation=cv2.INTER_LINEAR) for image in images])
    large[inside] = 0
    small = np.stack([cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA) for image in large])
    rim = np.ones((32, 32), bool)
    rim[2:-2, 2:-2] = False
    return small[:, rim] / 255


def linear_score(features: np.ndarray, radiographs: Radiographs) -> float:
    """Balanced accuracy, COVID against the rest, of logistic regression in five folds by patient."""
    targets = radiographs.labels == "COVID"
    guesses = np.zeros(len(targets), bool)
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    for train, test in folds.split(features, targets, radiographs.groups):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000, class_weight="balanced"))
        guesses[test] = model.fit(features[train], targets[train]).predict(features[test])
    return float(balanced_accuracy_score(targets, guesses))


def ten_statistics(image: np.ndarray, mask: np.ndarray | None) -> list[float]:
    """Values of `STATISTICS` for one square radiograph; the lung share of a radiograph without mask is NaN."""
    radiograph = image / 255
    shares = np.bincount(image.ravel(), minlength=256) / image.size
    shares = shares[shares > 0]
    edges = np.hypot(np.diff(radiograph, axis=1)[:-1], np.diff(radiograph, axis=0)[:, :-1])
    return [
        radiograph.mean(),
        radiograph.std(),
        np.nan if mask is None else mask.mean(),
        *np.percentile(radiograph, [5, 50, 95]),
        -(shares * np.log2(shares)).sum(),
        edges.mean(),
        np.abs(radiograph - radiograph[:, ::-1]).mean(),
        _spectrum_slope(radiograph),
    ]


def _spectrum_slope(radiograph: np.ndarray) -> float:
    """Slope of log power against log frequency, from two cycles a frame to the Nyquist frequency."""
    size = len(radiograph)
    window = np.outer(np.hanning(size), np.hanning(size))
    power = np.abs(np.fft.fft2((radiograph - radiograph.mean()) * window)) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size)))
    edges = np.geomspace(2 / size, 0.5, 9)
    rings = [(frequency >= low) & (frequency < high) for low, high in pairwise(edges)]
    rings = [ring for ring in rings if ring.any()]
    x, y = ([np.log(values[ring].mean()) for ring in rings] for values in (frequency, power + 1e-12))
    return float(np.polyfit(x, y, 1)[0])


def real_statistics(folder: Path, size: int) -> np.ndarray:
    """`ten_statistics` of every radiograph below `folder`/*/images, (N, 10)."""
    rows = []
    for path in sorted(folder.glob("*/images/*")):
        image = cv2.resize(_read(path), (size, size), interpolation=cv2.INTER_AREA)
        mask = path.parents[1] / "masks" / path.name
        lungs = cv2.resize(_read(mask), (size, size), interpolation=cv2.INTER_NEAREST) > 127 if mask.is_file() else None
        rows.append(ten_statistics(image, lungs))
    return np.array(rows)


def share_like_real(drawn: np.ndarray, real: np.ndarray, at_least: int = 8) -> float:
    """Share of synthetic radiographs with at least so many statistics within the 5-95 % range of real ones."""
    low, high = np.nanpercentile(real, [5, 95], axis=0)
    return float((((drawn >= low) & (drawn <= high)).sum(axis=1) >= at_least).mean())


def lesion_brightness(radiographs: Radiographs) -> float:
    """Mean over COVID radiographs of the lesion's share of the lungs' brightness, over its share of the lungs."""
    covid = radiographs.labels == "COVID"
    bright, masks, lesions = (
        radiographs.equalised[covid] * radiographs.masks[covid],
        radiographs.masks[covid],
        radiographs.lesions[covid],
    )
    share = (bright * lesions).sum(axis=(1, 2)) / bright.sum(axis=(1, 2))
    return float(np.mean(share / (lesions.sum(axis=(1, 2)) / masks.sum(axis=(1, 2)))))


def _read(path: Path) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)


def _row(seed: int, count: int, real: np.ndarray | None) -> dict[str, float]:
    start = time.process_time()
    radiographs = draw(count=count, seed=seed)
    milliseconds = (time.process_time() - start) / count * 1000
    betrayed = draw(count=count, seed=seed, shortcut=1.0)
    drawn = np.array([ten_statistics(*pair) for pair in zip(radiographs.images, radiographs.masks, strict=True)])
    return {
        "8×8 thumbnail, equalised": linear_score(thumbnails(radiographs.equalised), radiographs),
        "8×8 thumbnail, lungs only": linear_score(thumbnails(radiographs.equalised * radiographs.masks), radiographs),
        "border, equalised": linear_score(borders(radiographs.equalised), radiographs),
        "border, raw": linear_score(borders(radiographs.images), radiographs),
        "border at shortcut 1": linear_score(borders(betrayed.equalised), betrayed),
        "share with 8 of 10 like real": np.nan if real is None else share_like_real(drawn, real),
        "brightness in lesions": lesion_brightness(radiographs),
        "lesion share of lungs": radiographs.lesions[radiographs.labels == "COVID"].sum()
        / radiographs.masks[radiographs.labels == "COVID"].sum(),
        "ms for image, mask, lesion": milliseconds,
    }


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1200
    seeds = [int(seed) for seed in sys.argv[2].split(",")] if len(sys.argv) > 2 else [0, 1, 2]
    folder = os.environ.get("BENCH_REAL_DATA")
    real = real_statistics(Path(folder) / "crd-sample", 64) if folder else None
    rows = [_row(seed, count, real) for seed in seeds]
    print(f"{count} radiographs of 64 pixels; balanced accuracy of COVID against the rest; seeds {seeds}")
    for name in rows[0]:
        values = [row[name] for row in rows]
        print(f"{name:30s} {np.mean(values):6.3f}   {' '.join(f'{value:.3f}' for value in values)}")


if __name__ == "__main__":
    main()
