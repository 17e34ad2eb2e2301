"""Heads: logits of a feature map, or a classifier over pooled features."""

from collections.abc import Callable
from typing import Any

import numpy as np

from registry.backend import gradient
from registry.checks.building import BATCH, CLASSES, DECLARED, FEATURE_SHAPE, MAY_DECLARE, build, check_same_kind
from registry.checks.classifiers import CLASSIFIER
from registry.checks.promises import Findings, Promise, Trial, Watch, check_given, expect, silent, try_all
from registry.checks.training import (
    call,
    check_finite,
    check_saving,
    check_seed,
    check_shape,
    check_training,
    cross_entropy,
    maps,
)
from registry.declarations import is_classical
from registry.networks.explanation import features


def try_head(factory: Callable[..., Any], options: dict[str, Any], watch: Watch = silent) -> list[Promise]:
    """What a head keeps of its contract."""
    check_given(factory, options)
    found = Findings(factory=factory, given=options)
    promises = try_all(HEAD, found, watch)
    further = () if "classical" not in vars(found) else CLASSIFIER if found.classical else HEAD_NETWORK
    return promises + try_all(further, found, watch)


def _build(found: Findings) -> None:
    heads = {classes: build(found.factory, (FEATURE_SHAPE, classes), found.options) for classes in CLASSES}
    kinds = {is_classical(head) for head in heads.values()}
    distinct = len({id(head) for head in heads.values()}) == len(heads)
    expect(distinct, "the factory makes a new head at each call, received the same; build it inside the factory")
    expect(len(kinds) == 1, "a head is a network, or none, for every number of classes, received one and the other")
    found.heads, (found.classical,) = heads, kinds


def _same(found: Findings) -> None:
    _ = found.heads
    check_same_kind(found.factory, (FEATURE_SHAPE, CLASSES[0]), found.options, is_classical)


def _logits(found: Findings) -> None:
    for classes, head in found.heads.items():
        check_shape(head, maps(), (BATCH, classes), f"logits (B, {classes})")
    found.logits = {classes: call(head, maps()) for classes, head in found.heads.items()}


def _no_probabilities(found: Findings) -> None:
    for logits in found.logits.values():
        check_finite(logits, "logits")
        summed = np.allclose(logits.sum(axis=1), 1, atol=1e-3) and bool((logits >= 0).all())
        expect(not summed, "a head gives logits, received probabilities; leave the softmax out")


def _passes_gradients(found: Findings) -> None:
    for head in found.heads.values():
        _, slope = gradient(lambda inputs, head=head: features(head(inputs, training=False))[:, 0], maps())
        expect(bool(np.any(slope != 0)), "the logits depend on the features, received a gradient of zero")


def _seed(found: Findings) -> None:
    for classes, head in found.heads.items():
        check_seed(head, found.factory, (FEATURE_SHAPE, classes), found.options)


def _training(found: Findings) -> None:
    for classes in found.logits:
        check_training(found.heads[classes], maps(), np.arange(BATCH) % classes, cross_entropy())


def _saving(found: Findings) -> None:
    for head in found.heads.values():
        check_saving(head, maps())


HEAD = (
    *DECLARED,
    Trial(
        "it is built for any number of classes, as a network or with fit() and predict()",
        "Heads that are no networks",
        _build,
    ),
    Trial("it is a network, or none, with all options", MAY_DECLARE, _same),
)
HEAD_NETWORK = (
    Trial("it gives one logit per class (B, K)", "Networks", _logits),
    Trial("its logits are finite, and no probabilities", "Networks", _no_probabilities),
    Trial("the logits depend on the features", "Networks", _passes_gradients),
    Trial("equal seeds give equal weights", "Networks", _seed),
    Trial("it learns: one training step changes its weights", "Networks", _training),
    Trial("it survives saving in safe mode", "Networks", _saving),
)
