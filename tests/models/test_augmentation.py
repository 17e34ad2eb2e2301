"""Augmentation on drawn gratings and marked corners: what it changes, and what it must leave alone."""

import keras
import numpy as np
import pytest

from benchmark.models.augmentation import SharpRotation, augmentation
from benchmark.models.training import reseed

SIZE = 64


def images(count=1, seed=0):
    return np.random.default_rng(seed).random((count, SIZE, SIZE, 1), np.float32)


def grating(period, angle=0.0, size=SIZE):
    """(size, size) waves of `period` pixels; `angle` in radians turns them about the centre."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    along = x * np.cos(angle) + y * np.sin(angle)
    return (0.5 + 0.4 * np.cos(2 * np.pi * along / period)).astype(np.float32)


def asymmetric():
    """One image whose four flips all differ."""
    image = np.zeros((1, SIZE, SIZE, 1), np.float32)
    image[0, 5:20, 8:30] = 0.8
    image[0, 40:44, 50:60] = 0.3
    return image


def apply(change, batch):
    return np.asarray(change(batch, training=True))


@pytest.mark.parametrize("flips", ["both", "anatomical", "none"])
def test_outside_training_nothing_changes(flips):
    change = augmentation(flips=flips, rotation=0.1, rotated=1.0, seed=0)
    batch = images(4)
    assert np.array_equal(np.asarray(change(batch, training=False)), batch)
    network = keras.Sequential([keras.Input((SIZE, SIZE, 1)), change])
    assert np.array_equal(network.predict(batch, verbose=0), batch)


def test_without_flips_and_rotation_training_images_are_left_alone_too():
    batch = images(4)
    for rotation, rotated in ((0.0, 0.5), (0.1, 0.0)):
        assert np.array_equal(
            apply(augmentation(flips="none", rotation=rotation, rotated=rotated, seed=0), batch), batch
        )


@pytest.mark.parametrize(
    ("flips", "reachable"),
    [("both", {"as it was", "left-right", "upside-down", "both"}), ("anatomical", {"as it was", "left-right"})],
)
def test_flips_reach_exactly_the_images_they_name(flips, reachable):
    image = asymmetric()[0, ..., 0]
    names = {"as it was": image, "left-right": image[:, ::-1], "upside-down": image[::-1], "both": image[::-1, ::-1]}
    change = augmentation(flips=flips, rotation=0.0, rotated=0.0, seed=1)
    seen = []
    for flipped in apply(change, np.repeat(asymmetric(), 200, axis=0))[..., 0]:
        seen += [name for name, expected in names.items() if np.array_equal(flipped, expected)]
    assert len(seen) == 200
    assert set(seen) == reachable
    for name in reachable:
        assert seen.count(name) / 200 == pytest.approx(1 / len(reachable), abs=0.11)  # three deviations


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_the_share_of_rotated_images_is_the_one_asked_for(share):
    batch = images(16)[np.arange(400) % 16]
    changed = apply(SharpRotation(0.1, share, seed=2), batch)
    rotated = [not np.array_equal(before, after) for before, after in zip(batch, changed, strict=True)]
    assert np.mean(rotated) == pytest.approx(share, abs=0.08)


def test_angles_fill_the_whole_range_and_no_more():
    """The direction of a grating is read from the phase of its rotated copy: compare with drawn ones."""
    turned = apply(SharpRotation(0.1, 1.0, seed=5), np.repeat(grating(8)[None, ..., None], 60, axis=0))[..., 0]
    inner = slice(16, 48)
    degrees = np.arange(-60, 61, 1.0)
    drawn = np.stack([grating(8, np.deg2rad(angle))[inner, inner].ravel() for angle in degrees])
    found = [degrees[np.argmin(((drawn - image[inner, inner].ravel()) ** 2).sum(axis=1))] for image in turned]
    assert 30 < max(found) <= 36
    assert -36 <= min(found) < -30


def test_corners_become_black_and_no_tissue_is_invented():
    """Wrapping or reflecting would bring a second white frame or lung into the picture."""
    white = np.ones((20, SIZE, SIZE, 1), np.float32)
    turned = apply(SharpRotation(0.1, 1.0, seed=0), white)
    area = turned.mean(axis=(1, 2, 3))
    assert turned.max() <= 1.0
    assert (area <= 1.0 + 1e-6).all()
    most = turned[np.argmin(area)]
    for corner in (most[0, 0], most[0, -1], most[-1, 0], most[-1, -1]):
        assert corner == 0
    assert np.abs(turned[:, SIZE // 2 - 8 : SIZE // 2 + 8, SIZE // 2 - 8 : SIZE // 2 + 8] - 1).max() < 1e-5


def test_masked_images_stay_black_outside_and_keep_their_mass():
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    lungs = ((np.abs(x) > 4) & (x**2 / 18**2 + y**2 / 22**2 < 1)).astype(np.float32)[None, ..., None] * 0.7
    turned = apply(SharpRotation(0.1, 1.0, seed=3), np.repeat(lungs, 12, axis=0))
    assert turned.sum(axis=(1, 2, 3)) == pytest.approx(lungs.sum(), rel=0.01)
    outside = np.hypot(x, y) > 25
    assert np.abs(turned[:, outside]).max() < 1e-6


def test_an_image_turns_about_its_centre():
    dot = np.zeros((1, SIZE, SIZE, 1), np.float32)
    dot[0, 30:34, 30:34] = 1.0
    turned = apply(SharpRotation(0.1, 1.0, seed=4), np.repeat(dot, 10, axis=0))[..., 0]
    y, x = np.mgrid[:SIZE, :SIZE]
    for image in turned:
        assert (image * y).sum() / image.sum() == pytest.approx((SIZE - 1) / 2, abs=0.05)
        assert (image * x).sum() / image.sum() == pytest.approx((SIZE - 1) / 2, abs=0.05)


@pytest.mark.parametrize(("period", "kept"), [(4, 0.87), (5, 0.91), (6, 0.95)])
def test_rotation_keeps_texture_that_bilinear_interpolation_wipes_out(period, kept):
    """Contrast of waves of 4 to 6 pixels inside the turned image, as a share of what it was."""
    batch = np.repeat(grating(period)[None, ..., None], 40, axis=0)
    inner = slice(14, 50)
    before = batch[:, inner, inner].std()
    sharp = apply(SharpRotation(0.1, 1.0, seed=7), batch)[:, inner, inner].std(axis=(1, 2, 3)).mean() / before
    plain = keras.layers.RandomRotation(0.1, fill_mode="constant", interpolation="bilinear", seed=7)
    soft = apply(plain, batch)[:, inner, inner].std(axis=(1, 2, 3)).mean() / before
    assert sharp > kept
    assert 1 - sharp < 0.65 * (1 - soft)


def test_values_stay_float32_in_the_unit_interval():
    """Cubic kernels overshoot at edges."""
    change = augmentation(flips="both", rotation=0.1, rotated=1.0, seed=0)
    edges = (images(8) > 0.5).astype(np.float32)
    changed = apply(change, edges)
    assert changed.dtype == np.float32
    assert changed.shape == edges.shape
    assert changed.min() >= 0
    assert changed.max() <= 1


def test_the_same_state_of_the_seeds_gives_the_same_images():
    network = keras.Sequential(
        [keras.Input((SIZE, SIZE, 1)), augmentation(flips="both", rotation=0.1, rotated=0.5, seed=0)]
    )
    batch = images(8)
    reseed(network, 3, 5)
    first, second = apply(network, batch), apply(network, batch)
    assert not np.array_equal(first, second)
    reseed(network, 3, 5)
    assert np.array_equal(apply(network, batch), first)
    reseed(network, 3, 6)
    assert not np.array_equal(apply(network, batch), first)


def test_images_of_a_batch_are_changed_independently():
    changed = apply(SharpRotation(0.1, 1.0, seed=0), np.repeat(images(1), 6, axis=0))
    assert len({image.tobytes() for image in changed}) == 6
