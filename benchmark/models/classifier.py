"""The network that learns the classes: augmentation -> backbone -> head, of which the last two are kept."""

from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np

from benchmark.models.augmentation import augmentation
from benchmark.models.runtime import full_precision
from registry.declarations import is_network
from registry.errors import ContractError
from registry.lookup import find
from registry.lookup import load as load_component
from registry.networks.explanation import features

if TYPE_CHECKING:
    from benchmark.tasks.spec import Component, RunSpec


class Assembled(NamedTuple):
    """The trainer's graph, uint8 images (B,H,W,1) -> logits (B,K), and the two models in it that are kept."""

    network: keras.Model
    backbone: keras.Model
    head: keras.Model


def assemble(spec: "RunSpec") -> Assembled:
    """The network of a run as it is trained.

    The precision is the backbone's: images are changed in float32 as they will be predicted from, and the head, which
    costs little, gives logits that are not rounded to the eight bits of a bfloat16.
    """
    size = spec.images.size
    inputs = keras.Input((size, size, 1), dtype="uint8")
    backbone = make_backbone(spec.backbone, size)
    with full_precision():
        change = augmentation(
            flips=spec.augmentation.flips,
            rotation=spec.augmentation.rotation,
            rotated=spec.augmentation.rotated,
            seed=spec.seed,
        )
        head = make_head(spec.trained_head, tuple(backbone.outputs[0].shape[1:]), len(spec.classes))
        unit = keras.layers.Rescaling(1 / 255)
    return Assembled(keras.Model(inputs, head(features(backbone(change(unit(inputs)))))), backbone, head)


def make_head(component: "Component", feature_shape: tuple[int | None, ...], num_classes: int) -> keras.Model:
    """A head as its factory gives it.

    Raises:
        ContractError: it does not give (B, num_classes) logits.
    """
    head = load_component(find("head", component.name))(feature_shape, num_classes, **component.options)
    if not is_network(head) or tuple(head.outputs[0].shape[1:]) != (num_classes,):
        raise ContractError(f"head {component.name!r} does not give (B, {num_classes}) logits; see registry.contracts")
    return head


def made(component: "Component", size: int) -> Any:
    """A backbone as its factory gives it, for images of so many pixels a side: a network or a `FeaturePredictor`."""
    return load_component(find("backbone", component.name))((size, size, 1), **component.options)


def make_backbone(component: "Component", size: int) -> keras.Model:
    """The network that a backbone's factory gives.

    Raises:
        ContractError: it does not end in a feature map.
    """
    return checked_map(component, made(component, size))


def checked_map(component: "Component", backbone: Any) -> keras.Model:
    """A backbone that is a network.

    Raises:
        ContractError: it does not end in a feature map.
    """
    if not is_network(backbone) or len(backbone.outputs[0].shape) != 4:
        raise ContractError(
            f"backbone {component.name!r} does not end in a feature map (B, h, w, C); see registry.contracts"
        )
    return backbone


def cross_entropy() -> keras.losses.Loss:
    """What a classifier minimises."""
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def trainable(model: keras.Model) -> int:
    """Number of trainable parameters."""
    return int(sum(np.prod(weight.shape) for weight in model.trainable_weights))
