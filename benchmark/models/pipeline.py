"""A trained pipeline as a function of images: masks, the classifier's view, logits, probabilities, heat maps.

What a stage does for all images of a run is done here for any: the stages that predict call the same functions.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import keras
import numpy as np

from benchmark.data.frames import film_pixels
from benchmark.data.masking import view
from benchmark.evaluation.calibration import Calibration, calibrated
from benchmark.models import answering, classical
from benchmark.models.answering import Answers, Calibrate
from benchmark.models.extractor import Extractor, load_extractor
from benchmark.models.gradcam import grad_cam
from benchmark.models.inference import outputs, unit
from benchmark.models.occlusion import occlusion
from benchmark.models.predictor import joined, load_backbone, load_head
from benchmark.models.segmentation import Segmentation, load_segmentation, make_segmentation
from registry.lookup import find, packages_of

if TYPE_CHECKING:
    from benchmark.tasks.spec import Images, RunSpec

BATCH = 64
GRADIENTS, PATCHES = "Grad-CAM", "occlusion"


class Logits(Protocol):
    """What a classifier sees -> logits."""

    def __call__(self, views: np.ndarray, batch_size: int = BATCH) -> np.ndarray:
        """(n,K) of uint8 (n,H,W), so many images at once."""
        ...


@dataclass(frozen=True)
class Classifier:
    """A trained classifier as a function of what it sees.

    Attributes:
        logits: views uint8 (n,H,W), and how many at once -> (n,K).
        heat: views and classes (n,) -> heat maps (n,h,w) of the log-odds of them, >= 0, not normalised.
        method: how the heat maps are made: ``Grad-CAM``, or ``occlusion`` where there is no gradient.
    """

    logits: Logits
    heat: Callable[[np.ndarray, np.ndarray], np.ndarray]
    method: str


def of_networks(backbone: keras.Model, head: keras.Model, size: int) -> Classifier:
    """The classifier that a backbone and a head are, for images of so many pixels a side."""
    network = joined(backbone, head, size)

    def logits(views: np.ndarray, batch_size: int = BATCH) -> np.ndarray:
        return outputs(network, views[..., None], batch_size)

    return Classifier(logits, lambda views, classes: grad_cam(backbone, head, unit(views), classes), GRADIENTS)


def on_features(extractor: Extractor, learnt: Any, num_classes: int) -> Classifier:
    """The classifier that a backbone's features and a fitted head that is no network are."""

    def logits(views: np.ndarray, batch_size: int = BATCH) -> np.ndarray:
        return classical.logits(learnt, extractor.features(views, batch_size), num_classes)

    return Classifier(logits, lambda views, classes: occlusion(logits, views, classes), PATCHES)


def load_classifier(files: Mapping[str, Path], spec: "RunSpec") -> Classifier:
    """The classifier that a run has trained.

    Args:
        files: of its models, by the names that a run's folder gives them.
    """
    if not spec.classical:
        backbone = load_backbone(files["backbone.keras"], spec)
        return of_networks(backbone, load_head(files["head.keras"], spec), spec.images.size)
    folder = next(path.parent for name, path in files.items() if name.startswith("classifier."))
    own = packages_of(find("head", spec.head.name).distribution)
    return on_features(load_extractor(files, spec), classical.load(folder, own), len(spec.classes))


@dataclass(frozen=True)
class Pipeline:
    """All that a run has learnt, as functions of images.

    Attributes:
        images: how they are prepared and shown: `size` S, `equalise`, `mask`, `fit`.
        segmentation: what draws lung masks; None where the classifier sees the whole frame.
        calibration: logits (n,K) -> corrected logits and probabilities.
        bits: of the run's films of 16 bits a pixel; None where it had none.
    """

    images: "Images"
    segmentation: Segmentation | None
    classifier: Classifier
    calibration: Calibrate
    bits: int | None = None

    def prepare(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Images of any size as the run prepared its own, uint8 (n,S,S).

        Args:
            images: uint8 or uint16 (H,W), 0 black.

        Raises:
            DataError: one is none, or empty.
        """
        return answering.prepare(images, self.images, self.bits)

    def frames(self, images: Sequence[np.ndarray]) -> np.ndarray | None:
        """Where images (H,W) lie when they are prepared, int (n,4), see `data.frames`; None where they fill it."""
        return answering.frames(images, self.images)

    def masks(self, images: np.ndarray, frames: np.ndarray | None = None) -> np.ndarray | None:
        """Lung masks bool (n,S,S) of prepared images; None for the whole frame.

        Args:
            frames: where the films lie in them; None where no bars are beside these.

        Raises:
            ContractError: the run took its masks from its dataset.
        """
        if self.segmentation is None:
            return None
        masks = self.segmentation.masks(images)
        return masks if frames is None else masks & film_pixels(frames, self.images.size)

    def view(self, images: np.ndarray, masks: np.ndarray | None, frames: np.ndarray | None = None) -> np.ndarray:
        """What the classifier sees of prepared images, uint8 (n,S,S); `frames` as for `masks`."""
        return view(images, masks, equalise=self.images.equalise, mask=self.images.mask, frames=frames)

    def answers(self, images: np.ndarray, masks: np.ndarray | None = None, frames: np.ndarray | None = None) -> Answers:
        """What the pipeline makes of prepared images uint8 (n,S,S).

        Args:
            masks: bool (n,S,S), where they are known; by default those that the pipeline draws.
            frames: as for `masks`.
        """
        masks = self.masks(images, frames) if masks is None else masks
        views = self.view(images, masks, frames)
        return answering.answers(masks, views, self.classifier.logits(views), self.calibration)

    def heat(self, views: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Heat maps (n,h,w) of the log-odds of classes (n,), >= 0, not normalised."""
        return self.classifier.heat(views, classes)


def load_pipeline(
    files: Mapping[str, Path],
    spec: "RunSpec",
    calibration: Calibration,
    data_prior: Sequence[float],
    batch_prior: Sequence[float],
    bits: int | None = None,
) -> Pipeline:
    """The pipeline that a run has trained.

    Args:
        files: of its models, by the names that a run's folder gives them: ``backbone.keras`` (of one that is no network
            ``backbone-OPTION.*``, of the files that its options name), ``head.keras`` or ``classifier.*``,
            ``segmenter.keras`` where a segmenter was trained.
        calibration: fitted on the run's validation images.
        data_prior, batch_prior: (K,) class prior of the training data, and those that the logits refer to.
        bits: of the run's films of 16 bits a pixel; None where it had none.
    """
    return Pipeline(
        spec.images,
        load_segmenter(files, spec),
        load_classifier(files, spec),
        partial(calibrated, calibration, data_prior=data_prior, batch_prior=batch_prior),
        bits,
    )


def load_segmenter(files: Mapping[str, Path], spec: "RunSpec") -> Segmentation | None:
    """What draws the lung masks of a run; None where its classifier sees the whole frame."""
    if "segmenter.keras" in files:
        return load_segmentation(files["segmenter.keras"], spec.segmenter.name)
    segmentation = make_segmentation(spec.segmenter, spec.images.size)
    return None if segmentation.whole_frame else segmentation
