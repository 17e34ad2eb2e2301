"""Rules that a pipeline must beat, judged as a pipeline is: what may explain its score without any disease.

``majority`` answers the largest class, ``source-oracle`` knows the source alone.  The others learn, see
`benchmark.models.control_rules`, from what files say (``metadata``), from grey levels of the image as it was read
(``grey-histogram``), from the rim of the prepared image (``border``), from 8×8 cells of it (``thumbnail-8x8``), or from
the shape of a segmenter's masks (``mask-shape(unet)``).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmark.data import control_views as views
from benchmark.data.originals import load_originals
from benchmark.data.targets import check_classes, class_targets
from benchmark.evaluation import curves
from benchmark.evaluation.controls import MAJORITY, ORACLE, control_shares, judge_controls
from benchmark.models.control_rules import learn
from benchmark.records.calibration import CalibrationInfo
from benchmark.records.estimate import Estimate
from benchmark.records.findings import Findings, Rule
from benchmark.records.metrics import UNCALIBRATED
from benchmark.stages.predictions import data_prior
from benchmark.stages.reading import Reader
from benchmark.stages.score import PREDICTIONS, prepared_images, scored, split_info, write_curves, write_findings

if TYPE_CHECKING:
    from benchmark.stages.context import Context

OUTPUTS = ("corrected_logits", "probabilities")


class Judged(NamedTuple):
    """What a rule is made of, what it is worth on the test subset, and its outputs (N, K) for all images."""

    rule: Rule
    metrics: dict[str, Estimate]
    corrected_logits: np.ndarray
    probabilities: np.ndarray


def build(context: "Context", folder: Path) -> None:
    """Write ``findings.json`` (see `Findings`), ``predictions.npz`` and ``curves.json``.

    In ``predictions.npz``, of the n images outside the training subset: ids, groups, targets and subsets (n,), and of
    each rule ``corrected_logits@RULE`` and ``probabilities@RULE`` (n, K), as of a run.
    """
    run = Reader(context)
    targets = class_targets(run.prepared.labels, run.spec.classes)
    check_classes(targets, run.subsets, run.spec.classes)
    found = {} if "masks" in run.artefacts else _of_shares(run, targets)
    seen = list(_views(run))
    for done, (name, sees, features) in enumerate(seen):
        context.progress({"done": done, "total": len(seen)})
        found[name] = _learnt(run, targets, sees, features)
    write_findings(
        Findings(
            split=split_info(run),
            **prepared_images(run),
            metrics={},
            controls={name: one.metrics for name, one in found.items()},
            confusion=[],
            calibration=CalibrationInfo(),
            rules={name: one.rule for name, one in found.items()},
        ),
        folder,
    )
    _write_predictions(run, targets, found, folder)
    test = run.subsets == "test"
    outputs = {
        name: curves.Outputs(one.corrected_logits[test], one.probabilities[test])
        for name, one in found.items()
        if name != MAJORITY  # whose one answer has no curve
    }
    if outputs:
        write_curves(run.spec, targets[test], outputs, run.prepared.groups[test], folder)


def _write_predictions(run: Reader, targets: np.ndarray, found: dict[str, Judged], folder: Path) -> None:
    rows = run.rows("validation", "calibration", "test")
    outputs = {f"{kind}@{name}": getattr(one, kind)[rows] for name, one in found.items() for kind in OUTPUTS}
    np.savez_compressed(
        folder / PREDICTIONS,
        ids=run.prepared.ids[rows],
        groups=run.prepared.groups[rows],
        targets=targets[rows],
        subsets=run.subsets[rows],
        **outputs,
    )


def _of_shares(run: Reader, targets: np.ndarray) -> dict[str, Judged]:
    """The rules that answer with class priors of the training images, of all or of the same source."""
    train, sources = run.subsets == "train", list(run.prepared.sources)
    every = np.ones(len(targets), bool)
    shares = control_shares(len(run.spec.classes), targets, sources, train, every)
    found = {MAJORITY: _majority(run, targets, shares[MAJORITY])}
    if ORACLE in shares:
        found[ORACLE] = _judged(run, targets, np.log(shares[ORACLE]), data_prior(run), Rule("the source"))
    return found


def _majority(run: Reader, targets: np.ndarray, shares: np.ndarray) -> Judged:
    """Decided at the data's class prior, because at equal shares it has no answer."""
    spec, test = run.spec, run.subsets == "test"
    metrics = judge_controls(
        list(spec.classes), spec.positive, targets[test], {MAJORITY: shares[test]}, run.prepared.groups[test],
        spec.seed, spec.resamples,
    )  # fmt: skip
    return Judged(Rule("nothing"), metrics[MAJORITY], np.log(shares), shares)


def _views(run: Reader) -> Iterator[tuple[str, str, np.ndarray]]:
    """Rules that learn: name, what it sees in words, and that as numbers (N, C)."""
    images, frames, spec = run.prepared.images, run.prepared.frames, run.spec
    if "masks" in run.artefacts:
        masks = run.masks(np.arange(len(images)))
        assert masks is not None
        yield spec.rule, f"masks at {views.MASK_SIDE}×{views.MASK_SIDE}", views.mask_shape(masks, frames)
        return
    originals = load_originals(run.artefacts["originals"]).of(run.prepared.ids)
    known = views.metadata(originals)
    if known:
        yield "metadata", ", ".join(known[1]), known[0]
    bins = originals.histograms.shape[1]
    yield "grey-histogram", f"{bins} grey levels of the image as read", originals.histograms
    rings, side = views.BORDER_RINGS, views.BORDER_SIDE
    yield "border", f"outer {rings} rings of {side}×{side}", views.border(images, frames)
    side = views.THUMBNAIL_SIDE
    yield f"thumbnail-{side}x{side}", f"image at {side}×{side}", views.thumbnail(images, frames)


def _learnt(run: Reader, targets: np.ndarray, sees: str, features: np.ndarray) -> Judged:
    count = len(run.spec.classes)
    learnt = learn(features, targets, run.subsets == "train", run.subsets == "validation", count)
    return _judged(run, targets, learnt.logits, [1 / count] * count, Rule(sees, learnt.learner, learnt.losses))


def _judged(run: Reader, targets: np.ndarray, logits: np.ndarray, prior: list[float], rule: Rule) -> Judged:
    """As any pipeline: calibrated on the calibration subset, decided at equal class priors.

    Args:
        prior: (K,) class prior that the logits (N, K) refer to.
    """
    scores = scored(run, targets, logits, prior)
    metrics = {name: one for name, one in scores.metrics.items() if not name.endswith(UNCALIBRATED)}
    return Judged(rule, metrics, scores.corrected_logits, scores.probabilities)
