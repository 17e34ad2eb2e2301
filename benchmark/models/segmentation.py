"""Lung masks: the network that learns to draw them, what it learns from, and what draws them for any image."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import keras
import numpy as np

from benchmark.models.inference import outputs, unit
from registry.declarations import is_network, keeps_whole_frame, reads_dataset_masks
from registry.lookup import find
from registry.lookup import load as load_component
from registry.networks.saved import load_network

if TYPE_CHECKING:
    from benchmark.tasks.spec import Component

MAX_TURN = 10.0  # degrees
MAX_SHIFT = 0.06  # of the frame
MAX_SCALE = 0.12
MAX_GAMMA = 1.4
BATCH = 32
THRESHOLD = 0.5  # of the lung probability


@dataclass(frozen=True)
class Segmentation:
    """What draws lung masks.

    Attributes:
        product: of a segmenter: a network, float32 (B,H,W,1) in [0, 1] -> lung probability (B,H,W,1), or what
            predicts bool (B,H,W) without having been trained.
    """

    product: Any

    @property
    def whole_frame(self) -> bool:
        """Whether it keeps everything."""
        return keeps_whole_frame(self.product)

    @property
    def reads_dataset_masks(self) -> bool:
        """Whether it hands on masks that the dataset has, and draws none for new images."""
        return reads_dataset_masks(self.product)

    def masks(self, images: np.ndarray, batch_size: int = BATCH) -> np.ndarray:
        """Masks bool (n,H,W) of prepared images uint8 (n,H,W).

        Raises:
            ContractError: it reads the masks of a dataset.
        """
        if is_network(self.product):
            return outputs(self.product, unit(images), batch_size)[..., 0] > THRESHOLD
        return np.asarray(self.product.predict(unit(images)), bool)


def make_segmentation(component: "Component", size: int) -> Segmentation:
    """What a segmenter's factory gives for images of so many pixels a side; a network is not trained yet."""
    factory = load_component(find("segmenter", component.name))
    return Segmentation(factory((size, size, 1), **component.options))


def load_segmentation(path: Path, name: str) -> Segmentation:
    """The trained network of a segmenter from its file."""
    return Segmentation(load_network(path, "segmenter", name))


def on_bytes(network: keras.Model, size: int) -> keras.Model:
    """The trainer's graph: uint8 images (B,H,W,1) of so many pixels a side -> lung probability."""
    scaled = keras.layers.Rescaling(1 / 255, dtype="float32")
    return keras.Sequential([keras.Input((size, size, 1), dtype="uint8"), scaled, network])


def distorted(generator: np.random.Generator, images: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Images and masks turned, scaled, shifted and mirrored alike; the exposure of the images varied."""
    size = images.shape[1]
    films, lungs = np.empty_like(images), np.empty_like(masks)
    for row in range(len(images)):
        turn, scale = generator.uniform(-MAX_TURN, MAX_TURN), 1 + generator.uniform(-MAX_SCALE, MAX_SCALE)
        matrix = cv2.getRotationMatrix2D(((size - 1) / 2, (size - 1) / 2), turn, scale)
        matrix[:, 2] += generator.uniform(-MAX_SHIFT, MAX_SHIFT, 2) * size
        if generator.random() < 0.5:
            matrix = matrix @ np.array([[-1, 0, size - 1], [0, 1, 0], [0, 0, 1]], float)
        gamma = MAX_GAMMA ** generator.uniform(-1, 1)
        exposed = (255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
        film = cv2.warpAffine(images[row], matrix, (size, size), flags=cv2.INTER_CUBIC)
        films[row, ..., 0] = exposed[film]
        lungs[row, ..., 0] = cv2.warpAffine(masks[row], matrix, (size, size), flags=cv2.INTER_LINEAR) > 0.5
    return films, lungs
