"""What finished runs need of images of elsewhere."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmark.models.external import _from_dataset
from benchmark.models.segmentation import Segmentation
from registry.errors import DataError
from registry.segmenters.dataset import dataset
from registry.segmenters.threshold import threshold

IMAGES = SimpleNamespace(has_mask=np.array([True, False, True]))


def test_masks_of_the_dataset_are_needed_of_every_image():
    reads = Segmentation(dataset((32, 32, 1)))
    assert _from_dataset(reads, IMAGES, np.array([0, 2]))
    with pytest.raises(DataError, match="takes lung masks from the dataset, and 1 of 3 images have none"):
        _from_dataset(reads, IMAGES, np.arange(3))


def test_who_draws_masks_or_needs_none_does_not_ask():
    assert not _from_dataset(None, IMAGES, np.arange(3))
    assert not _from_dataset(Segmentation(threshold((32, 32, 1))), IMAGES, np.arange(3))
