from functools import partial

import cv2
import numpy as np
import pytest

from benchmark.data.copies import Copy, check_copies, find_copies, find_copies_between
from benchmark.data.film_memory import FilmMemory
from registry.contracts import Sample
from registry.errors import DataError
from registry.readers.files import read_gray
from tests import xrays


def film(seed: int, side: int = 240) -> np.ndarray:
    """A picture with structure at every scale, as films have, uint8 (side, side)."""
    random, found = np.random.default_rng(seed), np.zeros((side, side))
    for cells in (4, 8, 16, 32, 64):
        noise = cv2.resize(random.standard_normal((cells, cells)), (side, side), interpolation=cv2.INTER_CUBIC)
        found += noise / np.sqrt(cells)
    return cv2.normalize(found, None, 20, 235, cv2.NORM_MINMAX).astype(np.uint8)


def crop(pixels: np.ndarray, share: float, left: float = 0.3, top: float = 0.8) -> np.ndarray:
    side = round(share * len(pixels))
    row, column = round(top * (len(pixels) - side)), round(left * (len(pixels) - side))
    return pixels[row : row + side, column : column + side]


def sample(path, pixels, label="a") -> Sample:
    """A film in a file."""
    path = str(xrays.write(path, pixels))
    return Sample(path, label, None, path, partial(read_gray, path), paths=(path,))


def found(samples, **options):
    told = []
    copies = find_copies(samples, workers=2, told=lambda *done: told.append(done), **options)
    assert told == sorted(told)
    assert told[-1] == (1000, 1000)
    return [copy[:2] for copy in copies]


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """Sixteen films of which none is a copy of another."""
    folder = tmp_path_factory.mktemp("others")
    return [sample(folder / f"{seed}.png", film(seed)) for seed in range(16)]


@pytest.mark.parametrize(
    "changed",
    [
        lambda pixels: pixels,
        lambda pixels: crop(pixels, 0.8),
        lambda pixels: crop(pixels, 0.9, 1, 0),
        lambda pixels: cv2.resize(pixels, (96, 96), interpolation=cv2.INTER_AREA),
        lambda pixels: cv2.resize(pixels, (240, 200), interpolation=cv2.INTER_AREA),
        lambda pixels: np.clip(0.6 * pixels + 70, 0, 255).astype(np.uint8),
        lambda pixels: (255 * (pixels / 255) ** 0.6).astype(np.uint8),
    ],
    ids=["same", "crop to .8", "crop to .9", "smaller", "stretched", "brighter", "gamma"],
)
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_film_is_found_again_after_what_collections_do_to_films(changed, suffix, others, tmp_path):
    copy = sample(tmp_path / f"copy{suffix}", changed(film(7)))
    assert found([*others, copy]) == [(7, 16)]
    assert found([copy, *others]) == [(0, 8)]


def test_a_film_of_16_bits_is_found_in_one_of_8(others, tmp_path):
    deep = film(7).astype(np.uint16) * 12 + np.random.default_rng(0).integers(0, 12, (240, 240)).astype(np.uint16)
    path = str(xrays.write(tmp_path / "deep.png", deep))
    copy = Sample(path, "a", None, path, partial(cv2.imread, path, cv2.IMREAD_UNCHANGED), paths=(path,))
    assert copy.read_image().dtype == np.uint16
    assert found([*others, copy]) == [(7, 16)]


def test_a_film_is_found_behind_bars_that_make_it_square(others, tmp_path):
    bars = np.zeros((240, 240), np.uint8)
    bars[50:-50] = cv2.resize(film(7), (240, 140), interpolation=cv2.INTER_AREA)
    assert found([*others, sample(tmp_path / "bars.jpg", bars)]) == [(7, 16)]


def test_different_films_are_no_copies(others):
    assert found(others) == []


def test_films_without_content_or_that_cannot_be_read_are_copies_of_nothing(others, tmp_path):
    blank = [sample(tmp_path / f"{n}.png", np.full((40, 40), 90, np.uint8)) for n in range(2)]
    broken = sample(tmp_path / "broken.png", film(3))
    xrays.truncated(tmp_path / "broken.png")
    assert found([*others[:5], *blank, broken]) == []


def test_drawn_images_are_not_searched():
    def never():
        raise AssertionError

    drawn = [Sample(str(n), "a", None, str(n), never) for n in range(3)]
    assert find_copies(drawn, workers=1, told=lambda *_: None) == []


def test_films_of_one_set_are_found_in_another(others, tmp_path):
    ours = [sample(tmp_path / "a.jpg", film(99)), sample(tmp_path / "b.jpg", crop(film(6), 0.85))]
    copies = find_copies_between(ours, others, workers=2, told=lambda *_: None)
    assert [(copy.one, copy.other) for copy in copies] == [(1, 6)]
    assert copies[0].points >= 60
    theirs = [sample(tmp_path / "c.png", crop(film(5), 0.8))]
    assert [copy[:2] for copy in find_copies_between(others, theirs, workers=2, told=lambda *_: None)] == [(5, 0)]


def test_what_was_found_of_a_file_is_not_computed_again(others, tmp_path, monkeypatch):
    copy = sample(tmp_path / "copy.png", crop(film(4), 0.9))
    memory = FilmMemory()
    assert found([*others, copy], memory=memory) == [(4, 16)]
    known = FilmMemory(memory.content())
    moved = sample(tmp_path / "moved.png", crop(film(4), 0.9))  # the same bytes elsewhere

    def never(*_):
        raise AssertionError("decoded again")

    monkeypatch.setattr("benchmark.data.films.levelled", never)
    assert found([*others, moved], memory=known) == [(4, 16)]


def test_films_of_one_file_are_told_apart(others, tmp_path):
    path = tmp_path / "films.npz"
    path.write_bytes(b"all of them")
    rows = [film(1), film(2), crop(film(1), 0.9), film(3)]
    samples = [
        Sample(f"row-{n}", "a", None, "g", partial(np.copy, row), paths=(str(path),)) for n, row in enumerate(rows)
    ]
    memory = FilmMemory()
    assert found(samples, memory=memory) == [(0, 2)]
    assert found(samples[::-1], memory=memory) == [(1, 3)]


def test_a_damaged_memory_is_an_empty_one():
    whole = FilmMemory()
    whole.thumbnails[b"a" * 16] = np.zeros((64, 64), np.uint8)
    content = whole.content()
    assert list(FilmMemory(content).thumbnails) == [b"a" * 16]
    for damaged in (b"", b"x", content[:-40], content[:60] + b"?" * 40 + content[100:]):
        assert FilmMemory(damaged).thumbnails == {}


def test_many_films_that_would_be_one_stop_with_what_to_do(others):
    chain = [Copy(n, n + 1, 99) for n in range(20)]
    with pytest.raises(DataError, match=r"21 of 32 films .*0\.png.*split\.copies = \"identical\""):
        check_copies(chain, others * 2)
    check_copies(chain[:19], others)
    check_copies(chain, others * 140)
