"""The statistics of batch normalisation, estimated anew from training images whenever a network is to answer.

Moving averages start at variance 1 and follow with a delay: after a few dozen steps they are not those of the weights.
Here they are the mean and the variance over a fixed sample of what the network trains on, at the weights of the moment
(Wu & Johnson 2021, arXiv:2105.07576, section 3).
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import layers

from benchmark.models.batches import Batches
from registry.backend import training_pass

SAMPLE = 256  # images
NOISE = {  # what a layer adds in training to make it harder -> the attribute that says how much
    layers.Dropout: "rate",
    layers.AlphaDropout: "rate",
    layers.GaussianDropout: "rate",
    layers.GaussianNoise: "stddev",
}


class BatchStatistics:
    """Those of one network in training.

    Args:
        network: compiled or not; layers that are frozen keep what they have.
        batches: its first ones are the sample: balanced and augmented as training images are.
        reseed: sets every seed generator of the network.
    """

    def __init__(self, network: keras.Model, batches: Batches, reseed: Callable[[], None]) -> None:
        flat = network._flatten_layers(include_self=False)
        self.normalisations = [
            layer for layer in flat if isinstance(layer, layers.BatchNormalization) and layer.trainable
        ]
        self.settings: list[tuple[Any, str]] = [(layer, "momentum") for layer in self.normalisations]
        for layer in flat:
            self.settings += [(layer, name) for kind, name in NOISE.items() if isinstance(layer, kind)]
        self.reseed = reseed
        self.images = self._sample(batches) if self.normalisations else []
        self.run = training_pass(network)

    @property
    def cost(self) -> int:
        """Images that go forward through the network for an estimate."""
        return sum(map(len, self.images))

    def estimate(self) -> None:
        """Set the moving means and variances; the network's seed generators stand where the sample left them."""
        if not self.normalisations:
            return
        self.reseed()
        found = []
        with self._plain():
            for images in self.images:
                self.run(images)
                found.append([(_value(one.moving_mean), _value(one.moving_variance)) for one in self.normalisations])
        for place, layer in enumerate(self.normalisations):
            means, variances = (np.stack([batch[place][k] for batch in found]) for k in range(2))
            layer.moving_mean.assign(means.mean(axis=0))
            layer.moving_variance.assign(variances.mean(axis=0) + means.var(axis=0))  # within batches and between

    def compile(self) -> None:
        """Whatever is to be compiled before the first estimate; leaves changed variables behind."""
        if self.images:
            with self._plain():
                self.run(self.images[0])

    def _sample(self, batches: Batches) -> list[np.ndarray]:
        before, images = batches.epoch, []
        for place in range(math.ceil(SAMPLE / batches.batch_size)):
            batches.epoch, step = divmod(place, len(batches))
            images.append(batches[step][0])
        batches.epoch = before
        return images

    @contextmanager
    def _plain(self) -> Iterator[None]:
        """Inside, a layer's statistics are those of the last batch alone, and nothing is dropped."""
        before = [getattr(layer, name) for layer, name in self.settings]
        for layer, name in self.settings:
            setattr(layer, name, 0.0)
        try:
            yield
        finally:
            for (layer, name), value in zip(self.settings, before, strict=True):
                setattr(layer, name, value)


def _value(variable: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(variable), float)
