"""The checks of segmenters, backbones and heads, for tests and scripts."""

from collections.abc import Callable
from typing import Any

from registry.checks import quiet  # noqa: F401 (before all others, which import Keras)
from registry.checks.backbones import try_backbone
from registry.checks.heads import try_head
from registry.checks.promises import Promise, shown
from registry.checks.segmenters import try_segmenter


def check_segmenter(factory: Callable[..., Any], /, **options: Any) -> list[Promise]:
    """A segmenter gives lung probabilities and can be trained and saved, or predicts masks untrained.

    Raises:
        ContractError: it does not; every promise is printed as a line.
    """
    return shown(factory, try_segmenter(factory, options))


def check_backbone(factory: Callable[..., Any], /, **options: Any) -> list[Promise]:
    """A backbone gives a feature map, trains, survives saving, and can be explained.

    Raises:
        ContractError: it does not; every promise is printed as a line.
    """
    return shown(factory, try_backbone(factory, options))


def check_head(factory: Callable[..., Any], /, **options: Any) -> list[Promise]:
    """A head gives logits for any number of classes and passes gradients on, or is a `Classifier`.

    Raises:
        ContractError: it does not; every promise is printed as a line.
    """
    return shown(factory, try_head(factory, options))
