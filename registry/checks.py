"""Does a component keep its kind's contract?  One check per kind, for built-ins and strangers alike.

    from registry.checks import check_backbone

    def test_my_backbone_keeps_the_contract():
        check_backbone(my_backbone, filters=8)

Each check builds the component at a small size and returns nothing; it raises `ContractError` with one line that says
what was promised and what came instead.  See `registry.contracts` for the promises.
"""

import functools
import inspect
import pickle
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from registry.backend import gradient
from registry.contracts import Classifier, MaskPredictor, Sample
from registry.errors import ContractError
from registry.explanation import features, halves
from registry.options import read_options, resolve_options
from registry.segmenters.losses import cross_entropy_dice

IMAGE_SHAPE = (64, 64, 1)
FEATURE_SHAPE = (8, 8, 24)
BATCH = 4
CLASSES = (2, 4)


def _named(check: Callable[..., None]) -> Callable[..., None]:
    """The check, with the component's name in front of its messages."""

    @functools.wraps(check)
    def named(component: Any, **options: Any) -> None:
        try:
            check(component, **options)
        except ContractError as error:
            raise ContractError(f"{getattr(component, '__name__', _kind(component))}: {error}") from error

    return named


def _kind(product: Any) -> str:
    return f"a {type(product).__name__}"


@_named
def check_dataset(dataset: Any, *, read: int = 8) -> None:
    """A dataset's attributes and samples are what `Dataset` and `Sample` promise.

    Args:
        read: how many samples to decode, spread over all of them.
    """
    lacking = [
        name for name in ("name", "labels", "licence", "origin", "notices", "samples") if not hasattr(dataset, name)
    ]
    _expect(not lacking, f"lacks an attribute or method of a Dataset: {', '.join(lacking)}")
    labels = dataset.labels
    _expect(isinstance(labels, tuple) and len(set(labels)) == len(labels) > 0, "labels is a tuple of distinct names")
    samples = list(dataset.samples())
    _expect(bool(samples), f"dataset {dataset.name!r} has no samples")
    for sample in samples:
        _check_fields(sample, labels)
    ids = [sample.id for sample in samples]
    _expect(len(set(ids)) == len(ids), f"sample ids are unique; {len(ids) - len(set(ids))} of {len(ids)} are repeated")
    _expect(ids == [sample.id for sample in dataset.samples()], "samples() has a fixed order; two calls differed")
    for index in np.linspace(0, len(samples) - 1, min(read, len(samples))).astype(int):
        _check_readers(samples[index])


@_named
def check_segmenter(factory: Callable[..., Any], **options: Any) -> None:
    """A segmenter gives lung probabilities and can be trained and saved, or predicts masks untrained."""
    product = _build(factory, (IMAGE_SHAPE,), options)
    images = _images()
    if not isinstance(product, keras.Model):
        _check_predictor(product, images)
        return
    _check_shape(product, images, (BATCH, *IMAGE_SHAPE[:2], 1), "lung probabilities (B, H, W, 1)")
    probability = _call(product, images)
    _expect(bool(np.all((probability >= 0) & (probability <= 1))), "lung probabilities lie in [0, 1]; end in a sigmoid")
    _check_seed(product, factory, (IMAGE_SHAPE,), options)
    _check_training(product, images, (images > 0.5).astype(np.float32), cross_entropy_dice)
    _check_saving(product, images)


@_named
def check_backbone(factory: Callable[..., Any], **options: Any) -> None:
    """A backbone gives a feature map, trains, survives saving, and can be explained."""
    backbone = _build(factory, (IMAGE_SHAPE,), options)
    _expect(isinstance(backbone, keras.Model), f"a backbone is a keras.Model, received {_kind(backbone)}")
    images = _images()
    outputs = backbone(images, training=False)
    maps = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    _expect(len(maps) <= 2, f"a backbone has one output, or a second, finer map; received {len(maps)}")
    for tensor in maps:
        shape = tuple(tensor.shape)
        _expect(len(shape) == 4 and shape[0] == BATCH, f"feature maps are (B, h, w, C), received {shape}")
        _expect(bool(np.isfinite(_array(tensor)).all()), "features of images in [0, 1] are finite")
    if len(maps) == 2:
        sides = [tuple(tensor.shape[1:3]) for tensor in maps]
        _expect(sides[1][0] > sides[0][0], f"the second output is the finer map, received {sides[1]} after {sides[0]}")
    _check_explanation(backbone, images)
    _check_seed(backbone, factory, (IMAGE_SHAPE,), options)
    pooled = keras.layers.GlobalAveragePooling2D()(features(backbone.outputs))
    classifier = keras.Model(backbone.input, keras.layers.Dense(2)(pooled))
    _check_training(classifier, images, np.arange(BATCH) % 2, _cross_entropy())
    _check_saving(backbone, images)


@_named
def check_head(factory: Callable[..., Any], **options: Any) -> None:
    """A head gives logits for any number of classes and passes gradients on, or is a `Classifier`."""
    for classes in CLASSES:
        head = _build(factory, (FEATURE_SHAPE, classes), options)
        if not isinstance(head, keras.Model):
            _check_classifier(factory, classes, options)
            continue
        tensor = _features()
        _check_shape(head, tensor, (BATCH, classes), f"logits (B, {classes})")
        logits = _call(head, tensor)
        summed = np.allclose(logits.sum(axis=1), 1, atol=1e-3) and bool((logits >= 0).all())
        _expect(not summed, "a head gives logits, received probabilities; leave the softmax out")
        _, slope = gradient(lambda inputs, head=head: head(inputs, training=False)[:, 0], tensor)
        _expect(bool(np.any(slope != 0)), "the logits depend on the features, received a gradient of zero")
        _check_seed(head, factory, (FEATURE_SHAPE, classes), options)
        _check_training(head, tensor, np.arange(BATCH) % classes, _cross_entropy())
        _check_saving(head, tensor)


@_named
def check_voter(factory: Callable[..., Any], **options: Any) -> None:
    """A voter fits on members' probabilities and gives probabilities, image by image, each time the same."""
    rng = np.random.default_rng(0)
    for members, classes in ((1, 2), (3, 2), (5, 4)):
        probabilities = rng.dirichlet(np.ones(classes), (members, 40))
        if classes > 2:
            probabilities[0] = _one_against_all(probabilities[0, :, :1], classes)
        _check_voter(factory, options, probabilities, np.arange(40) % max(classes - 1, 2))  # one class has no image


def _build(factory: Callable[..., Any], arguments: tuple, options: dict[str, Any]) -> Any:
    name = getattr(factory, "__name__", repr(factory))
    keras.utils.set_random_seed(7)
    return factory(*arguments, **resolve_options(name, read_options(factory), options))


def _expect(kept: bool, promise: str) -> None:
    if not kept:
        raise ContractError(promise)


def _array(tensor: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(tensor), np.float32)


def _call(model: keras.Model, inputs: np.ndarray) -> np.ndarray:
    return _array(features(model(inputs, training=False)))


def _images() -> np.ndarray:
    return np.random.default_rng(0).random((BATCH, *IMAGE_SHAPE), np.float32)


def _features() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(BATCH, *FEATURE_SHAPE)).astype(np.float32)


def _cross_entropy() -> keras.losses.Loss:
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def _check_shape(model: keras.Model, inputs: np.ndarray, shape: tuple[int, ...], what: str) -> None:
    output = model(inputs, training=False)
    received = tuple(output.shape) if hasattr(output, "shape") else f"{len(output)} outputs"
    _expect(received == shape, f"{model.name!r} gives {what}, {shape} here; received {received}")


def _check_seed(product: keras.Model, factory: Callable[..., Any], arguments: tuple, options: dict[str, Any]) -> None:
    """Of a product of `_build` that nothing has trained yet."""
    again = _build(factory, arguments, options)
    same = all(np.array_equal(a, b) for a, b in zip(product.get_weights(), again.get_weights(), strict=True))
    _expect(same, "equal seeds give equal weights (keras.utils.set_random_seed); initialise by Keras alone")


def _check_training(model: keras.Model, inputs: np.ndarray, targets: np.ndarray, loss: Any) -> None:
    before = [_array(weight) for weight in model.trainable_weights]
    model.compile(keras.optimizers.SGD(0.1), loss, run_eagerly=True)
    value = float(np.asarray(model.train_on_batch(inputs, targets)))
    _expect(np.isfinite(value), f"one training step gives a finite loss, received {value}")
    moved = [not np.array_equal(a, _array(b)) for a, b in zip(before, model.trainable_weights, strict=True)]
    _expect(not moved or any(moved), "one training step changes weights, received the same")


def _check_saving(model: keras.Model, inputs: np.ndarray) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        try:
            model.save(path)
            loaded = keras.saving.load_model(path, compile=False, safe_mode=True)
        except Exception as error:
            line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ContractError(
                f"{model.name!r} does not survive saving as .keras in safe mode ({line}); no Lambda layers, and "
                "register own layers with keras.saving.register_keras_serializable"
            ) from error
        same = np.allclose(_call(model, inputs), _call(loaded, inputs), rtol=1e-4, atol=1e-5)
    _expect(same, f"{model.name!r} predicts the same after saving and loading, received something else")


def _check_explanation(backbone: keras.Model, images: np.ndarray) -> None:
    to_map, to_features = halves(backbone)
    tensor = to_map(images)
    same = np.allclose(_array(to_features(tensor)), _call(backbone, images), rtol=1e-4, atol=1e-4)
    _expect(same, "the features pass through the finer map; going on from it gave others")
    _, slope = gradient(lambda inputs: ops.square(to_features(inputs)), tensor)
    _expect(bool(np.any(slope != 0)), "gradients reach the map to explain on, received zero")


def _check_predictor(product: Any, images: np.ndarray) -> None:
    _expect(
        isinstance(product, MaskPredictor), f"a segmenter is a keras.Model or has predict(), received {_kind(product)}"
    )
    if getattr(product, "reads_dataset_masks", False):
        return
    masks = product.predict(images)
    shape = getattr(masks, "shape", None)
    _expect(shape == images.shape[:3], f"masks are (B, H, W), {images.shape[:3]} here; received {shape}")
    _expect(masks.dtype == bool, f"masks are bool, received {masks.dtype}")
    _expect(product.predict(images[:0]).shape == (0, *images.shape[1:3]), "no images give no masks")
    _expect(bool(np.array_equal(masks, product.predict(images))), "equal images give equal masks")


def _check_classifier(factory: Callable[..., Any], classes: int, options: dict[str, Any]) -> None:
    """It learns what any classifier could, answers for every class, and does so again for the same seed."""
    targets = np.arange(20 * classes) % classes
    pooled = np.random.default_rng(2).normal(size=(len(targets), FEATURE_SHAPE[-1])).astype(np.float32)
    pooled[np.arange(len(targets)), targets] += 4
    before, answers = pooled.copy(), []
    for _ in range(2):
        head = _build(factory, (FEATURE_SHAPE, classes), options)
        _expect(isinstance(head, Classifier), f"a head is a keras.Model or has fit() and predict(), got {_kind(head)}")
        _expect(head.fit(pooled, targets, **_fit_extras(head, pooled, targets)) is head, "fit returns the head itself")
        answers.append(_check_answer(head, pooled, classes))
    _expect(bool(np.array_equal(*answers)), "equal random_state gives equal answers, received others")
    _expect(bool((before == pooled).all()), "a head leaves the features as they are")


def _fit_extras(head: Any, pooled: np.ndarray, targets: np.ndarray) -> dict[str, Any]:
    """Seeds the head; what its fit names of the further things that it is given."""
    if hasattr(head, "get_params"):
        seeded = [name for name in head.get_params() if name.rpartition("__")[2] == "random_state"]
        head.set_params(**dict.fromkeys(seeded, 7))
    weights = np.ones(len(targets))
    given = {
        "sample_weight": weights,
        "eval_set": [(pooled[::2], targets[::2])],
        "sample_weight_eval_set": [weights[::2]],
    }
    named = inspect.signature(head.fit).parameters
    return {name: value for name, value in given.items() if name in named}


def _check_answer(head: Any, pooled: np.ndarray, classes: int) -> np.ndarray:
    """The answer that is read: probabilities, else scores, else classes."""
    if hasattr(head, "predict_proba"):
        answer = head.predict_proba(pooled)
        _check_probabilities(answer, (len(pooled), classes))
    elif hasattr(head, "decision_function"):
        answer = np.asarray(head.decision_function(pooled))
        shape = (len(pooled),) if classes == 2 and answer.ndim == 1 else (len(pooled), classes)
        _expect(answer.shape == shape, f"decision_function gives {shape} here; received {answer.shape}")
        _expect(bool(np.isfinite(answer).all()), "decision_function gives finite numbers")
    else:
        answer = np.asarray(head.predict(pooled))
        inside = answer.shape == (len(pooled),) and bool(np.isin(answer, np.arange(classes)).all())
        _expect(inside, f"predict gives class indices (N,) below {classes}, received {answer.shape}: {answer[:3]}")
    return np.asarray(answer)


def _one_against_all(probability: np.ndarray, classes: int) -> np.ndarray:
    """(N, K) of a member that knows the first class alone, from its (N, 1)."""
    return np.hstack([probability, np.repeat((1 - probability) / (classes - 1), classes - 1, axis=1)])


def _check_voter(
    factory: Callable[..., Any], options: dict[str, Any], probabilities: np.ndarray, targets: np.ndarray
) -> None:
    before, answers = probabilities.copy(), []
    for _ in range(2):
        voter = _build(factory, (), options)
        for method in ("fit", "predict_proba"):
            _expect(callable(getattr(voter, method, None)), f"a voter has {method}(), received {_kind(voter)}")
        _expect(voter.fit(probabilities, targets) is voter, "a voter's fit returns the voter itself")
        answers.append(voter.predict_proba(probabilities))
        _check_probabilities(answers[-1], probabilities.shape[1:])
    _expect(bool(np.array_equal(*answers)), "a voter fitted on the same members answers the same, received others")
    few = voter.predict_proba(probabilities[:, 7:12])
    _check_probabilities(few, (5, probabilities.shape[2]))
    _expect(np.allclose(few, answers[0][7:12], atol=1e-6), "what a voter says of an image depends on that image alone")
    _expect(bool((before == probabilities).all()), "a voter leaves its members' probabilities as they are")


def _check_probabilities(given: Any, shape: tuple[int, int]) -> None:
    received = getattr(given, "shape", None)
    _expect(received == shape, f"predict_proba gives (N, K), {shape} here; received {received}")
    inside = bool(np.all((given >= 0) & (given <= 1))) and np.allclose(given.sum(axis=1), 1, atol=1e-4)
    _expect(inside, "class probabilities lie in [0, 1] and sum to 1")


def _check_fields(sample: Any, labels: Sequence[str]) -> None:
    _expect(isinstance(sample, Sample), f"samples() gives Sample, received {_kind(sample)}")
    _expect(sample.label in labels, f"sample {sample.id!r} has label {sample.label!r}, which is none of {labels}")
    for field in ("id", "group"):
        value = getattr(sample, field)
        _expect(isinstance(value, str) and bool(value), f"a sample's {field} is a text, received {value!r}")
    _expect(
        sample.source is None or isinstance(sample.source, str), f"sample {sample.id!r} has a source that is no text"
    )


def _check_readers(sample: Sample) -> None:
    try:
        copy = pickle.loads(pickle.dumps(sample))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ContractError(
            f"sample {sample.id!r} cannot be pickled ({error}); readers are functools.partial of module-level functions"
        ) from error
    image = copy.read_image()
    _check_array(image, np.uint8, f"image of sample {sample.id!r}")
    _expect(bool(np.array_equal(image, sample.read_image())), f"sample {sample.id!r} reads the same image twice")
    masks: Iterable[tuple[str, Any]] = (("mask", copy.read_mask()), ("lesion", copy.read_lesion()))
    for what, mask in masks:
        if mask is not None:
            _check_array(mask, np.bool_, f"{what} of sample {sample.id!r}")


def _check_array(array: Any, kind: type, what: str) -> None:
    fits = isinstance(array, np.ndarray) and array.dtype == kind and array.ndim == 2 and array.size > 0
    received = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else _kind(array)
    _expect(fits, f"the {what} is {np.dtype(kind).name} (H, W), received {received}")
