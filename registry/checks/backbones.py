"""Backbones: a feature map that can be learnt from, stored and explained."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from registry.backend import gradient
from registry.checks.building import BATCH, DECLARED, IMAGE_SHAPE, MAY_DECLARE, build
from registry.checks.feature_predictors import PREDICTOR
from registry.checks.promises import Findings, Promise, Trial, Watch, check_given, expect, silent, try_all
from registry.checks.training import (
    array,
    check_finite,
    check_saving,
    check_seed,
    check_training,
    cross_entropy,
    images,
)
from registry.declarations import is_feature_predictor, makes_predictor, pretrained_training
from registry.networks.explanation import features, halves


def try_backbone(factory: Callable[..., Any], options: dict[str, Any], watch: Watch = silent) -> list[Promise]:
    """What a backbone keeps of its contract."""
    check_given(factory, options)
    found = Findings(factory=factory, given=options)
    promises = try_all(BACKBONE, found, watch)
    further = PREDICTOR if vars(found).get("untrained") else NETWORK
    return promises + try_all(further, found, watch)


def _build(found: Findings) -> None:
    found.backbone = build(found.factory, (IMAGE_SHAPE,), found.options)
    found.untrained = is_feature_predictor(found.backbone)


def _untrained(found: Findings) -> None:
    declared, made = makes_predictor(found.factory), found.untrained
    expect(
        declared == made,
        f"untrained is {declared} of the factory, which makes {'no network' if made else 'a network'}; "
        f"declare FACTORY.untrained = {made}",
    )


def _maps(found: Findings) -> None:
    outputs = found.backbone(images(), training=False)
    maps = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    expect(len(maps) <= 2, f"a backbone has one output, or a second, finer map; received {len(maps)}")
    for tensor in maps:
        shape = tuple(tensor.shape)
        expect(
            len(shape) == 4 and shape[0] == BATCH,
            f"feature maps are (B, h, w, C), received {shape}; end before pooling or flattening, which heads do",
        )
    if len(maps) == 2:
        sides = [tuple(tensor.shape[1:3]) for tensor in maps]
        expect(sides[1][0] > sides[0][0], f"the second output is the finer map, received {sides[1]} after {sides[0]}")
    found.maps = [array(tensor) for tensor in maps]


def _finite_maps(found: Findings) -> None:
    for values in found.maps:
        check_finite(values, "features of images in [0, 1]")


def _explanation(found: Findings) -> None:
    """Of a backbone whose features of the images are those that were found."""
    maps = found.maps
    to_map, to_features = halves(found.backbone)
    tensor = to_map(images())
    same = np.allclose(array(to_features(tensor)), maps[0], rtol=1e-4, atol=1e-4, equal_nan=True)
    expect(same, "the features pass through the finer map; going on from it gave others")
    _, slope = gradient(lambda inputs: ops.square(to_features(inputs)), tensor)
    expect(bool(np.any(slope != 0)), "gradients reach the map to explain on, received zero")


def _training(found: Findings) -> None:
    backbone, _ = found.backbone, found.maps
    pooled = keras.layers.GlobalAveragePooling2D()(features(backbone.outputs))
    classifier = keras.Model(backbone.input, keras.layers.Dense(2)(pooled))
    check_training(classifier, images(), np.arange(BATCH) % 2, cross_entropy())


def _pretrained(found: Findings) -> None:
    pretrained_training(found.factory)


def _seed(found: Findings) -> None:
    check_seed(found.backbone, found.factory, (IMAGE_SHAPE,), found.options)


def _saving(found: Findings) -> None:
    check_saving(found.backbone, images())


BACKBONE = (
    *DECLARED,
    Trial("pretrained, where it declares it, holds numbers of [training]", MAY_DECLARE, _pretrained),
    Trial("it is built, as a keras.Model that knows its Input and its outputs, or with predict()", "Networks", _build),
    Trial("untrained, where it declares it, says which of the two it is", MAY_DECLARE, _untrained),
)
NETWORK = (
    Trial("it gives a feature map (B, h, w, C), and at most one more, a finer one", "Networks", _maps),
    Trial("its features of images in [0, 1] are finite numbers", "Networks", _finite_maps),
    Trial("heat maps can be drawn: gradients reach the map to explain on", "Networks", _explanation),
    Trial("equal seeds give equal weights", "Networks", _seed),
    Trial("it learns: one training step changes its weights", "Networks", _training),
    Trial("it survives saving in safe mode", "Networks", _saving),
)
