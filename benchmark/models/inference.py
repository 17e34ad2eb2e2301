"""What a network gives for images, a batch at a time.

Keras's `predict` is not called: with TensorFlow it goes through a `tf.data` pipeline whose autotuner holds up the end
of many a call by up to seconds.
"""

import keras
import numpy as np

from registry.kernels import take_any_batch


def outputs(network: keras.Model, images: np.ndarray, batch_size: int) -> np.ndarray:
    """What a network of one output gives for images (N, ...), so many at once; the last batch may be smaller."""
    take_any_batch(network)
    starts = range(0, len(images), batch_size)
    return np.concatenate([network.predict_on_batch(images[start : start + batch_size]) for start in starts])


def warm_up(network: keras.Model, images: np.ndarray, batch_size: int, count: int) -> None:
    """Have a network compiled for the sizes of the batches that `count` images make, full ones and the rest.

    Args:
        images: at least one batch, or all of them.
    """
    take_any_batch(network)
    for size in dict.fromkeys((min(batch_size, count), count % batch_size)):
        if size:
            network.predict_on_batch(images[:size])


def unit(images: np.ndarray) -> np.ndarray:
    """Images uint8 (n,H,W) as float32 (n,H,W,1) in [0, 1]."""
    return images[..., None].astype(np.float32) / 255
