"""Occlusion against a classifier whose log-odds come from where we put it."""

import numpy as np

from benchmark.models.occlusion import hidden, occlusion


def planted(images):
    """Logits (B, 2): the mean of the upper left eighth of the sides decides for class 1."""
    bright = images[:, :8, :8].mean(axis=(1, 2)) / 32
    return np.stack([np.zeros_like(bright), bright], axis=1)


def radiographs():
    drawn = np.full((3, 64, 64), 60, np.uint8)
    drawn[:, :8, :8] = 250
    return drawn


def test_the_map_is_hottest_where_the_signal_was_put():
    maps = occlusion(planted, radiographs(), np.ones(3, int))
    assert maps.shape == (3, 8, 8)
    assert all(np.unravel_index(heat.argmax(), heat.shape) == (0, 0) for heat in maps)
    assert maps[:, 3:, 3:].max() == 0


def test_what_speaks_for_the_other_class_is_not_lost_there():
    assert occlusion(planted, radiographs(), np.zeros(3, int)).max() == 0


def test_each_cell_has_the_mean_loss_of_the_patches_that_cover_it():
    """Four patches of 16 x 16 pixels cover cell (1, 1), one of them hides the bright corner and its signal."""
    maps = occlusion(planted, radiographs(), np.ones(3, int))
    lost = (250 - round(radiographs()[0].mean())) / 32
    assert np.allclose(maps[0, 0, 0], lost, rtol=1e-5)
    assert np.allclose(maps[0, 1, 1], lost / 4, rtol=1e-5)


def test_a_patch_adds_nothing_outside_the_lungs():
    radiograph = np.zeros((1, 64, 64), np.uint8)
    radiograph[0, 20:40, 20:40] = 100
    copy = hidden(radiograph, slice(0, 30), slice(0, 30))
    assert (copy[radiograph == 0] == 0).all()
    assert (copy[radiograph > 0] == 100).all()  # its own mean
    assert (radiograph[0, 20:40, 20:40] == 100).all()


def test_a_black_image_has_an_empty_map_and_no_images_have_none():
    assert occlusion(planted, np.zeros((1, 64, 64), np.uint8), np.ones(1, int)).max() == 0
    assert occlusion(planted, np.zeros((0, 64, 64), np.uint8), np.ones(0, int)).shape == (0, 8, 8)
