"""What every trainable segmenter minimises."""

from typing import Any

from keras import ops


def cross_entropy_dice(truth: Any, probability: Any) -> Any:
    """Pixel cross-entropy plus one minus soft Dice, per image.

    Cross-entropy alone is content with missing a small lung, Dice alone starts with hardly any gradient.

    Args:
        truth: (B, H, W, 1), 0 or 1.
        probability: (B, H, W, 1) in [0, 1].

    Returns:
        (B,) losses.
    """
    truth = ops.cast(truth, "float32")
    probability = ops.clip(ops.cast(probability, "float32"), 1e-6, 1 - 1e-6)
    axes = (1, 2, 3)
    entropy = -ops.mean(truth * ops.log(probability) + (1 - truth) * ops.log(1 - probability), axis=axes)
    overlap = ops.sum(truth * probability, axis=axes)
    total = ops.sum(truth, axis=axes) + ops.sum(probability, axis=axes)
    return entropy + 1 - (2 * overlap + 1) / (total + 1)  # + 1: an empty truth met by an empty mask is no loss
