"""What a component must be.  Shapes: B batch, H and W pixels, h and w cells, C channels, K classes.

kind        factory                                      product
dataset     (root, **options)                            `Dataset`
segmenter   (image_shape, **options)                     keras.Model (B,H,W,1) in [0,1] -> (B,H,W,1) lung probability,
                                                         or an untrained `MaskPredictor`
backbone    (image_shape, **options)                     keras.Model (B,H,W,1) in [0,1] -> (B,h,w,C) features; a second
                                                         output (B,h',w',C'), finer, is the map to explain on
head        (feature_shape, num_classes, **options)      keras.Model (B,h,w,C) -> (B,K) logits, K >= 2,
                                                         or a `Classifier` over pooled features (N,C)
voter       (**options)                                  `Voter`

`image_shape` is (H, W, 1) and `feature_shape` is (h, w, C); either may hold None for H, W, h, w.
Options are keyword-only, with annotations and defaults (see `registry.options`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np

KINDS = ("dataset", "segmenter", "backbone", "head", "voter")
GROUPS = {kind: f"cxr_bench.{kind}s" for kind in KINDS}


def no_mask() -> None:
    """The `read_mask` of a sample without a mask."""
    return


@dataclass(frozen=True, slots=True)
class Sample:
    """One X-ray; picklable, so its readers are module-level functions or `functools.partial` of them.

    Attributes:
        id: unique in its dataset, stable between versions of the data.
        label: what the dataset says, one of `Dataset.labels`.
        source: hospital or collection the image comes from; None where unknown.
        group: images that must stay on one side of a split (one patient) share it; unique otherwise.
        read_image: gives uint8 (H, W), 0 black; raises `DataError` for a file that is no image.
        read_mask: gives bool (H, W) of the lungs, of any size, or None where there is no mask.
        read_lesion: gives bool (H, W) of the finding, or None where it is unknown.
        mask_maker: who or what drew the mask; None where there is no mask.
        paths: the files that the readers open, in a fixed order; their bytes enter the dataset's digest.
    """

    id: str
    label: str
    source: str | None
    group: str
    read_image: "Callable[[], np.ndarray]"
    read_mask: "Callable[[], np.ndarray | None]" = no_mask
    read_lesion: "Callable[[], np.ndarray | None]" = no_mask
    mask_maker: str | None = None
    paths: tuple[str, ...] = ()


@runtime_checkable
class Dataset(Protocol):
    """A labelled collection of X-rays.

    Attributes:
        name: as in tables.
        labels: every label, in the order of the dataset's own documentation.
        licence: terms of use, one line.
        origin: where the images come from, one line.
        notices: lines that belong under every table made with it (may be empty).
    """

    name: str
    labels: tuple[str, ...]
    licence: str
    origin: str
    notices: tuple[str, ...]

    def samples(self) -> Iterable[Sample]:
        """Every sample, in a fixed order.  Must not decode images."""
        ...


@runtime_checkable
class MaskPredictor(Protocol):
    """A segmenter that is not trained."""

    def predict(self, images: "np.ndarray") -> "np.ndarray":
        """Lung masks bool (B, H, W) of images float32 (B, H, W, 1) in [0, 1]."""
        ...


@runtime_checkable
class Classifier(Protocol):
    """A head that is no network: scikit-learn's interface over pooled features.

    One of ``predict_proba``, ``decision_function`` or ``predict`` answers, the first that there is.  A ``fit`` that
    names `sample_weight`, `eval_set` or `sample_weight_eval_set` is given them (xgboost's words for early stopping).
    Parameters called ``random_state`` are set to the run's seed.
    """

    def fit(self, features: "np.ndarray", targets: "np.ndarray") -> "Classifier":
        """Learn from float32 (N, C) and class indices (N,)."""
        ...

    def predict(self, features: "np.ndarray") -> "np.ndarray":
        """Class indices (N,)."""
        ...


@runtime_checkable
class Voter(Protocol):
    """Combines the class probabilities of M members, at equal class shares.

    A member that knows only whether an image is of class k enters with its probability p in column k and
    (1 - p) / (K - 1) in the others.
    """

    def fit(self, probabilities: "np.ndarray", targets: "np.ndarray") -> "Voter":
        """Learn from (M, N, K) probabilities in [0, 1] and (N,) integer targets; returns itself.

        A class may have no image among them.
        """
        ...

    def predict_proba(self, probabilities: "np.ndarray") -> "np.ndarray":
        """Class probabilities (N, K) of members' probabilities (M, N, K)."""
        ...
