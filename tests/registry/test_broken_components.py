"""What an author reads of a component that is broken on purpose: which promise, what was received, what to do."""

import re
from typing import Annotated, NamedTuple

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.linear_model import LogisticRegression

from registry.checks.backbones import try_backbone
from registry.checks.datasets import try_dataset
from registry.checks.heads import try_head
from registry.checks.segmenters import try_segmenter
from registry.checks.voters import try_voter
from registry.contracts import Sample
from registry.options import Range

pytestmark = pytest.mark.conformance


def network(image_shape, *rest):
    """A network of these layers, over convolutions."""
    images = keras.Input(image_shape)
    tensor = layers.Conv2D(2, 3, strides=8)(images)
    for layer in rest:
        tensor = layer(tensor)
    return keras.Model(images, tensor, name="net")


def with_lambda(image_shape):
    return network(image_shape, layers.Lambda(lambda tensor: 2 * tensor))


def flat(image_shape):
    return network(image_shape, layers.Flatten())


@keras.saving.register_keras_serializable("tests.broken")
class Subclassed(keras.Model):
    """Has no Input."""


def no_input(image_shape):
    return Subclassed()


def unseeded(image_shape):
    kernel = np.random.default_rng().normal(size=(1, 1, 2, 2))
    return network(image_shape, layers.Conv2D(2, 1, kernel_initializer=keras.initializers.Constant(kernel)))


def infinite(image_shape):
    return network(image_shape, layers.Rescaling(0.0), layers.Rescaling(float("inf")))


def raises(image_shape):
    raise RuntimeError("the moon is in\nthe wrong phase")


def no_default(image_shape, *, filters: int):
    return network(image_shape)


def poor_default(image_shape, *, filters: Annotated[int, Range(8, 64)] = 4):
    return network(image_shape)


def softmax(feature_shape, num_classes):
    return keras.Sequential(
        [keras.Input(feature_shape), layers.GlobalAveragePooling2D(), layers.Dense(num_classes, "softmax")]
    )


class Unanswering:
    """Learns, and cannot be asked."""

    def fit(self, features, targets):
        return self


def no_predict(feature_shape, num_classes):
    return Unanswering()


ONE = LogisticRegression()


def shared(feature_shape, num_classes):
    return ONE


def unbounded(image_shape):
    return keras.Sequential(
        [keras.Input(image_shape), layers.Conv2D(1, 1, bias_initializer=keras.initializers.Constant(9.0))]
    )


class Coin:
    """Votes by chance."""

    def fit(self, probabilities, targets):
        return self

    def predict_proba(self, probabilities):
        return np.tensordot(np.random.dirichlet(np.ones(len(probabilities))), probabilities, axes=1)


def random_voter():
    return Coin()


def grey():
    return np.zeros((8, 8), np.uint8)


def grey_as_float():
    return np.zeros((8, 8))


class Films(NamedTuple):
    """Four films."""

    fault: str
    name: str = "films"
    labels: tuple = ("a", "b")
    licence: str = ""
    origin: str = ""
    notices: tuple = ()

    def samples(self):
        reader = {"dtype": grey_as_float, "pickle": lambda: grey()}.get(self.fault, grey)
        for number in range(4):
            label = "c" if self.fault == "label" else self.labels[number % 2]
            yield Sample("film" if self.fault == "ids" else f"film-{number}", label, None, f"{number}", reader)


class Unlabelled:
    """Does not say its labels."""

    name = licence = origin = ""
    notices = ()

    def samples(self):
        return []


def films(fault):
    return lambda root=None: Unlabelled() if fault == "none" else Films(fault)


BUILT = "it is built, as a keras.Model that knows its Input and its outputs, or with predict()"
BROKEN = [
    (
        try_backbone,
        with_lambda,
        "Networks",
        "it survives saving in safe mode: 'net' does not survive saving as .keras in safe mode (Requested the"
        " deserialization of a `Lambda` layer whose `function` is a Python lambda); no Lambda layers, and "
        "register own layers with keras.saving.register_keras_serializable",
    ),
    (
        try_backbone,
        flat,
        "Networks",
        "it gives a feature map (B, h, w, C), and at most one more, a finer one: feature maps are (B, h, w, "
        "C), received (4, 128); end before pooling or flattening, which heads do",
    ),
    (
        try_backbone,
        no_input,
        "Networks",
        f"{BUILT}: a network is a functional or Sequential keras.Model with an Input, received a Subclassed "
        "that does not know its outputs before it is called; build it as keras.Model(inputs, outputs)",
    ),
    (
        try_backbone,
        unseeded,
        "Networks",
        "equal seeds give equal weights: two calls after the same keras.utils.set_random_seed() gave other "
        "weights; initialise by Keras alone",
    ),
    (
        try_backbone,
        infinite,
        "Networks",
        "its features of images in [0, 1] are finite numbers: features of images in [0, 1] hold NaN or "
        "infinity, expected finite numbers; look for divisions, logarithms or roots of 0",
    ),
    (
        try_backbone,
        raises,
        "Networks",
        f"{BUILT}: raised RuntimeError: the moon is in (HERE)",
    ),
    (
        try_backbone,
        no_default,
        "Options",
        "every option has an annotation, and a default that fits it: option 'filters' of no_default needs an "
        "annotation and a default",
    ),
    (
        try_backbone,
        poor_default,
        "Options",
        "every option has an annotation, and a default that fits it: a default is no value that its option "
        "takes: option 'filters' of poor_default lies in [8, 64], received 4",
    ),
    (
        try_head,
        softmax,
        "Networks",
        "its logits are finite, and no probabilities: a head gives logits, received probabilities; leave the "
        "softmax out",
    ),
    (
        try_head,
        no_predict,
        "Heads that are no networks",
        "it is built for any number of classes, as a network or with fit() and predict(): a head is a "
        "keras.Model or has fit() and predict(), received an Unanswering",
    ),
    (
        try_head,
        shared,
        "Heads that are no networks",
        "it is built for any number of classes, as a network or with fit() and predict(): the factory makes a"
        " new head at each call, received the same; build it inside the factory",
    ),
    (
        try_segmenter,
        unbounded,
        "Networks",
        "lung probabilities lie in [0, 1]: its lung probabilities reach from NUMBER to NUMBER, expected 0 to "
        "1; end in a sigmoid",
    ),
    (
        try_voter,
        random_voter,
        "Voters",
        "nothing in it is random: fitted twice on the same members it answered otherwise; leave randomness out",
    ),
    (
        try_dataset,
        films("ids"),
        "Datasets",
        "every sample has an id of its own: sample ids are unique; 3 of 4 are repeated, such as 'film'; a "
        "file's path makes a good one",
    ),
    (
        try_dataset,
        films("pickle"),
        "Datasets",
        "samples can be pickled: sample 'film-0' cannot be pickled (Can't pickle local object "
        "'Films.samples.<locals>.<lambda>'); readers are functools.partial of module-level functions",
    ),
    (
        try_dataset,
        films("dtype"),
        "Datasets",
        "images are uint8 or uint16 (H, W): the image of sample 'film-0' is uint8 (H, W), received float64 (8, 8)",
    ),
    (
        try_dataset,
        films("label"),
        "Datasets",
        "every sample has one of the labels: sample 'film-0' has label 'c', which is none of ('a', 'b'); name"
        " it among labels",
    ),
    (
        try_dataset,
        films("none"),
        "Datasets",
        "it is built, with all that a Dataset has: lacks an attribute or method of a Dataset: labels",
    ),
]


@pytest.mark.parametrize(("attempt", "factory", "where", "line"), BROKEN)
def test_a_broken_component_is_told_in_one_line_what_it_did_and_what_to_do(attempt, factory, where, line):
    promises = attempt(factory, {})
    first = next(promise for promise in promises if promise.kept is False)
    told = first.text()
    told = re.sub(r"\(/.*test_broken_components\.py:\d+\)", "(HERE)", told)
    told = re.sub(r"from -?[\d.]+ to -?[\d.]+", "from NUMBER to NUMBER", told)
    told = told.replace("get local object", "pickle local object")  # as newer versions of Python say it
    assert told == f"BROKEN   {line} [registry/README.md, {where}]"
    assert "\n" not in told


def test_what_does_not_rest_on_the_broken_promise_is_tried_all_the_same():
    kept = {promise.name: promise.kept for promise in try_backbone(flat, {})}
    assert kept["equal seeds give equal weights"] and kept["it survives saving in safe mode"]
    assert kept["it learns: one training step changes its weights"] is None
