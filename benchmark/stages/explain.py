"""Where the classifier looks on the test part, and the samples worth showing."""

from pathlib import Path
from typing import TYPE_CHECKING

import keras
import msgspec
import numpy as np

from benchmark.calibration import calibrate, softmax
from benchmark.gradcam import focus, focus_estimates, grad_cam
from benchmark.images import Prepared, load
from benchmark.masking import apply_masks
from benchmark.records import Estimate
from benchmark.stages.fit import batch_prior, data_prior, load_inputs
from benchmark.stages.masks import read_masks

if TYPE_CHECKING:
    from benchmark.context import Context

CHUNK = 256
KINDS = ("surest right", "least sure", "surest wrong")


def build(context: "Context", folder: Path) -> None:
    """Write ``statistics.json`` (name -> estimate) and ``samples.npz`` (the maps to show).

    In ``samples.npz``: rows (n,) into the prepared images, kinds (n,), decided (n,) class indices, probabilities (n,)
    of the decided class at equal class shares, heat (n,h,w) of its evidence.
    """
    inputs = load_inputs(context.artefacts)
    prepared = load(context.artefacts["prepare"])
    models = [
        keras.saving.load_model(context.artefacts["fit"] / f"{name}.keras", compile=False)
        for name in ("backbone", "head")
    ]
    with np.load(context.artefacts["predict"] / "logits.npz", allow_pickle=False) as stored:
        parts, every = stored["parts"], {name: stored[name] for name in ("rows", "targets", "logits")}
    test = parts == "test"
    priors = data_prior(context), batch_prior(context)
    evidence = calibrate(every["logits"], every["targets"], parts == "fit", *priors).evidence
    rows, targets, chances = every["rows"][test], every["targets"][test], softmax(evidence[test])
    maps = []
    for start in range(0, len(rows), CHUNK):
        chunk = slice(start, start + CHUNK)
        maps.append(grad_cam(*models, unit(inputs, rows[chunk]), targets[chunk]))
        context.progress({"done": min(start + CHUNK, len(rows)), "total": len(rows)})
    told = statistics(context, prepared, inputs, rows, targets, np.concatenate(maps))
    (folder / "statistics.json").write_bytes(msgspec.json.encode(told))
    chosen, kinds = choose_samples(targets, chances, len(context.spec.classes))
    decided = chances[chosen].argmax(axis=1)
    np.savez(
        folder / "samples.npz",
        rows=rows[chosen],
        kinds=np.array(kinds, np.str_),
        decided=decided,
        probabilities=chances[chosen, decided],
        heat=grad_cam(*models, unit(inputs, rows[chosen]), decided),
    )


def statistics(
    context: "Context",
    prepared: Prepared,
    inputs: np.ndarray,
    rows: np.ndarray,
    targets: np.ndarray,
    maps: np.ndarray,
) -> dict[str, Estimate]:
    """In-lung and, where lesions are known, in-lesion focus of the maps and of plain brightness, per class."""
    spec = context.spec
    classes = np.array(list(spec.classes))[targets]
    groups = prepared.groups[rows]
    lungs = as_seen(context, lung_masks(context, prepared, rows), rows)
    known = lungs.any(axis=(1, 2))
    told = focus_estimates(focus(maps[known], lungs[known]), classes[known], groups[known], "lung", spec.seed)
    lesions = as_seen(context, prepared.lesions(rows), rows) & lungs
    diseased = prepared.lesion_known[rows] & lesions.any(axis=(1, 2))
    if diseased.any():
        region, frame, where = lesions[diseased], lungs[diseased], (classes[diseased], groups[diseased])
        told |= focus_estimates(focus(maps[diseased], region, within=frame), *where, "lesion", spec.seed)
        # What plain brightness would score: a map that does no better has found nothing.
        plain = focus_estimates(focus(inputs[rows[diseased]], region, within=frame), *where, "brightness", spec.seed)
        told |= {
            name.replace("brightness-", "brightness-lesion-"): one for name, one in plain.items() if "enrich" in name
        }
    return told


def lung_masks(context: "Context", prepared: Prepared, rows: np.ndarray) -> np.ndarray:
    """The dataset's lung masks bool (n,H,W), predicted ones where it has none."""
    lungs = prepared.masks(rows)
    lacking = ~prepared.has_mask[rows]
    if lacking.any() and "masks" in context.artefacts:
        lungs[lacking] = read_masks(context.artefacts["masks"], prepared.size, rows[lacking])
    return lungs


def as_seen(context: "Context", regions: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Regions (n,H,W) of the prepared images where the classifier's inputs have them: moved by a crop."""
    how = context.spec.images.mask
    if how != "crop" or "masks" not in context.artefacts:
        return regions
    masks = read_masks(context.artefacts["masks"], regions.shape[1], rows)
    return apply_masks(regions.astype(np.uint8) * 255, masks, how) > 127


def choose_samples(targets: np.ndarray, chances: np.ndarray, num_classes: int) -> tuple[np.ndarray, list[str]]:
    """Indices of the surest right, the least sure and the surest wrong image of each class, where there is one."""
    decided, certainty = chances.argmax(axis=1), chances.max(axis=1)
    chosen, kinds = [], []
    for k in range(num_classes):
        own = targets == k
        for kind, among, sign in zip(KINDS, (own & (decided == k), own, own & (decided != k)), (1, -1, 1), strict=True):
            if among.any():
                candidates = np.flatnonzero(among)
                chosen.append(int(candidates[np.argmax(sign * certainty[candidates])]))
                kinds.append(kind)
    return np.array(chosen, int), kinds


def unit(inputs: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Images float32 (n,H,W,1) in [0, 1]."""
    return inputs[rows][..., None].astype(np.float32) / 255
