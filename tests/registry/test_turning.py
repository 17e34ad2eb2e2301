"""Every second pixel of a transform is what Keras gives there, whichever way the backend computes it."""

import keras
import numpy as np
import pytest

from registry.kernels import every_second_pixel

pytestmark = pytest.mark.conformance
TRANSFORMS = [[1, 0, 0, 0, 1, 0, 0, 0], [0.8, -0.5, 3.2, 0.45, 0.9, -1.7, 0, 0], [1.2, 0.4, -9.0, -0.3, 0.7, 4.5, 0, 0]]


@pytest.mark.parametrize("size", [(12, 12), (9, 14)])
def test_every_second_pixel_is_that_of_kerass_transform(size):
    images = np.random.default_rng(3).uniform(0.2, 1, (3, *size, 1)).astype(np.float32)
    turns = np.array(TRANSFORMS, np.float32)
    how = {"interpolation": "bilinear", "fill_mode": "constant", "fill_value": 0.0}
    whole = keras.ops.image.affine_transform(images, keras.ops.array(turns), **how)
    found = keras.ops.convert_to_numpy(every_second_pixel(keras.ops.array(images), keras.ops.array(turns)))
    np.testing.assert_allclose(found, keras.ops.convert_to_numpy(whole)[:, ::2, ::2], atol=1e-5)
    np.testing.assert_allclose(found[0], images[0, ::2, ::2], atol=1e-5)
    assert (found[1:] == 0).any()  # black outside
