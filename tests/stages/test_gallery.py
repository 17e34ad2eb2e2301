"""Which test images every pipeline of a split is shown on, and how small their pictures are."""

import base64
from collections import Counter

import cv2
import numpy as np
import pytest

from benchmark.figures.gallery import Shown, gallery, heat_layer
from benchmark.figures.overlays import overlay
from benchmark.records.gallery import FILE, read_gallery
from benchmark.stages.gallery import choose

IDS = [f"film-{n}" for n in range(200)]
TARGETS = np.arange(200) % 4 // 3  # one in four is of class 1


def named(ids, targets, digest="d"):
    return [ids[place] for place in choose(ids, targets, digest)]


def test_a_dozen_are_chosen_alike_of_every_class():
    chosen = choose(IDS, TARGETS, "d")
    assert Counter(TARGETS[chosen].tolist()) == {0: 6, 1: 6}
    assert TARGETS[chosen].tolist() == sorted(TARGETS[chosen].tolist())


def test_the_order_in_which_a_run_keeps_its_images_does_not_matter():
    mixed = np.random.default_rng(0).permutation(200)
    assert named(IDS, TARGETS) == named([IDS[place] for place in mixed], TARGETS[mixed])


def test_another_split_is_shown_on_other_images():
    assert named(IDS, TARGETS) != named(IDS, TARGETS, "another")


def test_few_images_and_many_classes_are_no_trouble():
    assert sorted(choose(IDS[:3], np.array([0, 1, 1]), "d").tolist()) == [0, 1, 2]
    assert len(choose(IDS, np.arange(200) % 40, "d")) == 12


def shown(size: int, number: int = 0, heat: np.ndarray | None = None) -> Shown:
    rng = np.random.default_rng(number)
    small = rng.integers(0, 256, (size // 8, size // 8)).astype(np.uint8)  # as busy as a film with ribs and lettering
    film = cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC)
    own = rng.integers(1, 256, (16, 16)).astype(np.uint8) if heat is None else heat
    return Shown(f"film-{number}", "ill", "well", 0.25, film, film // 2, own)


def decoded(text: str) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_UNCHANGED)


@pytest.mark.parametrize("size", [64, 512])
def test_a_gallery_has_at_most_250_kilobytes(size, tmp_path):
    content = gallery([shown(size, number) for number in range(12)], "Grad-CAM")
    assert len(content) <= 250_000
    (tmp_path / FILE).write_bytes(content)
    found = read_gallery(tmp_path)
    assert (found.width, found.height, len(found.pictures)) == (min(size, 128), min(size, 128), 12)
    film = decoded(found.pictures[0].film)
    assert film.shape == (min(size, 128), min(size, 128))
    assert np.abs(film.astype(int).mean() - 2 * decoded(found.pictures[0].seen).astype(int).mean()) < 4


def test_heat_lies_where_the_figures_have_it_and_in_their_colours():
    across, down = np.meshgrid(np.arange(8), np.arange(8))
    heat = np.rint(255 * np.exp(-((across - 6) ** 2 + (down - 1) ** 2) / 2)).astype(np.uint8)
    layer = heat_layer(heat, (128, 128)).astype(float)
    large = cv2.resize(layer, (128, 128), interpolation=cv2.INTER_LINEAR)
    grey = np.full((128, 128), 120, np.uint8)
    opacity = large[..., 3:] / 255
    drawn = grey[..., None] * (1 - opacity) + large[..., :3] * opacity
    expected = overlay(grey, heat.astype(float)).astype(float)
    hot = np.s_[18:30, 98:110]
    assert np.abs(drawn[hot] - expected[hot]).mean() < 6
    assert np.abs(drawn[64:, :64] - expected[64:, :64]).max() <= 1


def test_an_empty_map_and_an_unmasked_view_take_no_room(tmp_path):
    one = shown(64, heat=np.zeros((4, 4), np.uint8))
    (tmp_path / FILE).write_bytes(gallery([one._replace(seen=one.film)], "Grad-CAM"))
    (picture,) = read_gallery(tmp_path).pictures
    assert (picture.heat, picture.seen) == ("", "")
