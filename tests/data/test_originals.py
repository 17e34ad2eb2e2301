from functools import partial

import cv2
import numpy as np
import pytest

from benchmark.data.originals import FILE, grey_histogram, load_originals, read_originals
from registry.contracts import Sample
from registry.errors import DataError
from registry.readers.files import read_gray


def sample(name, image, path=None):
    return Sample(name, "COVID", None, name, lambda: image, paths=(path,) if path else ())


def from_file(path, *others):
    return Sample(
        path.name, "COVID", None, path.name, partial(read_gray, str(path)), paths=(*map(str, others), str(path))
    )


def test_a_histogram_is_the_share_of_the_pixels_in_each_of_32_ranges():
    image = np.array([[0, 7, 8, 255], [0, 0, 0, 0]], np.uint8)
    expected = np.zeros(32)
    expected[[0, 1, 31]] = 6 / 8, 1 / 8, 1 / 8
    assert np.allclose(grey_histogram(image), expected)


def test_images_are_read_as_they_are_whatever_their_size():
    images = [np.full((20, 30), 255, np.uint8), np.zeros((40, 16), np.uint8)]
    told = []
    found = read_originals(
        [sample(str(k), one) for k, one in enumerate(images)], 2, lambda *progress: told.append(progress)
    )
    assert found.ids.tolist() == ["0", "1"]
    assert found.sizes.tolist() == [[20, 30], [40, 16]]
    assert found.histograms.argmax(axis=1).tolist() == [31, 0]
    assert (found.kinds.tolist(), found.bits.tolist()) == (["", ""], [0, 0])
    assert told[-1] == (2, 2)


def test_a_header_is_that_of_the_file_with_the_picture_and_not_of_a_mask(tmp_path):
    cv2.imwrite(str(tmp_path / "film.jpg"), np.full((20, 30), 9, np.uint8))
    cv2.imwrite(str(tmp_path / "mask.png"), np.full((40, 60), 255, np.uint8))
    found = read_originals([from_file(tmp_path / "film.jpg", tmp_path / "mask.png")], 1, lambda *_: None)
    assert (found.kinds.tolist(), found.colours.tolist(), found.bits.tolist()) == (["JPEG"], ["grey"], [8])


def test_what_cannot_be_read_is_left_out_and_missed_only_by_who_asks_for_it(tmp_path):
    cv2.imwrite(str(tmp_path / "good.png"), np.full((20, 30), 9, np.uint8))
    (tmp_path / "bad.png").write_bytes(b"")
    found = read_originals([from_file(tmp_path / name) for name in ("bad.png", "good.png")], 1, lambda *_: None)
    assert found.ids.tolist() == ["good.png"]
    assert found.of(["good.png"]).sizes.tolist() == [[20, 30]]
    with pytest.raises(DataError, match="bad"):
        found.of(["good.png", "bad.png"])


def test_they_are_stored_and_given_in_the_order_of_ids(tmp_path):
    found = read_originals([sample(name, np.full((16, 16), 8 * k, np.uint8)) for k, name in enumerate("abc")], 1, print)
    np.savez_compressed(tmp_path / FILE, **found._asdict())
    kept = load_originals(tmp_path).of(np.array(["c", "a"]))
    assert kept.ids.tolist() == ["c", "a"]
    assert kept.histograms.argmax(axis=1).tolist() == [2, 0]
