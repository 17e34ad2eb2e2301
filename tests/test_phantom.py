import pickle

import numpy as np

from registry.datasets.phantom import phantom


def test_films_masks_and_lesions_have_the_promised_shapes_and_types():
    for sample in list(phantom(None, count=40).samples())[::5]:
        image, mask, lesion = sample.read_image(), sample.read_mask(), sample.read_lesion()
        assert image.shape == mask.shape == lesion.shape == (64, 64)
        assert (image.dtype, mask.dtype, lesion.dtype) == (np.uint8, bool, bool)
        assert not (lesion & ~mask).any()
        assert lesion.any() == (sample.label != "Normal")


def test_samples_survive_pickling():
    sample = next(iter(phantom(None, count=4).samples()))
    assert np.array_equal(pickle.loads(pickle.dumps(sample)).read_image(), sample.read_image())
