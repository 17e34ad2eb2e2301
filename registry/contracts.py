"""What a component must be, and what it may declare beyond its factory.

Shapes: B batch, H and W pixels, h and w cells, C channels, K classes, N images, M members.

kind        factory                                      product
dataset     (root, **options)                            `Dataset`
segmenter   (image_shape, **options)                     network (B,H,W,1) in [0,1] -> (B,H,W,1) lung probability,
                                                         or an untrained `MaskPredictor`
backbone    (image_shape, **options)                     network (B,H,W,1) in [0,1] -> (B,h,w,C) features; a second
                                                         output (B,h',w',C'), finer, is the map to explain on;
                                                         or an untrained `FeaturePredictor`
head        (feature_shape, num_classes, **options)      network (B,h,w,C) -> (B,K) logits, K >= 2,
                                                         or a `Classifier` over pooled features (N,C)
voter       (**options)                                  `Voter`

A factory.  `image_shape` is (H, W, 1); `feature_shape` is (h, w, C), with None for h and w where they are open, as
they are for a `Classifier`.  `root` is the folder of the files; with a default the dataset needs none.  Options are
keyword-only, with annotations and defaults (see `registry.options`); of a file that a text option names, the bytes
count as input.  A segmenter's or head's factory is also called once with its default options, at a small size, to see
what it makes and declares: other options change neither.  What cannot be built raises an error of `registry.errors`.

A network is a functional or Sequential keras.Model with one input; any other object is none.  Equal seeds of Keras
give equal weights.  It trains by gradients and survives saving as ``.keras`` in safe mode: no Lambda layers, and own
layers registered (`keras.saving.register_keras_serializable`) by the factory's module, which is imported before a
saved network is loaded.  A backbone owns its normalisation and its channels: it gets one channel in [0, 1], whatever
it was pretrained with.  Where it has a finer output, its features pass through that alone.

Declarations, each with its default; `registry.declarations` reads them, `registry.checks` checks them:

declaration           stands on                  type            default   what follows
recognises            a dataset's factory        (root) -> int   0         whose folder ``--data`` names: the highest
pretrained            a backbone's factory       {name: number}  {}        how its published weights are trained
untrained             a backbone's factory       bool            False     it makes a `FeaturePredictor`
whole_frame           a `MaskPredictor`          bool            False     nothing is predicted, applied or judged
reads_dataset_masks   a `MaskPredictor`          bool            False     the dataset's masks are used as they are
cxr_bench_sources     a component's module       [file name]     []        these data files count as its code
cxr_bench_libraries   a component's module       [distribution]  []        their versions count as its code

`recognises` takes a folder that exists, decodes no image, and gives 0 (not this dataset), 1 (its layout) or more (its
own names); what it raises is logged and counts as 0.  `pretrained` holds settings of ``[training]``, `learning_rate` or
`epochs`, that take the place of the defaults' (a task file and flags have the last word), unless the option ``weights``
is none.  The names in `cxr_bench_sources` and `cxr_bench_libraries`, of the factory's module or of one that it imports
from its own distribution, are written out, because they are read without running it; those of files are relative to
that one.  A declaration of another type is a `ContractError`, names that are not written out are a `PluginError`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np

KINDS = ("dataset", "segmenter", "backbone", "head", "voter")
GROUPS = {kind: f"cxr_bench.{kind}s" for kind in KINDS}
SOURCES = "cxr_bench_sources"
LIBRARIES = "cxr_bench_libraries"
PARTS = ("train", "validation", "test")  # in which a dataset may come divided
STORABLE = ("numpy", "scipy", "sklearn")  # packages whose types any stored `Classifier` may hold


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
        group: images that must stay on one side of a split (one patient) share it; the `id` where that is unknown.
        read_image: gives uint8 (H, W), 0 black, the same each time, or uint16 as stored where a film has more bits
            than 8; raises `DataError` for a file that is no image.
        read_mask: gives bool (H, W) of the lungs, of any size in the image's proportions, or None where there is no
            mask.
        read_lesion: gives bool (H, W) of the finding, or None where it is unknown.
        read_marks: gives bool (H, W) of lettering and frame burnt into the film, or None where they are unknown.
        part: ``train``, ``validation`` or ``test`` where the dataset comes divided; None where it does not.
        traits: what else is known of it, in words (``view``, ``sex``, ``age`` in years); none by default.
        mask_annotator: who or what drew the mask; None where, and only where, there is none.
        paths: the files that the readers open, in a fixed order; their bytes enter the dataset's digest.  Without
            any, the code of the dataset's module stands for them.
    """

    id: str
    label: str
    source: str | None
    group: str
    read_image: "Callable[[], np.ndarray]"
    read_mask: "Callable[[], np.ndarray | None]" = no_mask
    read_lesion: "Callable[[], np.ndarray | None]" = no_mask
    mask_annotator: str | None = None
    paths: tuple[str, ...] = ()
    read_marks: "Callable[[], np.ndarray | None]" = no_mask
    part: str | None = None
    traits: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PassedOver:
    """Files that a dataset left aside.

    Attributes:
        what: what they have in common, such as ``.txt files`` or ``folder __MACOSX``.
        why: in a few words.
        count: how many files.
        examples: names of some.
    """

    what: str
    why: str
    count: int
    examples: tuple[str, ...] = ()


@runtime_checkable
class Dataset(Protocol):
    """A labelled collection of X-rays.

    Attributes:
        name: as in tables.
        labels: two or more, every one of them printable, in the order of the dataset's own documentation.
        licence: terms of use, one line.
        origin: where the images come from, one line.
        notices: lines that belong under every table made with it (may be empty).

    It may have `passed_over`, a tuple of `PassedOver`: what lay in its folder and was not read; `patients`, in words
    how it knows them, such as ``names such as person3_virus_7``; and `separator`, a text that stands between the
    findings of a label that holds several, sorted, as in ``Effusion|Pneumonia``.
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
    """A segmenter that is not trained.

    It may declare `whole_frame` or `reads_dataset_masks`, not both; of the latter `predict` is never called.
    """

    def predict(self, images: "np.ndarray") -> "np.ndarray":
        """Lung masks bool (B, H, W) of images float32 (B, H, W, 1) in [0, 1], B >= 0; equal ones of equal images."""
        ...


@runtime_checkable
class FeaturePredictor(Protocol):
    """A backbone that is not trained and has no gradient; its factory declares `untrained`.

    Heads on it are classifiers, heat maps are made by occlusion, and nothing is augmented.  It owns its normalisation,
    size and channels, as a network does.  It is made anew wherever it predicts, from equal options; of files that text
    options name, a run keeps copies, which take their place.  `parameters`, where it has that, is how many numbers it
    has learnt; None by default: nobody knows.
    """

    def predict(self, images: "np.ndarray") -> "np.ndarray":
        """Features float32 (B, C) of images float32 (B, H, W, 1) in [0, 1], B >= 0; of each by itself."""
        ...


@runtime_checkable
class Classifier(Protocol):
    """A head that is no network: scikit-learn's interface over pooled features.

    What it has beyond the two methods decides how it is treated; of a scikit-learn Pipeline, what its last step has:

    - ``predict_proba`` (N, K), ``decision_function`` (N, K) or (N,), or ``predict`` answers, the first that there is.
    - A ``fit`` that names `sample_weight` is given weights that balance the classes; for any other, images of the
      rarer classes are repeated.  One that names `eval_set`, or `sample_weight_eval_set` too, is given the validation
      images and their weights, to stop early on: [(features, targets)] and [weights] (XGBoost's words).
    - Parameters (``get_params``) called ``random_state`` are set to the run's seed; nothing else may be random.
    - ``classes_``, the class indices it has learnt, in the order of its columns; by default all K.
    - ``best_iteration``, the round that answers, from 0, where it stopped early; None by default.

    A classifier of XGBoost is stored as such and answers with its margins; a subclass comes back as XGBClassifier.
    Any other is stored by skops: it holds arrays, numbers, texts and types of the `STORABLE` packages or its own.
    What it warns of in ``fit`` is noted in the record; a ValueError means that it refuses the features.
    """

    def fit(self, features: "np.ndarray", targets: "np.ndarray") -> "Classifier":
        """Learn from float32 (N, C) and class indices (N,), which stay as they are; returns itself."""
        ...

    def predict(self, features: "np.ndarray") -> "np.ndarray":
        """Class indices (N,)."""
        ...


@runtime_checkable
class Voter(Protocol):
    """Combines the class probabilities of M members, at equal class priors, image by image; nothing in it is random.

    A member that knows only whether an image is of class k enters with its probability p in column k and
    (1 - p) / (K - 1) in the others.  The factory makes a new voter for every fold of the images to learn from.
    """

    def fit(self, probabilities: "np.ndarray", targets: "np.ndarray") -> "Voter":
        """Learn from (M, N, K) probabilities in [0, 1] and (N,) integer targets; returns itself.

        A class may have no image among them.
        """
        ...

    def predict_proba(self, probabilities: "np.ndarray") -> "np.ndarray":
        """Class probabilities (N, K) of members' probabilities (M, N, K)."""
        ...
