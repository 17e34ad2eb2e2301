"""Where a classifier looks, by gradients: Grad-CAM."""

from typing import Any

import keras
import numpy as np
from keras import ops

from registry.backend import gradient
from registry.errors import ContractError
from registry.networks.explanation import halves


def class_log_odds(logits: Any, class_index: Any) -> Any:
    """(B,) log-odds of a class from logits (B, K): z_k - logsumexp of the others.

    Unlike the bare logit z_k it does not change when one number is added to all logits of an image, just as the
    probabilities do not; for K = 2 it is the logit of a single sigmoid.

    Args:
        class_index: k, or (B,) of them.
    """
    chosen = ops.one_hot(ops.broadcast_to(ops.cast(class_index, "int32"), ops.shape(logits)[:1]), logits.shape[-1])
    logits = ops.cast(logits, "float32")
    others = ops.where(chosen > 0, -1e30, logits)
    return ops.sum(logits * chosen, axis=-1) - ops.logsumexp(others, axis=-1)


def grad_cam(
    backbone: keras.Model,
    head: keras.Model,
    images: np.ndarray,
    class_index: int | np.ndarray,
    *,
    fine: bool = True,
    batch_size: int = 64,
) -> np.ndarray:
    """Heat map of the log-odds of one class (Selvaraju et al. 2017, eq. 1-2, arXiv:1610.02391).

    Args:
        images: (B, H, W, 1) float32 in [0, 1], already masked.
        class_index: column of the head's logits to explain, or (B,) of them.
        fine: on the backbone's finer map where it has one, else on its features.

    Returns:
        (B, h, w) float32, >= 0, not normalised; h, w are the map's size.

    Raises:
        ContractError: the head does not return (B, K) logits with K >= 2.
    """
    to_map, to_features = halves(backbone, fine=fine)
    classes = np.broadcast_to(class_index, len(images))
    maps = []
    for start in range(0, len(images), batch_size):
        rows = slice(start, start + batch_size)

        def explained(tensor: Any, rows: slice = rows) -> Any:
            logits = head(to_features(tensor), training=False)
            _check_logits(logits, classes[rows])
            return class_log_odds(logits, classes[rows])

        tensor = to_map(ops.convert_to_tensor(images[rows]))  # (B, h, w, C)
        _, slopes = gradient(explained, tensor)
        weights = slopes.mean(axis=(1, 2), dtype=np.float32)  # (B, C)
        activations = ops.convert_to_numpy(tensor).astype(np.float32)
        maps.append(np.maximum(np.einsum("bhwc,bc->bhw", activations, weights), 0))
    return np.concatenate(maps) if maps else np.zeros((0, 1, 1), np.float32)


def _check_logits(logits: Any, classes: np.ndarray) -> None:
    if len(logits.shape) != 2 or logits.shape[1] < 2:
        raise ContractError(f"a head gives logits (B, K) with K >= 2, received {tuple(logits.shape)}")
    if len(classes) and not 0 <= classes.min() <= classes.max() < logits.shape[1]:
        raise ContractError(f"class_index is a column of {logits.shape[1]} logits, received {classes.max()}")
