import numpy as np

from benchmark.data.control_views import border, mask_shape, metadata, thumbnail
from benchmark.data.originals import Originals


def originals(**changes):
    usual = {
        "ids": np.array(["a", "b", "c"]),
        "histograms": np.zeros((3, 32), np.float32),
        "sizes": np.array([[20, 30]] * 3),
        "kinds": np.array(["PNG"] * 3),
        "colours": np.array(["grey"] * 3),
        "bits": np.array([8] * 3),
    }
    return Originals(**{**usual, **changes})


def test_the_border_is_two_rings_of_24_cells_and_nothing_within_them():
    images = np.zeros((2, 48, 48), np.uint8)
    images[0, 4:-4, 4:-4] = 255
    images[1, :4] = images[1, -4:] = images[1, :, :4] = images[1, :, -4:] = 200
    found = border(images)
    assert found.shape == (2, 24 * 24 - 20 * 20)
    assert (found[0] == 0).all()
    assert (found[1] == 200).all()


def test_a_thumbnail_has_the_means_of_8_by_8_cells():
    image = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    expected = image.reshape(8, 8, 8, 8).mean(axis=(1, 3)).ravel()
    assert np.allclose(thumbnail(image[None]), expected, atol=1e-3)


def test_a_masks_shape_is_the_share_of_lung_in_16_by_16_cells():
    mask = np.zeros((1, 64, 64), bool)
    mask[0, :4, :4] = mask[0, 4:6, :4] = True
    found = mask_shape(mask).reshape(16, 16)
    assert (found[0, 0], found[1, 0]) == (1, 0.5)
    assert found.sum() == 1.5


def test_metadata_are_what_varies_among_the_files():
    sizes, bits = np.array([[20, 30], [40, 30], [20, 30]]), np.array([8, 8, 16])
    found, names = metadata(originals(sizes=sizes, bits=bits))
    assert names == ["height", "ratio", "bits"]
    assert found.tolist() == [[20, 1.5, 8], [40, 0.75, 8], [20, 1.5, 16]]


def test_formats_and_colour_modes_are_a_column_each():
    found, names = metadata(originals(kinds=np.array(["PNG", "JPEG", "PNG"])))
    assert (names, found.tolist()) == (["format"], [[0, 1], [1, 0], [0, 1]])


def test_files_that_are_all_alike_say_nothing():
    assert metadata(originals()) is None
