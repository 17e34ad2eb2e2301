"""What control rules reach on synthetic radiographs with and without a shortcut, and what maps that never look reach.

`python -m tests.simulations.control_views [--data DIR]`: with a folder of X-rays, the maps are on their lung masks.
"""

import argparse

import cv2
import numpy as np

from benchmark.data.control_views import border, mask_shape, thumbnail
from benchmark.data.image import equaliser, prepare_image
from benchmark.data.originals import grey_histogram
from benchmark.data.samples import open_dataset
from benchmark.data.splits import split
from benchmark.evaluation.localisation import at_resolution, localisation, relative_enrichment
from benchmark.evaluation.scoring import score
from benchmark.models.control_rules import learn
from benchmark.tasks.spec import DatasetChoice

SIZE, SIDAK = 64, 2.49 / 1.96  # of four views, 95 % together


def views_of(samples):
    """View -> features (n, C)."""
    images = [sample.read_image() for sample in samples]
    prepared = np.stack([prepare_image(image, SIZE, equaliser("histogram")) for image in images])
    return {
        "grey-histogram": np.stack([grey_histogram(image) for image in images]),
        "border": border(prepared),
        "thumbnail-8x8": thumbnail(prepared),
        "mask-shape": mask_shape(np.stack([sample.read_mask() for sample in samples])),
    }


def phantoms(shortcut, count):
    """One line for each view."""
    options = {"count": count, "size": SIZE, "difficulty": 0.5, "shortcut": shortcut}
    _, samples, _ = open_dataset(DatasetChoice("phantom", options=options), 0)
    targets = np.array([sample.label == "COVID" for sample in samples]).astype(int)
    groups = [sample.group for sample in samples]
    facts = [sample.label for sample in samples], [sample.source for sample in samples], groups
    ids = [sample.id for sample in samples]
    subsets = np.array(split(*facts, fractions=(0.6, 0.15, 0.25), seed=0, grouping="group", ids=ids))
    shares = np.bincount(targets[subsets == "train"]) / (subsets == "train").sum()
    for name, features in views_of(samples).items():
        learnt = learn(features, targets, subsets == "train", subsets == "validation", 2)
        found = score(
            classes=["rest", "COVID"], positive="COVID", targets=targets, logits=learnt.logits, subsets=subsets,
            groups=np.array(groups), data_prior=shares.tolist(), batch_prior=[0.5, 0.5], seed=0, resamples=500,
        ).metrics["balanced-accuracy"]  # fmt: skip
        low, high = (found.value + SIDAK * (bound - found.value) for bound in (found.low, found.high))
        print(
            f"shortcut {shortcut:g} {name:14s} {found.value:.3f} [{low:.3f}, {high:.3f}]  {learnt.learner}", flush=True
        )


def maps(choice, limit=300):
    """Enrichment and relative enrichment, by label, of blobs times noise and of the images' own masks."""
    generator = np.random.default_rng(0)
    _, samples, _ = open_dataset(choice, 0)
    known = [(sample.label, mask) for sample in samples if (mask := sample.read_mask()) is not None]
    labels = np.array([label for label, _ in known])
    kept = np.concatenate([np.flatnonzero(labels == label)[:limit] for label in np.unique(labels)])
    labels = labels[kept]
    lungs = [cv2.resize(known[row][1].view(np.uint8), (96, 96), interpolation=cv2.INTER_NEAREST) > 0 for row in kept]
    regions = np.stack(lungs)
    y, x = np.mgrid[:96, :96] / 95 - 0.5

    def told(name, heat):
        shown = {
            "enrichment": localisation(heat, regions).enrichment,
            "relative": relative_enrichment(heat, regions, labels),
        }
        for statistic, values in shown.items():
            medians = {
                str(label): round(float(np.nanmedian(values[labels == label])), 3) for label in np.unique(labels)
            }
            print(f"{name}: {statistic} {medians}", flush=True)

    for deviation in (0.2, 0.3):
        blob = np.exp(-(x**2 + y**2) / (2 * deviation**2))
        told(
            f"blob of {deviation} times noise",
            np.stack([blob * generator.exponential(size=blob.shape) for _ in labels]),
        )
    for cells in (96, 24, 8):
        told(f"own masks at {cells}×{cells}", at_resolution(regions, (cells, cells)))


def main():
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="folder of X-rays with lung masks")
    parser.add_argument("--count", type=int, default=1200, help="synthetic radiographs")
    asked = parser.parse_args()
    own = DatasetChoice("covid-radiography", asked.data, limit=1500)
    maps(own if asked.data else DatasetChoice("phantom", options={"count": 300, "size": SIZE}))
    for shortcut in (0.0, 1.0):
        phantoms(shortcut, asked.count)


if __name__ == "__main__":
    main()
